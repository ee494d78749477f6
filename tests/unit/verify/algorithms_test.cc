// Tokens and assertions of every algorithm, and what is tried with one algorithm's key in the name
// of another (RFC 8725 §2.1, §3.1).
#include <gtest/gtest.h>

#include <openssl/hmac.h>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "token_fixture.h"
#include "verify/client_assertion.h"
#include "verify/key_set.h"

namespace mintmark {
namespace {

using jose::Algorithm;
using test::SoftKey;

// One key of each kind is enough for all tests of this process: RSA keys take their time.
const SoftKey& key_of(Algorithm algorithm) {
  static const std::map<Algorithm, SoftKey> keys = [] {
    std::map<Algorithm, SoftKey> made;
    for (const Algorithm one : jose::all_algorithms) made.emplace(one, SoftKey(one));
    return made;
  }();
  return keys.at(algorithm);
}

class TokenAlgorithms : public testing::TestWithParam<Algorithm>, protected test::TokenFixture {
 protected:
  TokenAlgorithms() { publish_as(key().public_key().to_jwk()); }

  [[nodiscard]] static const SoftKey& key() { return key_of(GetParam()); }
  [[nodiscard]] static std::string own_name() { return std::string(name_of(GetParam())); }

  /// With the kid of the key, whatever the JWK is.
  void publish_as(Json jwk) {
    jwk["kid"] = key().jkt();
    jwk["use"] = "sig";
    jwk["mintmark_purpose"] = "access_token";
    publish(test::key_document({jwk}));
    verifier_.emplace(verifier());
  }
  [[nodiscard]] Json header_of(const std::string& alg) const {
    return {{"typ", "at+jwt"}, {"alg", alg}, {"kid", key().jkt()}};
  }
  void expect_taken(const std::string& token) {
    const auto verified = verifier_->check_without_proof(token);
    EXPECT_TRUE(verified) << name_of(verified.error().refusal) << ": " << verified.error().detail;
  }
  void expect_refused(const std::string& token, Refusal refusal) {
    const auto verified = verifier_->check_without_proof(token);
    ASSERT_FALSE(verified) << "taken; wanted " << name_of(refusal);
    EXPECT_EQ(name_of(verified.error().refusal), name_of(refusal)) << verified.error().detail;
  }

