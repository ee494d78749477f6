// draft-ietf-oauth-attestation-based-client-auth-10 §4 and §7.1: for each check an attestation that
// fails it and no other.
#include "verify/client_attestation.h"

#include <gtest/gtest.h>

#include "jose/jws.h"
#include "support/soft_key.h"

namespace mintmark::verify {
namespace {

using std::chrono::seconds;
using test::SoftKey;

const Moment now = from_unix(1'800'000'000);

const SoftKey& attester() {
  static const SoftKey key;
  return key;
}
const SoftKey& device() {
  static const SoftKey key;
  return key;
}

const jose::PublicKey* find_key(std::string_view kid) {
  return kid == attester().jkt() ? &attester().public_key() : nullptr;
}

Json good_header() {
  return {{"typ", "oauth-client-attestation+jwt"}, {"alg", "ES256"}, {"kid", attester().jkt()}};
}
Json good_claims() {
  return {{"sub", "device-1"},
          {"iat", to_unix(now)},
          {"exp", to_unix(now) + 3600},
          {"cnf", {{"jwk", device().public_key().to_jwk()}}}};
}

std::string with_header(const char* name, const Json& value) {
  Json header = good_header();
  header.erase(name);
  if (!value.is_null()) header[name] = value;
  return attester().sign_jws(header, good_claims());
}

std::string with_claim(const char* name, const Json& value) {
  Json claims = good_claims();
  claims.erase(name);
  if (!value.is_null()) claims[name] = value;
  return attester().sign_jws(good_header(), claims);
}

void expect_refused(const std::string& jwt, Code code,
                    const char* oauth_error = "invalid_client_attestation") {
  const auto attestation = check_client_attestation(jwt, find_key, now);
  ASSERT_FALSE(attestation) << "taken; wanted " << facts_of(code).name;
  EXPECT_EQ(attestation.error().code, code) << attestation.error().to_string();
  EXPECT_EQ(facts_of(code).oauth_error, oauth_error);
  EXPECT_EQ(facts_of(code).http_status, 400);
}

TEST(ClientAttestation, ByTheIssuerNamesClientAndKey) {
  const auto attestation =
      check_client_attestation(attester().sign_jws(good_header(), good_claims()), find_key, now);
  ASSERT_TRUE(attestation) << attestation.error().to_string();
  EXPECT_EQ(attestation->client_id(), "device-1");
  EXPECT_EQ(attestation->key(), device().public_key());
  EXPECT_EQ(attestation->jkt(), device().jkt());
  EXPECT_EQ(attestation->issued_at(), now);
  EXPECT_EQ(attestation->expires_at(), now + seconds{3600});
}

TEST(ClientAttestation, WithClaimsThatNobodyReadsIsTaken) {
  EXPECT_TRUE(check_client_attestation(with_claim("wallet", {{"name", "x"}}), find_key, now));
}

TEST(ClientAttestation, ThatIsNoJwsIsRefused) {
  for (const char* jwt : {"", "x", "a.b.c", "e30.e30.AA"})
    expect_refused(jwt, Code::attestation_malformed);
  expect_refused(with_header("crit", {"x"}), Code::attestation_malformed);
}

TEST(ClientAttestation, OfAnotherTypIsRefused) {
  for (const Json& typ :
       {Json(), Json("JWT"), Json("at+jwt"), Json("oauth-client-attestation-pop+jwt")}) {
    expect_refused(with_header("typ", typ), Code::attestation_typ);
  }
}

TEST(ClientAttestation, WithAKidThatNamesNoKeyForItIsRefused) {
  for (const Json& kid : {Json(), Json(""), Json("unknown")})
    expect_refused(with_header("kid", kid), Code::attestation_key_unknown);
  expect_refused(with_header("kid", 1), Code::attestation_malformed);
}

TEST(ClientAttestation, WithAnotherAlgorithmThanItsKeysIsRefused) {
  for (const char* alg : {"none", "HS256", "ES384", "RS256"})
    expect_refused(with_header("alg", alg), Code::attestation_alg);
}

TEST(ClientAttestation, ByAnotherKeyThanKidNamesIsRefused) {
  expect_refused(SoftKey().sign_jws(good_header(), good_claims()), Code::attestation_signature);
  expect_refused(device().sign_jws(good_header(), good_claims()), Code::attestation_signature);
}

TEST(ClientAttestation, WithoutAClientIsRefused) {
  for (const Json& sub : {Json(), Json(""), Json(1), Json(std::string(257, 'a'))})
    expect_refused(with_claim("sub", sub), Code::attestation_sub);
}

TEST(ClientAttestation, ThatNeverEndsIsRefused) {
  for (const Json& exp : {Json(), Json("1900000000"), Json(-1), Json(1.9e9)})
    expect_refused(with_claim("exp", exp), Code::attestation_exp_missing);
}

TEST(ClientAttestation, ThatIsOverIsRefusedWithWordsToAttestAgain) {
  EXPECT_TRUE(check_client_attestation(with_claim("exp", to_unix(now) + 1), find_key, now));
  expect_refused(with_claim("exp", to_unix(now)), Code::attestation_expired,
                 "use_fresh_attestation");
  EXPECT_EQ(facts_of(Code::attestation_expired).action, Action::reattest);
}

TEST(ClientAttestation, CheckedOnceCanStillExpire) {
  const auto attestation = check_client_attestation(with_claim("jti", "x"), find_key, now);
  ASSERT_TRUE(attestation);
  EXPECT_TRUE(check_not_expired(*attestation, now + seconds{3599}));
  EXPECT_EQ(check_not_expired(*attestation, now + seconds{3600}).error().code,
            Code::attestation_expired);
}

TEST(ClientAttestation, WithoutATimeOfIssueOrWithOneToComeIsRefused) {
  for (const Json& iat : {Json(), Json("1"), Json(to_unix(now) + 6)})
    expect_refused(with_claim("iat", iat), Code::attestation_iat);
  EXPECT_TRUE(check_client_attestation(with_claim("iat", to_unix(now) + 5), find_key, now));
}

TEST(ClientAttestation, ThatIsToComeIsRefused) {
  for (const Json& nbf : {Json(to_unix(now) + 6), Json("1")})
    expect_refused(with_claim("nbf", nbf), Code::attestation_not_yet_valid);
  EXPECT_TRUE(check_client_attestation(with_claim("nbf", to_unix(now)), find_key, now));
}

TEST(ClientAttestation, WithoutADeviceKeyIsRefused) {
  Json with_private = device().public_key().to_jwk();
  with_private["d"] = "AQ";
  for (const Json& cnf : {Json(), Json("jwk"), Json::object(), Json({{"jkt", device().jkt()}}),
                          Json({{"jwk", "x"}}), Json({{"jwk", with_private}})}) {
    expect_refused(with_claim("cnf", cnf), Code::attestation_cnf);
  }
}

}  // namespace
}  // namespace mintmark::verify
