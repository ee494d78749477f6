// Project Wycheproof: every test of every group of every file that cases.json lists. Which of our
// algorithms a group concerns is what the group says of itself. Signatures are judged by both
// verifiers that strangers reach: JOSE's (tokens, proofs, attestations) and COSE's (Nitro,
// WebAuthn, App Attest, EAT).
#include "artefacts/wycheproof.h"

#include <openssl/x509.h>

#include <iostream>
#include <map>
#include <optional>

#include "artefacts/second_reader.h"
#include "artefacts/verdict.h"
#include "cbor/cose.h"
#include "jose/key.h"

namespace mintmark::artefacts {
namespace {

using cbor::CoseAlgorithm;
using jose::Algorithm;
using jose::PublicKey;

struct Kind {
  std::string_view type;
  void (*judge)(const Group&);
};

constexpr std::array kinds{Kind{"EcdsaP1363Verify", judge_signatures},
                           Kind{"EcdsaVerify", judge_signatures},
                           Kind{"EcdsaBitcoinVerify", judge_signatures},
                           Kind{"EddsaVerify", judge_signatures},
                           Kind{"RsassaPkcs1Verify", judge_signatures},
                           Kind{"RsassaPssVerify", judge_signatures},
                           Kind{"RsassaPssWithParametersVerify", judge_signatures},
                           Kind{"JsonWebSignature", judge_jose},
                           Kind{"JsonWebKey", judge_jose},
                           Kind{"JsonWebCrypto", judge_jose},
                           Kind{"EcdhEcpointTest", judge_points},
                           Kind{"RsaesOaepDecrypt", judge_oaep},
                           Kind{"MacTest", judge_macs},
                           Kind{"PrimalityTest", judge_primes}};

void judge_group(const Group& group) {
  for (const Kind& kind : kinds) {
    if (kind.type == group.type()) return kind.judge(group);
  }
  judge_foreign(group);
}

struct SignatureCase {
  std::string name;
  std::string said;
  const Group& of;
  const second::Key& key;
  const Json& test;

