#include "attest/eat/keys.h"

#include <set>

#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::attest::eat {
namespace {

tl::unexpected<Error> unreadable(const std::string& why) {
  return fail(Code::eat_keys_unreadable, "the attesters' keys: " + why);
}

Result<std::string> kid_of(const Json& jwk) {
  const auto kid = jwk.find("kid");
  if (kid == jwk.end()) return std::string();
  if (!kid->is_string() || kid->get_ref<const std::string&>().empty())
    return unreadable("a kid must be a text that is not empty");
  return kid->get<std::string>();
}

}  // namespace

Result<Keys> Keys::parse(std::string_view text) {
  auto json = parse_json(text);
  if (!json) return unreadable(json.error().detail);
  const Json one = json->is_object() && json->contains("kty") ? Json::array({*json}) : Json();
  const Json all = one.is_array() ? one : json->is_object() ? json->value("keys", Json()) : Json();
  if (!all.is_array() || all.empty() || all.size() > most_keys)
    return unreadable("a JWK set of 1 to 64 keys is wanted");
  Keys keys;
  std::set<std::string> kids;
  for (const Json& jwk : all) {
    if (!jwk.is_object()) return unreadable("a key is no object");
    auto kid = kid_of(jwk);
    if (!kid) return pass_on(kid);
    if (!kids.insert(*kid).second || (kid->empty() && all.size() > 1))
      return unreadable("of several keys each needs a kid of its own");
    auto key = jose::PublicKey::from_jwk(jwk);
    if (!key) return unreadable("kid \"" + printable(*kid) + "\": " + key.error().detail);
    keys.keys_.push_back({std::move(*kid), std::move(*key)});
  }
  return keys;
}

Result<jose::PublicKey> Keys::named(std::string_view kid) const {
  for (const Key& key : keys_) {
    const bool only = keys_.size() == 1 && (kid.empty() || key.kid.empty());
    if (only || (!kid.empty() && key.kid == kid)) return key.key;
  }
  return fail(Code::eat_key_unknown,
              kid.empty() ? std::string("the token names no key, and several are configured")
                          : "no key \"" + printable(kid) + "\" is configured");
}

}  // namespace mintmark::attest::eat
