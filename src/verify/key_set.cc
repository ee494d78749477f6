#include "verify/key_set.h"

#include "base/json.h"

namespace mintmark::verify {
namespace {

constexpr JsonLimits document_limits{.octets = 1U << 20U, .depth = 16, .elements = 16'384};

bool says(const Json& jwk, const char* name, std::string_view wanted) {
  const auto found = jwk.find(name);
  return found != jwk.end() && found->is_string() && found->get_ref<const std::string&>() == wanted;
}

std::string kid_of(const Json& jwk) {
  const auto kid = jwk.find("kid");
  return kid != jwk.end() && kid->is_string() ? kid->get<std::string>() : std::string();
}

}  // namespace

Result<KeySet> KeySet::parse(std::string_view jwks, std::string_view purpose) {
  auto document = parse_json(jwks, document_limits);
  if (!document) return fail(Code::keys_malformed, "the JWK set: " + document.error().detail);
  if (!document->is_object() || !document->contains("keys") || !(*document)["keys"].is_array()) {
    return fail(Code::keys_malformed, "the JWK set is no object with an array \"keys\"");
  }
  KeySet set;
  for (const Json& jwk : (*document)["keys"]) {
    if (!jwk.is_object() || !says(jwk, "mintmark_purpose", purpose)) continue;
    std::string kid = kid_of(jwk);
    // Not for signatures, of another curve, or with its private half published: no key to us.
    auto key = jose::PublicKey::from_jwk(jwk);
    if (kid.empty() || !key) continue;
    if (!set.keys_.emplace(std::move(kid), std::move(*key)).second) {
      return fail(Code::keys_malformed, "two keys of the JWK set have one kid");
    }
  }
  return set;
}

std::vector<std::string> KeySet::kids() const {
  std::vector<std::string> kids;
  kids.reserve(keys_.size());
  for (const auto& [kid, key] : keys_) kids.push_back(kid);
  return kids;
}

const jose::PublicKey* KeySet::find(std::string_view kid) const {
  const auto found = keys_.find(kid);
  return found == keys_.end() ? nullptr : &found->second;
}

}  // namespace mintmark::verify
