// Wycheproof's JWS and JWK sets. Their payloads are texts such as "foo" and no claims, so the
// library is asked about everything else.
#include "artefacts/second_reader.h"
#include "artefacts/signed_texts.h"
#include "artefacts/verdict.h"
#include "artefacts/wycheproof.h"
#include "jose/jws.h"

namespace mintmark::artefacts {
namespace {

struct JoseCase {
  std::string name;
  std::string said;
  const Group& of;
  const Json& test;
  Json header;  ///< Null where there is none.

  [[nodiscard]] std::string alg() const { return alg_of(header); }
};

/// A JSON serialisation may stand there as an object; "" where there is none.
std::string serialised(const Json& test, const char* name) {
  const Json text = test.value(name, Json(""));
  return text.is_string() ? text.get<std::string>() : text.dump();
}

/// JWK or JWK set, as the document of a set.
std::string set_of(const Json& keys) {
  return keys.contains("keys") ? keys.dump() : Json{{"keys", Json::array({keys})}}.dump();
}

bool has_public_key(const Group& group) {
  return group.group.contains("public") && group.group["public"].is_object();
}

bool is_for_macs(const Group& group) {
  const Json keys = group.group.value("private", Json::object());
  const Json all = keys.contains("keys") ? keys["keys"] : Json::array({keys});
  return std::all_of(all.begin(), all.end(),
                     [](const Json& jwk) { return jwk.value("kty", "") == "oct"; });
}

bool says_nothing(const JoseCase& one) {
  return serialised(one.test, "jws").find("..") != std::string::npos;
}

bool names_other_algorithm_than_key(const JoseCase& one) {
  if (!has_public_key(one.of) || one.header.is_null()) return false;
  const Json& key = one.of.group["public"];
  return key.contains("alg") && key["alg"] != one.alg();
}

constexpr std::array reasons{
    Reason<JoseCase>{"nothing here is encrypted to us: no JWE (RFC 7516) is taken",
                     Verdict::refused,
                     [](const JoseCase& one) { return one.test.contains("jwe"); }},
    Reason<JoseCase>{"no MAC: whoever verifies could sign (RFC 8725 §3.5)", Verdict::refused,
                     [](const JoseCase& one) { return is_for_macs(one.of); }},
    Reason<JoseCase>{"an empty payload is no claims", Verdict::refused, says_nothing},
    Reason<JoseCase>{
        "the algorithm is none of ours", Verdict::refused,
        [](const JoseCase& one) { return !one.header.is_null() && !is_ours(one.alg()); }},
    Reason<JoseCase>{"the key is for another algorithm than the header names (RFC 7517 §4.4)",
                     Verdict::refused, names_other_algorithm_than_key}};

/// A private key is no key to verify with; nobody who has one published it.
void expect_private_refused(const Group& group) {
  const Json keys = group.group.value("private", Json::object());
  for (const Json& jwk : keys.contains("keys") ? keys["keys"] : Json::array({keys})) {
    if (!jwk.contains("d") && !jwk.contains("k")) continue;  // Public ones stand among them.
    const auto key = jose::PublicKey::from_jwk(jwk, jose::Algorithm::rs256);
    EXPECT_TRUE(!key && key.error().code == Code::jwk_private) << group.entry << " " << jwk.dump();
  }
}

bool takes(const Group& group, const Json& test) {
  if (test.contains("jwe")) return jose::UnverifiedJws::parse(serialised(test, "jwe")).has_value();
  const std::string compact = serialised(test, "jws");
  const auto header = header_of(compact);
  // Where only the private half is given, as for MACs, it is all there is to verify with.
  const auto set = key_set(set_of(group.group.at(has_public_key(group) ? "public" : "private")),
                           header ? alg_of(*header) : "");
  if (!header || !set) return false;
  const auto keys = named_keys(*set, *header);
  return std::any_of(keys.begin(), keys.end(),
                     [&](const jose::PublicKey* key) { return verifies(compact, *key); });
}

}  // namespace

void judge_jose(const Group& group) {
  expect_private_refused(group);
  for_each_test(group, [&group](const Json& test) {
    expect_judged(JoseCase{group.name_of(test) + " of " + group.text("comment"), test.at("result"),
                           group, test, second::header(serialised(test, "jws"))},
                  takes(group, test), reasons);
  });
}

}  // namespace mintmark::artefacts
