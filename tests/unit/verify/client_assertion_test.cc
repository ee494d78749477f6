// RFC 7523 §3 as an authorization server of our kind has it: for each check an assertion that fails
// it and no other.
#include "verify/client_assertion.h"

#include <gtest/gtest.h>

#include "support/soft_key.h"

namespace mintmark::verify {
namespace {

using std::chrono::seconds;
using test::SoftKey;

const Moment now = from_unix(1'800'000'000);
const std::string issuer = "https://issuer.example";

const SoftKey& client() {
  static const SoftKey key;
  return key;
}

Result<jose::PublicKey> find_key(const std::string& client_id) {
  if (client_id == "client-1") return client().public_key();
  return fail(Code::device_unknown, "nobody");
}

Json good_header() { return {{"typ", "client-authentication+jwt"}, {"alg", "ES256"}}; }
Json good_claims() {
  return {{"iss", "client-1"}, {"sub", "client-1"},   {"aud", issuer},
          {"jti", "jti-1"},    {"iat", to_unix(now)}, {"exp", to_unix(now) + 60}};
}

Json changed(Json object, const char* name, const Json& value) {
  object.erase(name);
  if (!value.is_null()) object[name] = value;
  return object;
}
std::string with_header(const char* name, const Json& value) {
  return client().sign_jws(changed(good_header(), name, value), good_claims());
}
std::string with_claim(const char* name, const Json& value) {
  return client().sign_jws(good_header(), changed(good_claims(), name, value));
}

Result<ClientAssertion> check(const std::string& jwt) {
  return check_client_assertion(jwt, find_key, issuer, now);
}

void expect_refused(const std::string& jwt, Code code) {
  const auto assertion = check(jwt);
  ASSERT_FALSE(assertion) << "taken; wanted " << facts_of(code).name;
  EXPECT_EQ(assertion.error().code, code) << assertion.error().to_string();
  EXPECT_EQ(facts_of(code).oauth_error, "invalid_client");
  EXPECT_EQ(facts_of(code).http_status, 401U);
}

TEST(ClientAssertion, SaysWhoAndUntilWhen) {
  const auto assertion = check(client().sign_jws(good_header(), good_claims()));
  ASSERT_TRUE(assertion) << assertion.error().to_string();
  EXPECT_EQ(assertion->client_id(), "client-1");
  EXPECT_EQ(assertion->key(), client().public_key());
  EXPECT_EQ(assertion->jti(), "jti-1");
  EXPECT_EQ(assertion->expires_at(), now + seconds{60});
  EXPECT_EQ(assertion->issued_at(), now);
  EXPECT_FALSE(assertion->vouched_jkt());
}

TEST(ClientAssertion, MayComeWithoutTypOrAsJwt) {
  for (const Json& typ : {Json(), Json("JWT"), Json("jwt"), Json("Client-Authentication+JWT")})
    EXPECT_TRUE(check(with_header("typ", typ))) << typ;
}

TEST(ClientAssertion, OfAForeignTypIsRefused) {
  for (const char* typ : {"at+jwt", "dpop+jwt", "oauth-client-attestation+jwt", "secevent+jwt",
                          "statuslist+jwt", "JWS"})
    expect_refused(with_header("typ", typ), Code::assertion_typ);
}

TEST(ClientAssertion, OfATypThatIsNoTextIsNotTakenForOneWithoutIt) {
  for (const Json& typ : {Json(1), Json(true), Json::array({"at+jwt"}), Json::object()})
    expect_refused(with_header("typ", typ), Code::assertion_malformed);
  expect_refused(with_header("typ", ""), Code::assertion_typ);
}

TEST(ClientAssertion, ThatIsNoJwsIsRefused) {
  for (const char* text : {"", "a", "a.b", "a.b.c", "e30.e30.", "....."})
    expect_refused(text, Code::assertion_malformed);
  expect_refused(with_claim("padding", std::string(assertion_octets, 'a')),
                 Code::assertion_malformed);
  expect_refused(with_header("crit", Json::array({"exp"})), Code::assertion_malformed);
}

TEST(ClientAssertion, WithoutASubjectIsRefused) {
  for (const Json& sub : {Json(), Json(1), Json(""), Json(std::string(257, 'a'))})
    expect_refused(with_claim("sub", sub), Code::assertion_sub);
}

TEST(ClientAssertion, OfAnUnknownClientIsRefused) {
  Json claims = good_claims();
  claims["iss"] = claims["sub"] = "client-2";
  const auto assertion = check(client().sign_jws(good_header(), claims));
  ASSERT_FALSE(assertion);
  EXPECT_EQ(assertion.error().code, Code::device_unknown);
}

TEST(ClientAssertion, OfAnotherAlgorithmThanTheKeysIsRefused) {
  for (const char* alg : {"none", "HS256", "RS256", "ES384", "EdDSA", "es256"})
    expect_refused(with_header("alg", alg), Code::assertion_alg);
}

TEST(ClientAssertion, ByAnotherKeyIsRefused) {
  expect_refused(SoftKey().sign_jws(good_header(), good_claims()), Code::assertion_signature);
}

TEST(ClientAssertion, ByAKeyItBringsItselfIsRefused) {
  const SoftKey thief;
  Json header = good_header();
  header["jwk"] = thief.public_key().to_jwk();
  expect_refused(thief.sign_jws(header, good_claims()), Code::assertion_signature);
}

TEST(ClientAssertion, ByAnotherIssuerThanItsSubjectIsRefused) {
  for (const Json& iss : {Json(), Json("client-2"), Json(1), Json("")})
    expect_refused(with_claim("iss", iss), Code::assertion_iss);
}

TEST(ClientAssertion, ForAnyAudienceButTheIssuerStringIsRefused) {
  for (const Json& aud :
       {Json(), Json("https://other.example"), Json(issuer + "/"), Json(issuer + "/token"),
        Json("HTTPS://issuer.example"), Json::array({issuer}),
        Json::array({issuer, "https://other.example"}), Json(1)})
    expect_refused(with_claim("aud", aud), Code::assertion_aud);
}

TEST(ClientAssertion, WithoutAnExpiryIsRefused) {
  for (const Json& exp : {Json(), Json("60"), Json(-1), Json(1.5e300)})
    expect_refused(with_claim("exp", exp), Code::assertion_exp_missing);
}

TEST(ClientAssertion, ThatHasExpiredIsRefused) {
  expect_refused(with_claim("exp", to_unix(now)), Code::assertion_expired);
  EXPECT_TRUE(check(with_claim("exp", to_unix(now) + 1)));
}

TEST(ClientAssertion, ThatLivesLongerThanOneRequestNeedsIsRefused) {
  expect_refused(with_claim("exp", to_unix(now) + 306), Code::assertion_exp_far);
  EXPECT_TRUE(check(with_claim("exp", to_unix(now) + 305)));
}

TEST(ClientAssertion, OfTheFutureIsRefused) {
  expect_refused(with_claim("iat", to_unix(now) + 6), Code::assertion_iat);
  expect_refused(with_claim("iat", "now"), Code::assertion_iat);
  EXPECT_TRUE(check(with_claim("iat", to_unix(now) + 5)));
  EXPECT_TRUE(check(with_claim("iat", Json())));
}

TEST(ClientAssertion, ThatIsNotYetValidIsRefused) {
  expect_refused(with_claim("nbf", to_unix(now) + 6), Code::assertion_not_yet_valid);
  expect_refused(with_claim("nbf", "now"), Code::assertion_not_yet_valid);
  EXPECT_TRUE(check(with_claim("nbf", to_unix(now))));
}

TEST(ClientAssertion, WithoutAnIdentifierIsRefused) {
  for (const Json& jti : {Json(), Json(""), Json(7), Json(std::string(257, 'a'))})
    expect_refused(with_claim("jti", jti), Code::assertion_jti);
}

TEST(ClientAssertion, MayVouchForAnotherKey) {
  const SoftKey session;
  const auto assertion = check(with_claim("cnf", {{"jkt", session.jkt()}}));
  ASSERT_TRUE(assertion) << assertion.error().to_string();
  EXPECT_EQ(assertion->vouched_jkt(), session.jkt());
}

TEST(ClientAssertion, ThatVouchesForWhatIsNoThumbprintIsRefused) {
  const SoftKey session;
  for (const Json& cnf :
       {Json("key"), Json::object(), Json{{"jkt", 1}}, Json{{"jkt", ""}}, Json{{"jkt", "AAAA"}},
        Json{{"jkt", session.jkt() + "="}}, Json{{"jwk", session.public_key().to_jwk()}},
        Json{{"jkt", session.jkt()}, {"x5t#S256", session.jkt()}}})
    expect_refused(with_claim("cnf", cnf), Code::assertion_cnf);
}

}  // namespace
}  // namespace mintmark::verify
