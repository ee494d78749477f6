// RFC 9068 §4: for each check a token that fails it and no other. All through the public face,
// without a proof.
#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "support/mutations.h"
#include "token_fixture.h"

namespace mintmark {
namespace {

using std::chrono::seconds;
using test::SoftKey;

class AccessToken : public testing::Test, protected test::TokenFixture {
 protected:
  void expect_refused(const std::string& token, Refusal refusal) {
    const auto verified = verifier_.check_without_proof(token);
    ASSERT_FALSE(verified) << "taken; wanted " << name_of(refusal);
    EXPECT_EQ(name_of(verified.error().refusal), name_of(refusal)) << verified.error().detail;
  }
  void expect_taken(const std::string& token) {
    const auto verified = verifier_.check_without_proof(token);
    EXPECT_TRUE(verified) << name_of(verified.error().refusal) << ": " << verified.error().detail;
  }
  [[nodiscard]] std::int64_t at(seconds offset) const { return to_unix(now() + offset); }

  Verifier verifier_ = verifier();
};

TEST_F(AccessToken, OfTheIssuerSaysWhatItSays) {
  const auto verified = verifier_.check_without_proof(token());
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_EQ(verified->subject(), "device-1");
  EXPECT_EQ(verified->client_id(), "device-1");
  EXPECT_EQ(verified->token_id(), "token-1");
  EXPECT_EQ(verified->scopes(), (std::vector<std::string>{"read", "write"}));
  EXPECT_TRUE(verified->has_scope("read"));
  EXPECT_FALSE(verified->has_scope("rea"));
  EXPECT_EQ(verified->jkt(), device().jkt());
  EXPECT_EQ(verified->key_protection(), "hardware");
  EXPECT_EQ(verified->issued_at(), now());
  EXPECT_EQ(verified->expires_at(), now() + seconds{300});
  EXPECT_EQ(Json::parse(verified->claims()), claims());
  EXPECT_FALSE(verified->proof_checked());
}

TEST_F(AccessToken, ThatIsNoJwsIsRefused) {
  for (const char* text : {"", "x", "a.b.c", "e30.e30.", "Bearer e30.e30.AA"})
    expect_refused(text, Refusal::token_malformed);
  expect_refused(token() + " ", Refusal::token_malformed);
  expect_refused(token_with_header("crit", {"exp"}), Refusal::token_malformed);
}

TEST_F(AccessToken, OfAnotherTypIsRefused) {
  for (const Json& typ : {Json(), Json("JWT"), Json("dpop+jwt"),
                          Json("oauth-client-attestation+jwt"), Json("at+jwt2")}) {
    expect_refused(token_with_header("typ", typ), Refusal::token_typ);
  }
  expect_taken(token_with_header("typ", "application/at+jwt"));
}

TEST_F(AccessToken, OfAKeyThatIsNotPublishedIsRefused) {
  for (const Json& kid : {Json(), Json("unknown"), Json("")})
    expect_refused(token_with_header("kid", kid), Refusal::token_key_unknown);
  expect_refused(token_with_header("kid", 1), Refusal::token_malformed);
}

TEST_F(AccessToken, ByAKeyOfAnotherPurposeIsRefused) {
  Json other = header();
  other["kid"] = attester().jkt();
  expect_refused(attester().sign_jws(other, claims()), Refusal::token_key_unknown);
}

TEST_F(AccessToken, WithAnotherAlgorithmThanItsKeysIsRefused) {
  for (const char* alg : {"none", "HS256", "RS256", "ES384", "es256"})
    expect_refused(token_with_header("alg", alg), Refusal::token_alg);
}

TEST_F(AccessToken, ByHmacWithThePublicKeyIsRefused) {
  Json other = header();
  other["alg"] = "HS256";
  const std::string input = jose::signing_input(other, claims());
  expect_refused(jose::compact(input, sha256(input)), Refusal::token_alg);
}

TEST_F(AccessToken, ByAnotherKeyThanKidNamesIsRefused) {
  expect_refused(SoftKey().sign_jws(header(), claims()), Refusal::token_signature);
  expect_refused(attester().sign_jws(header(), claims()), Refusal::token_signature);
}

TEST_F(AccessToken, OfAnotherIssuerIsRefused) {
  for (const Json& iss : {Json(), Json("https://issuer.example/"), Json("https://Issuer.example"),
                          Json("https://evil.example"), Json("")}) {
    expect_refused(token_with_claim("iss", iss), Refusal::token_issuer);
  }
  expect_refused(token_with_claim("iss", {test::issuer_url}), Refusal::token_malformed);
}

TEST_F(AccessToken, ForAnotherAudienceIsRefused) {
  for (const Json& aud : {Json(), Json("https://service.example/"), Json("https://other.example"),
                          Json(""), Json::array(), Json::array({"https://other.example"}),
                          Json::array({"https://service.example.evil"})}) {
    expect_refused(token_with_claim("aud", aud), Refusal::token_audience);
  }
}

TEST_F(AccessToken, ForUsAmongOthersIsTaken) {
  expect_taken(token_with_claim("aud", Json::array({test::service})));
  expect_taken(token_with_claim("aud", Json::array({"https://other.example", test::service})));
}

TEST_F(AccessToken, WhoseAudienceIsNoTextIsRefused) {
  for (const Json& aud : {Json(1), Json::object(), Json::array({test::service, 1}),
                          Json::array({Json::array({test::service})})}) {
    expect_refused(token_with_claim("aud", aud), Refusal::token_malformed);
  }
}

TEST_F(AccessToken, ThatNeverExpiresIsRefused) {
  expect_refused(token_with_claim("exp", nullptr), Refusal::token_exp_missing);
}

TEST_F(AccessToken, ThatExpiredIsRefusedOnceTheSkewIsOverToo) {
  expect_taken(token_with_claim("exp", at(seconds{-29})));
  expect_refused(token_with_claim("exp", at(seconds{-30})), Refusal::token_expired);
  expect_refused(token_with_claim("exp", 0), Refusal::token_expired);
}

TEST_F(AccessToken, WithExpEqualToNowIsRefusedWithoutSkew) {
  auto strict = options();
  strict.skew = seconds{0};
  const Verifier without_skew(std::move(strict), source());
  EXPECT_EQ(
      without_skew.check_without_proof(token_with_claim("exp", at(seconds{0}))).error().refusal,
      Refusal::token_expired);
  EXPECT_TRUE(without_skew.check_without_proof(token_with_claim("exp", at(seconds{1}))));
}

TEST_F(AccessToken, ThatIsNotValidYetIsRefused) {
  expect_taken(token_with_claim("nbf", at(seconds{30})));
  expect_refused(token_with_claim("nbf", at(seconds{31})), Refusal::token_not_yet_valid);
}

TEST_F(AccessToken, FromTheFutureIsRefused) {
  expect_taken(token_with_claim("iat", at(seconds{30})));
  expect_refused(token_with_claim("iat", at(seconds{31})), Refusal::token_iat_future);
  expect_refused(token_with_claim("iat", nullptr), Refusal::token_iat_missing);
}

TEST_F(AccessToken, WhoseTimesAreNoTimesIsRefused) {
  for (const char* name : {"exp", "nbf", "iat"}) {
    for (const Json& value :
         {Json("1800000000"), Json(-1), Json(1.8e9), Json(true), Json(std::uint64_t{1} << 63U)}) {
      expect_refused(token_with_claim(name, value), Refusal::token_malformed);
    }
  }
}

TEST_F(AccessToken, WithoutASubjectIsRefused) {
  expect_refused(token_with_claim("sub", nullptr), Refusal::token_sub_missing);
  expect_refused(token_with_claim("sub", ""), Refusal::token_sub_missing);
}

// RFC 9068 §2.2: REQUIRED. Revocation names a token by it.
TEST_F(AccessToken, WithoutAnIdentifierIsRefused) {
  expect_refused(token_with_claim("jti", nullptr), Refusal::token_malformed);
  expect_refused(token_with_claim("jti", ""), Refusal::token_malformed);
}

TEST_F(AccessToken, ThatIsBoundToNoKeyIsRefused) {
  const Json jwk = device().public_key().to_jwk();
  for (const Json& cnf : {Json(), Json::object(), Json({{"jkt", ""}}), Json({{"kid", "a"}}),
                          Json({{"jwk", jwk}}), Json({{"x5t", "a"}})}) {
    expect_refused(token_with_claim("cnf", cnf), Refusal::token_unbound);
  }
  for (const Json& cnf : {Json("jkt"), Json::array(), Json({{"jkt", 1}})})
    expect_refused(token_with_claim("cnf", cnf), Refusal::token_malformed);
}

TEST_F(AccessToken, WhoseTextsAreNoTextsIsRefused) {
  for (const char* name : {"sub", "client_id", "jti", "scope", "key_protection"}) {
    expect_refused(token_with_claim(name, 1), Refusal::token_malformed);
    expect_refused(token_with_claim(name, Json::array({"a"})), Refusal::token_malformed);
    expect_refused(token_with_claim(name, std::string("a\0b", 3)), Refusal::token_malformed);
  }
}

TEST_F(AccessToken, SaysHowItsKeyIsProtected) {
  for (const char* protection : {"hardware", "unproven", "none"}) {
    const auto verified =
        verifier_.check_without_proof(token_with_claim("key_protection", protection));
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->key_protection(), protection);
  }
  EXPECT_EQ(
      verifier_.check_without_proof(token_with_claim("key_protection", nullptr))->key_protection(),
      "");
}

TEST_F(AccessToken, WhoseKeyIsProtectedOtherwiseThanDemandedIsRefused) {
  auto demanding = options();
  demanding.key_protections = {"hardware", "session"};
  const Verifier strict(std::move(demanding), source());
  EXPECT_TRUE(strict.check_without_proof(token()));
  const Json vouched = {{"format", "tpm2"}, {"key_protection", "hardware"}};
  EXPECT_TRUE(strict.check_without_proof(
      token_with_claims({{"key_protection", "session"}, {"attestation", vouched}})));
  for (const Json& refused :
       {Json("none"), Json("unproven"), Json("Hardware"), Json(""), Json(), Json("session")}) {
    const auto verified = strict.check_without_proof(token_with_claim("key_protection", refused));
    ASSERT_FALSE(verified) << refused;
    EXPECT_EQ(name_of(verified.error().refusal), name_of(Refusal::token_key_protection));
  }
}

TEST_F(AccessToken, SaysHowItsDeviceProvedItself) {
  const auto attested = verifier_.check_without_proof(token());
  ASSERT_TRUE(attested);
  EXPECT_EQ(attested->attestation_format(), "tpm2");
  EXPECT_EQ(attested->attested_at(), now());
  for (const Json& silent : {Json(), Json::object()}) {
    const auto verified = verifier_.check_without_proof(token_with_claim("attestation", silent));
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->attestation_format(), "");
    EXPECT_FALSE(verified->attested_at());
  }
  for (const Json& wrong : {Json("tpm2"), Json::array(), Json({{"format", 1}}),
                            Json({{"at", "now"}}), Json({{"at", -1}})}) {
    expect_refused(token_with_claim("attestation", wrong), Refusal::token_malformed);
  }
}