  std::optional<Verifier> verifier_;
};

INSTANTIATE_TEST_SUITE_P(Of, TokenAlgorithms, testing::ValuesIn(jose::all_algorithms),
                         [](const auto& one) { return std::string(name_of(one.param)); });

TEST_P(TokenAlgorithms, OfThePublishedKeyAreTaken) {
  expect_taken(key().sign_jws(header_of(own_name()), claims()));
}

TEST_P(TokenAlgorithms, WithTheNameOfAnyOtherAreRefused) {
  for (const char* alg : {"ES256", "ES384", "RS256", "PS256", "Ed25519", "EdDSA", "none", "HS256",
                          "RS384", "PS512", "ES512", "Ed448"}) {
    if (alg != own_name())
      expect_refused(key().sign_jws(header_of(alg), claims()), Refusal::token_alg);
  }
}

TEST_P(TokenAlgorithms, ByAKeyOfAnotherAlgorithmAreRefused) {
  for (const Algorithm other : jose::all_algorithms) {
    if (other == GetParam()) continue;
    expect_refused(key_of(other).sign_jws(header_of(own_name()), claims()),
                   Refusal::token_signature);
  }
}

// The public key as an HMAC's secret, in each form that a library may have it.
TEST_P(TokenAlgorithms, ByHmacWithThePublicKeyAreRefused) {
  const std::string input = jose::signing_input(header_of("HS256"), claims());
  const Bytes spki = key().public_key().to_spki();
  const std::string jwk = key().public_key().to_jwk().dump();
  for (const BytesView secret : {BytesView(spki), as_bytes(jwk), as_bytes(key().jkt())}) {
    Bytes mac(32);
    unsigned length = 0;
    ASSERT_NE(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                   as_bytes(input).data(), input.size(), mac.data(), &length),
              nullptr);
    expect_refused(jose::compact(input, mac), Refusal::token_alg);
  }
}

TEST_P(TokenAlgorithms, WhosePublishedKeySaysAnotherAreRefused) {
  for (const Algorithm other : jose::all_algorithms) {
    const bool both_rsa = key().public_key().to_jwk()["kty"] == "RSA" &&
                          (other == Algorithm::rs256 || other == Algorithm::ps256);
    if (other == GetParam()) continue;
    Json jwk = key().public_key().to_jwk();
    jwk["alg"] = name_of(other);
    publish_as(jwk);
    // Of an RSA key it is another one's; any other has no such algorithm, and is passed over.
    expect_refused(key().sign_jws(header_of(own_name()), claims()),
                   both_rsa ? Refusal::token_alg : Refusal::token_key_unknown);
    if (both_rsa)
      expect_refused(key().sign_jws(header_of(std::string(name_of(other))), claims()),
                     Refusal::token_signature);
  }
}

TEST_P(TokenAlgorithms, WhosePublishedKeyIsOfAnotherTypeAreRefused) {
  const Json own = key().public_key().to_jwk();
  for (const char* kty : {"EC", "RSA", "OKP", "oct"}) {
    if (own["kty"] == kty) continue;
    Json jwk = own;
    jwk["kty"] = kty;
    // What a careless parser would take for its coordinates or numbers.
    const Json number = own.contains("n") ? own["n"] : own["x"];
    for (const char* name : {"n", "x", "y", "k"}) {
      if (std::string_view(name) != "k" || kty == std::string_view("oct"))
        jwk.emplace(name, number);
    }
    jwk.emplace("e", "AQAB");
    jwk.emplace("crv", "P-256");
    publish_as(jwk);
    expect_refused(key().sign_jws(header_of(own_name()), claims()), Refusal::token_key_unknown);
  }
}

TEST(TokenAlgorithmsOfRsa, WhosePublishedKeySaysNoneAreRefused) {
  // An RSA key without alg would be whatever the token says it is.
  Json jwk = test::published(key_of(Algorithm::rs256));
  jwk.erase("alg");
  const auto set = verify::KeySet::parse(test::key_document({jwk}).dump());
  ASSERT_TRUE(set);
  EXPECT_EQ(set->size(), 0U);
}

class AssertionAlgorithms : public testing::TestWithParam<Algorithm> {
 protected:
  static Result<verify::ClientAssertion> check(const SoftKey& by, const std::string& alg) {
    const Moment now = from_unix(1'800'000'000);
    const Json claims = {{"iss", "client-1"},
                         {"sub", "client-1"},
                         {"aud", test::issuer_url},
                         {"jti", "jti-1"},
                         {"exp", to_unix(now) + 60}};
    // As the store gives it back.
    const auto find = [](const std::string&) {
      return jose::PublicKey::from_jwk(
          Json::parse(key_of(GetParam()).public_key().to_jwk().dump()));
    };
    return verify::check_client_assertion(by.sign_jws({{"alg", alg}}, claims), find,
                                          test::issuer_url, now);
  }
};

INSTANTIATE_TEST_SUITE_P(Of, AssertionAlgorithms, testing::ValuesIn(jose::all_algorithms),
                         [](const auto& one) { return std::string(name_of(one.param)); });

TEST_P(AssertionAlgorithms, OfTheRegisteredKeyAreTaken) {
  const auto assertion = check(key_of(GetParam()), std::string(name_of(GetParam())));
  ASSERT_TRUE(assertion) << assertion.error().to_string();
  EXPECT_EQ(assertion->key(), key_of(GetParam()).public_key());
}

TEST_P(AssertionAlgorithms, MayCallEd25519EdDsaAndNothingElse) {
  const auto assertion = check(key_of(GetParam()), "EdDSA");
  ASSERT_EQ(assertion.has_value(), GetParam() == Algorithm::ed25519);
  if (GetParam() != Algorithm::ed25519) {
    EXPECT_EQ(assertion.error().code, Code::assertion_alg);
  }
}

TEST_P(AssertionAlgorithms, WithAnotherNameOrByAnotherKeyAreRefused) {
  for (const Algorithm other : jose::all_algorithms) {
    if (other == GetParam()) continue;
    EXPECT_EQ(check(key_of(GetParam()), std::string(name_of(other))).error().code,
              Code::assertion_alg);
    EXPECT_EQ(check(key_of(other), std::string(name_of(GetParam()))).error().code,
              Code::assertion_signature);
  }
}

}  // namespace
}  // namespace mintmark
