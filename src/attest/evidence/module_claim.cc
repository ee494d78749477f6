#include "attest/evidence/module_claim.h"

#include <array>
#include <utility>

#include "base/bytes.h"
#include "jose/key.h"

namespace mintmark::attest::evidence {
namespace {

constexpr std::array<std::pair<const char*, bool>, 5> wanted{{{"CKA_LOCAL", true},
                                                              {"CKA_SENSITIVE", true},
                                                              {"CKA_ALWAYS_SENSITIVE", true},
                                                              {"CKA_EXTRACTABLE", false},
                                                              {"CKA_NEVER_EXTRACTABLE", true}}};

const Json& member(const Json& object, const char* name) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

std::string shown(const Json& token, const char* name) {
  const Json& value = member(token, name);
  return value.is_string() ? printable(value.get_ref<const std::string&>()) : "?";
}

}  // namespace

Result<std::string> check_module_claim(const Json& facts, std::string_view kid) {
  const auto key = jose::PublicKey::from_jwk(member(facts, "jwk"));
  if (!key) return fail(Code::evidence_malformed, "the evidence has no \"jwk\" as it must be");
  if (key->thumbprint() != kid)
    return fail(Code::evidence_kid, "the evidence is of another key than its kid names");
  const Json& attributes = member(facts, "private_key");
  for (const auto& [name, value] : wanted) {
    if (member(attributes, name) != Json(value))
      return fail(Code::evidence_attribute,
                  std::string(name) + " is not " + (value ? "true" : "false"));
  }
  const Json& token = member(facts, "token");
  return shown(token, "model") + " by " + shown(token, "manufacturer") + ", serial " +
         shown(token, "serial");
}

}  // namespace mintmark::attest::evidence
