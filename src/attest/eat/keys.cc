#include "attest/eat/keys.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::attest::eat {
namespace {

tl::unexpected<Error> unreadable(const std::string& why) {
  return fail(Code::eat_keys_unreadable, "the attesters' keys: " + why);
}

Result<std::string> member_of(const Json& jwk, const char* name) {
  const auto member = jwk.find(name);
  if (member == jwk.end()) return std::string();
  if (!member->is_string() || member->get_ref<const std::string&>().empty())
    return unreadable(std::string(name) + " must be a text that is not empty");
  return member->get<std::string>();
}

Result<std::vector<std::string>> issuers_of(const Json& jwk,
                                            const std::vector<std::string>& configured,
                                            bool alone) {
  auto own = member_of(jwk, "iss");
  if (!own) return pass_on(own);
  if (own->empty() && (alone || configured.size() == 1)) return configured;
  if (own->empty())
    return unreadable(
        "of several keys each must say for whom it speaks: give each a member \"iss\", or name one "
        "issuer alone in `issuers`");
  if (!configured.empty() &&
      std::find(configured.begin(), configured.end(), *own) == configured.end())
    return unreadable("iss \"" + printable(*own) + "\" is none of `issuers`");
  return std::vector{std::move(*own)};
}

Result<Attester> attester_of(const Json& jwk, const std::vector<std::string>& issuers, bool alone) {
  if (!jwk.is_object()) return unreadable("a key is no object");
  auto kid = member_of(jwk, "kid");
  if (!kid) return pass_on(kid);
  auto bound = issuers_of(jwk, issuers, alone);
  if (!bound) return pass_on(bound);
  auto key = jose::PublicKey::from_jwk(jwk);
  if (!key) return unreadable("kid \"" + printable(*kid) + "\": " + key.error().detail);
  return Attester{std::move(*kid), std::move(*bound), std::move(*key)};
}

}  // namespace

std::string Attester::name() const {
  return issuers.size() == 1 ? issuers.front() : key.thumbprint();
}

Result<Keys> Keys::parse(std::string_view text, const std::vector<std::string>& issuers) {
  auto json = parse_json(text);
  if (!json) return unreadable(json.error().detail);
  const Json one = json->is_object() && json->contains("kty") ? Json::array({*json}) : Json();
  const Json all = one.is_array() ? one : json->is_object() ? json->value("keys", Json()) : Json();
  if (!all.is_array() || all.empty() || all.size() > most_keys)
    return unreadable("a JWK set of 1 to 64 keys is wanted");
  Keys keys;
  std::set<std::string> kids;
  for (const Json& jwk : all) {
    auto attester = attester_of(jwk, issuers, all.size() == 1);
    if (!attester) return pass_on(attester);
    if (!kids.insert(attester->kid).second || (attester->kid.empty() && all.size() > 1))
      return unreadable("of several keys each needs a kid of its own");
    keys.keys_.push_back(std::move(*attester));
  }
  return keys;
}

Result<Attester> Keys::named(std::string_view kid) const {
  for (const Attester& attester : keys_) {
    const bool only = keys_.size() == 1 && (kid.empty() || attester.kid.empty());
    if (only || (!kid.empty() && attester.kid == kid)) return attester;
  }
  return fail(Code::eat_key_unknown,
              kid.empty() ? std::string("the token names no key, and several are configured")
                          : "no key \"" + printable(kid) + "\" is configured");
}

}  // namespace mintmark::attest::eat