  [[nodiscard]] bool has_flag(const char* flag) const {
    const Json& flags = test.at("flags");
    return std::find(flags.begin(), flags.end(), flag) != flags.end();
  }
};

bool is_ecdsa(const Group& group) { return group.type().rfind("Ecdsa", 0) == 0; }
bool is_pkcs1(const Group& group) { return group.type() == "RsassaPkcs1Verify"; }
bool is_pss(const Group& group) { return group.type() == "RsassaPssVerify"; }
std::string curve_of(const Group& group) { return group.group.at("publicKey").value("curve", ""); }

/// PSS with one hash for message and mask, and a salt as long as it (RFC 7518 §3.5, RFC 8230 §2).
bool is_pss_with(const Group& group, const char* sha, int octets) {
  return is_pss(group) && group.text("sha") == sha && group.text("mgf") == "MGF1" &&
         group.text("mgfSha") == sha && group.group.at("sLen") == octets;
}

std::optional<Algorithm> jose_algorithm(const Group& group) {
  const std::string sha = group.text("sha");
  if (is_ecdsa(group) && curve_of(group) == "secp256r1" && sha == "SHA-256")
    return Algorithm::es256;
  if (is_ecdsa(group) && curve_of(group) == "secp384r1" && sha == "SHA-384")
    return Algorithm::es384;
  if (is_pkcs1(group) && sha == "SHA-256") return Algorithm::rs256;
  if (is_pss_with(group, "SHA-256", 32)) return Algorithm::ps256;
  if (group.type() == "EddsaVerify" && curve_of(group) == "edwards25519") return Algorithm::ed25519;
  return std::nullopt;
}

std::optional<CoseAlgorithm> cose_algorithm(const Group& group) {
  const std::string sha = group.text("sha");
  if (const auto ours = jose_algorithm(group)) return cbor::cose_algorithm(*ours);
  if (is_ecdsa(group) && curve_of(group) == "secp521r1" && sha == "SHA-512")
    return CoseAlgorithm::es512;
  if (is_pss_with(group, "SHA-384", 48)) return CoseAlgorithm::ps384;
  if (!is_pkcs1(group)) return std::nullopt;
  if (sha == "SHA-1") return CoseAlgorithm::rs1;
  if (sha == "SHA-384") return CoseAlgorithm::rs384;
  if (sha == "SHA-512") return CoseAlgorithm::rs512;
  return std::nullopt;
}

template <typename Asked>
bool is_foreign(const SignatureCase& one, Asked algorithm_of) {
  return !algorithm_of(one.of).has_value();
}

// What both verifiers refuse or take, whatever Wycheproof says.
constexpr Reason<SignatureCase> salt_of_ours{
    "a salt of the group's length is not this one's: it has 32 octets, so it is PS256 (RFC 7518 "
    "§3.5)",
    Verdict::taken, [](const SignatureCase& one) {
      return is_pss(one.of) && one.of.text("sha") == "SHA-256" &&
             one.of.text("mgfSha") == "SHA-256" && one.of.group.at("sLen") != 32 &&
             one.test.at("comment") == "s_len changed to 32";
    }};
constexpr Reason<SignatureCase> hash_of_ours{
    "in a group of another hash it is the signature of RS256, which no other hash is asked of",
    Verdict::taken, [](const SignatureCase& one) {
      const auto comment = one.test.at("comment").get<std::string>();
      return is_pkcs1(one.of) && one.of.text("sha") != "SHA-256" && one.has_flag("WrongHash") &&
             comment.rfind("The message is hashed with SHA-256 instead", 0) == 0;
    }};
constexpr Reason<SignatureCase> missing_null{
    "a PKCS#1 v1.5 signature is compared with the one encoding that RFC 8017 §9.2 makes, which has "
    "the NULL of the hash's identifier",
    Verdict::refused, [](const SignatureCase& one) { return one.has_flag("MissingNull"); }};
constexpr Reason<SignatureCase> key_with_parameters{
    "a key that is for RSASSA-PSS by its SubjectPublicKeyInfo (RFC 4055 §1.2) is of no kind that "
    "is "
    "taken here",
    Verdict::refused,
    [](const SignatureCase& one) { return one.of.type() == "RsassaPssWithParametersVerify"; }};
constexpr Reason<SignatureCase> other_edwards_curve{
    "EdDSA is taken on Ed25519 alone (RFC 9864 §2.2)", Verdict::refused,
    [](const SignatureCase& one) {
      return one.of.type() == "EddsaVerify" && curve_of(one.of) != "edwards25519";
    }};

constexpr Reason<SignatureCase> other_size{
    "an RSA modulus has 2048 to 8192 bits (RFC 7518 §3.3)", Verdict::refused,
    [](const SignatureCase& one) { return one.key.is_rsa_of_other_size(); }};
constexpr Reason<SignatureCase> roca{
    "the modulus is of the make of CVE-2017-15361, whose private keys can be computed",
    Verdict::refused, [](const SignatureCase& one) { return one.key.is_roca; }};
constexpr Reason<SignatureCase> other_exponent{
    "an RSA exponent is odd, 3 at least and of 32 bits at most", Verdict::refused,
    [](const SignatureCase& one) { return one.key.is_rsa() && !one.key.has_fair_exponent; }};

bool is_on_nist_curve(const Group& group, std::initializer_list<std::string_view> curves) {
  const std::string curve = curve_of(group);
  return std::find(curves.begin(), curves.end(), curve) != curves.end();
}

constexpr std::array jose_reasons{
    other_size,
    roca,
    other_exponent,
    salt_of_ours,
    hash_of_ours,
    missing_null,
    key_with_parameters,
    other_edwards_curve,
    Reason<SignatureCase>{
        "JWS keys are on P-256 or P-384: ES512 and ES256K are not taken", Verdict::refused,
        [](const SignatureCase& one) {
          return is_ecdsa(one.of) && !is_on_nist_curve(one.of, {"secp256r1", "secp384r1"});
        }},
    Reason<SignatureCase>{"a curve has one hash in JWS (RFC 7518 §3.4), and this is another",
                          Verdict::refused,
                          [](const SignatureCase& one) {
                            return is_ecdsa(one.of) && is_foreign(one, jose_algorithm);
                          }},
    Reason<SignatureCase>{"of RSASSA RS256 is taken, and no other hash", Verdict::refused,
                          [](const SignatureCase& one) {
                            return is_pkcs1(one.of) && is_foreign(one, jose_algorithm);
                          }},
    Reason<SignatureCase>{"of PSS PS256 is taken: SHA-256 for message and mask, 32 octets of salt",
                          Verdict::refused, [](const SignatureCase& one) {
                            return is_pss(one.of) && is_foreign(one, jose_algorithm);
                          }}};

constexpr std::array cose_reasons{
    salt_of_ours,
    missing_null,
    key_with_parameters,
    other_edwards_curve,
    Reason<SignatureCase>{"COSE keys are on P-256, P-384 or P-521", Verdict::refused,
                          [](const SignatureCase& one) {
                            return is_ecdsa(one.of) &&
                                   !is_on_nist_curve(one.of,
                                                     {"secp256r1", "secp384r1", "secp521r1"});
                          }},
    Reason<SignatureCase>{"one curve an algorithm, as in JOSE and WebAuthn", Verdict::refused,
                          [](const SignatureCase& one) {
                            return is_ecdsa(one.of) && is_foreign(one, cose_algorithm);
                          }},
    Reason<SignatureCase>{"RSASSA is taken over SHA-256, SHA-384 and SHA-512 (SHA-1 where named)",
                          Verdict::refused,
                          [](const SignatureCase& one) {
                            return is_pkcs1(one.of) && is_foreign(one, cose_algorithm);
                          }},
    Reason<SignatureCase>{"of PSS PS256 and PS384 are taken, with salts as long as the hash",
                          Verdict::refused, [](const SignatureCase& one) {
                            return is_pss(one.of) && is_foreign(one, cose_algorithm);
                          }}};

/// Whose padding it is: of a group whose algorithm is none of ours, those that it might pass for.
bool may_be_of(const Group& group, bool pss, bool pkcs1) {
  return is_pss(group) ? pss : !is_pkcs1(group) || pkcs1;
}

/// By what the group is of; where that is none of ours, by anything that it might pass for.
bool jose_takes(const Group& group, BytesView message, BytesView signature) {
  const Bytes spki = hex(group.group, "publicKeyDer");
  const auto asked = jose_algorithm(group);
  for (const Algorithm algorithm : jose::all_algorithms) {
    if (asked ? *asked != algorithm
              : !may_be_of(group, algorithm == Algorithm::ps256, algorithm == Algorithm::rs256))
      continue;
    const auto key = PublicKey::from_spki(spki, algorithm);
    if (!key || key->algorithm() != algorithm) continue;
    const auto raw = is_ecdsa(group) && group.type() != "EcdsaP1363Verify"
                         ? jose::signature_from_der(algorithm, signature)
                         : Result<Bytes>(to_bytes(signature));
    if (raw && key->verify(message, *raw)) return true;
  }
  return false;
}

bool cose_takes(const Group& group, BytesView message, BytesView signature) {
  const Bytes spki = hex(group.group, "publicKeyDer");
  const std::uint8_t* at = spki.data();
  const cbor::Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  const auto asked = cose_algorithm(group);
  for (const CoseAlgorithm algorithm :
       {CoseAlgorithm::es256, CoseAlgorithm::eddsa, CoseAlgorithm::es384, CoseAlgorithm::es512,
        CoseAlgorithm::ps256, CoseAlgorithm::ps384, CoseAlgorithm::rs256, CoseAlgorithm::rs384,
        CoseAlgorithm::rs512, CoseAlgorithm::rs1}) {
    const bool pss = algorithm == CoseAlgorithm::ps256 || algorithm == CoseAlgorithm::ps384;
    if (asked ? *asked != algorithm : !may_be_of(group, pss, !pss)) continue;
    if (cbor::check_signature(static_cast<std::int64_t>(algorithm), key.get(), message, signature,
                              group.type() == "EcdsaP1363Verify"))
      return true;
  }
  return false;
}

/// A key of ours reads the same from each form that the group gives it in; one that is none is
/// refused for what it is.
void judge_key(const Group& group, const second::Key& read) {
  const auto algorithm = jose_algorithm(group);
  const auto key = PublicKey::from_spki(hex(group.group, "publicKeyDer"), algorithm);
  const bool is_poor =
      read.is_rsa_of_other_size() || read.is_roca || (read.is_rsa() && !read.has_fair_exponent);
  EXPECT_FALSE(key && is_poor) << group.entry << ": a key that nobody should trust is taken";
  if (!algorithm || is_poor) {
    if (key) return;  // Of ours, with a hash that is not.
    EXPECT_TRUE(key.error().code == Code::jwk_unsupported || key.error().code == Code::jwk_weak)
        << group.entry << ": " << key.error().to_string();
    return;
  }
  ASSERT_TRUE(key) << group.entry << ": " << key.error().to_string();
  EXPECT_EQ(key->to_spki(), hex(group.group, "publicKeyDer"));
  for (const char* name : {"publicKeyJwk", "keyJwk"}) {
    if (!group.group.contains(name)) continue;
    const auto same = PublicKey::from_jwk(group.group.at(name), algorithm);
    ASSERT_TRUE(same) << group.entry << ": " << same.error().to_string();
    EXPECT_EQ(*same, *key) << group.entry;
  }
  const Json& parts = group.group.at("publicKey");
  if (!parts.is_object() || !parts.contains("uncompressed")) return;
  EXPECT_EQ(PublicKey::from_point(*algorithm, hex(parts, "uncompressed")).value(), *key);
}

}  // namespace

void judge_signatures(const Group& group) {
  const second::Key key = second::key_in_der(hex(group.group, "publicKeyDer"));
  judge_key(group, key);
  for_each_test(group, [&](const Json& test) {
    const Bytes message = hex(test, "msg");
    const Bytes signature = hex(test, "sig");
    const std::string said = test.at("result");
    const std::string name = group.name_of(test);
    expect_judged(SignatureCase{"JOSE: " + name, said, group, key, test},
                  jose_takes(group, message, signature), jose_reasons);
    expect_judged(SignatureCase{"COSE: " + name, said, group, key, test},
                  cose_takes(group, message, signature), cose_reasons);
  });
}

namespace {

/// Tests of no algorithm of ours, by their type.
std::map<std::string, int>& foreign_tests() {
  static std::map<std::string, int> counts;
  return counts;
}

}  // namespace

void judge_foreign(const Group& group) {
  for_each_test(group, [&group](const Json& test) {
    const Verdict said = verdict_of(test.at("result").get<std::string>());
    ++foreign_tests()[group.type()];
    if (said == Verdict::refused || !test.contains("sig") || !group.group.contains("publicKeyDer"))
      return;
    const Bytes message = hex(test, "msg");
    const Bytes signature = hex(test, "sig");
    EXPECT_FALSE(jose_takes(group, message, signature) || cose_takes(group, message, signature))
        << group.name_of(test) << " is of the type " << group.type()
        << ", which nobody judges, and is taken; add it to the kinds in wycheproof_test.cc";
  });
}

namespace {

class Wycheproof : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

void judge_file(const std::string& entry, const std::string& name) {
  const Json file = json_file(name);
  ASSERT_FALSE(file.at("testGroups").empty()) << name;
  for (const Json& group : file.at("testGroups"))
    judge_apart(name, [&] { judge_group(Group{entry, file, group}); });
}

TEST_F(Wycheproof, IsJudgedAsItSaysOrForAReasonThatIsSaid) {
  test::expect_some(test::for_each_entry("wycheproof", [](const Json& entry) {
    const auto id = entry.at("id").get<std::string>();
    ASSERT_FALSE(entry.at("files").empty());
    for (const std::string name : entry.at("files"))
      judge_apart(name, [&] { judge_file(id, name); });
  }));
  for (const auto& [type, count] : foreign_tests())
    std::cout << count << "  of the type " << type << " (no algorithm of ours)\n";
}

}  // namespace
}  // namespace mintmark::artefacts