TEST_F(AccessToken, TellsWhichOfSeveralAudiencesOfOursItNames) {
  const std::string other = "https://other.example";
  auto both = options();
  both.further_audiences = {other, test::service};
  const Verifier wide(std::move(both), source());
  const auto named = [&](const Json& aud) {
    const auto verified = wide.check_without_proof(token_with_claim("aud", aud));
    return verified ? verified->audiences() : std::vector<std::string>();
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(named(test::service), Names{test::service});
  EXPECT_EQ(named(other), Names{other});
  EXPECT_EQ(named(Json::array({other, "https://third.example", test::service})),
            (Names{test::service, other}));
  EXPECT_EQ(named("https://third.example"), Names());
  EXPECT_EQ(named(other + "/"), Names());
  expect_refused(token_with_claim("aud", other), Refusal::token_audience);
}

TEST_F(AccessToken, MutatedIsNeverTaken) {
  const std::string good = token();
  test::for_each_mutation(good, 500, [&](const std::string& broken) {
    if (broken != good) {
      EXPECT_FALSE(verifier_.check_without_proof(broken)) << broken;
    }
  });
}

TEST_F(AccessToken, ForASessionKeyIsWorthWhatVouchedForIt) {
  const auto of_vouching = [&](const Json& protection) {
    const Json attestation = {{"format", "key"}, {"key_protection", protection}};
    return verifier_
        .check_without_proof(
            token_with_claims({{"key_protection", "session"}, {"attestation", attestation}}))
        ->key_protection();
  };
  EXPECT_EQ(of_vouching("hardware"), "session");
  EXPECT_EQ(of_vouching("none"), "none");
  EXPECT_EQ(of_vouching("unproven"), "unproven");
  EXPECT_EQ(of_vouching(7), "none");
  EXPECT_EQ(of_vouching(""), "none");
}

TEST_F(AccessToken, ForASessionKeyThatSaysNotWhatVouchedForItIsWorthNothing) {
  const auto with_attestation = [&](const Json& attestation) {
    Json all = changed(claims(), "attestation", attestation);
    all["key_protection"] = "session";
    return verifier_.check_without_proof(issuer_key().sign_jws(header(), all))->key_protection();
  };
  EXPECT_EQ(with_attestation(nullptr), "none");
  EXPECT_EQ(with_attestation({{"format", "tpm2"}}), "none");
}

}  // namespace
}  // namespace mintmark
