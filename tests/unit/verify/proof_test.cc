// RFC 9449 §4.3: for each check a proof that fails it and no other.
#include "verify/proof.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "support/mutations.h"
#include "support/soft_key.h"

namespace mintmark::verify {
namespace {

using test::proof_claims;
using test::proof_header;
using test::SoftKey;

constexpr const char* url = "https://server.example.com/token";
const Moment now = from_unix(1'800'000'000);
const SoftKey& device() {
  static const SoftKey key;
  return key;
}

Json good_claims() { return proof_claims({.method = "POST", .url = url, .at = now}); }
ProofExpectation expectation() { return {.method = "POST", .url = url, .now = now}; }

void expect_refused(const std::string& proof, Code code,
                    const ProofExpectation& expected = expectation()) {
  const auto proven = check_proof(proof, expected);
  ASSERT_FALSE(proven) << "taken; wanted " << facts_of(code).name;
  EXPECT_EQ(proven.error().code, code) << proven.error().to_string();
  EXPECT_EQ(facts_of(code).oauth_error, "invalid_dpop_proof");
}

// A good proof but for one claim; null leaves it out.
std::string with_claim(const char* name, const Json& value) {
  Json claims = good_claims();
  claims.erase(name);
  if (!value.is_null()) claims[name] = value;
  return device().sign_jws(proof_header(device()), claims);
}

std::string with_header(const char* name, const Json& value) {
  Json header = proof_header(device());
  header.erase(name);
  if (!value.is_null()) header[name] = value;
  return device().sign_jws(header, good_claims());
}

TEST(Proof, OfTheRequestProvesItsKey) {
  const auto proven = check_proof(with_claim("jti", "one"), expectation());
  ASSERT_TRUE(proven) << proven.error().to_string();
  EXPECT_EQ(proven->key(), device().public_key());
  EXPECT_EQ(proven->jkt(), device().jkt());
  EXPECT_EQ(proven->jti(), "one");
  EXPECT_EQ(proven->issued_at(), now);
  EXPECT_FALSE(proven->nonce());
}

TEST(Proof, GivesItsNonce) {
  EXPECT_EQ(check_proof(with_claim("nonce", "n"), expectation())->nonce(), "n");
}

TEST(Proof, WithExtraMembersIsTaken) {
  EXPECT_TRUE(check_proof(with_claim("exp", 1), expectation()));
  EXPECT_TRUE(check_proof(with_header("kid", "any"), expectation()));
}

TEST(Proof, ThatIsNoJwsIsRefused) {
  for (const char* proof : {"", "malformed", "a.b.c", "e30.e30.", "e30.e30"})
    expect_refused(proof, Code::proof_malformed);
  const std::string good = device().sign_jws(proof_header(device()), good_claims());
  expect_refused(good + "," + good, Code::proof_malformed);
  expect_refused(good + " ", Code::proof_malformed);
}

TEST(Proof, WithCritIsRefused) {
  expect_refused(with_header("crit", {"exp"}), Code::proof_malformed);
}

TEST(Proof, WithoutAlgIsRefused) {
  expect_refused(with_header("alg", nullptr), Code::proof_malformed);
}

TEST(Proof, LongerThanAProofNeedsIsRefused) {
  expect_refused(with_claim("padding", std::string(proof_octets, 'a')), Code::proof_malformed);
}

TEST(Proof, OfAnotherTypIsRefused) {
  for (const Json& typ : {Json(), Json("JWT"), Json("at+jwt"), Json("dpop+jwt ")}) {
    expect_refused(with_header("typ", typ), Code::proof_typ);
  }
  expect_refused(with_header("typ", 1), Code::proof_malformed);
}

TEST(Proof, OfAnotherAlgorithmIsRefused) {
  for (const char* alg : {"none", "HS256", "RS384", "PS512", "ES512", "Ed448", "es256"}) {
    expect_refused(with_header("alg", alg), Code::proof_alg);
  }
}

TEST(Proof, OfEveryAlgorithmIsTaken) {
  for (const jose::Algorithm algorithm : jose::all_algorithms) {
    const SoftKey key(algorithm);
    const auto proven = check_proof(make_proof(key, {.method = "POST", .url = url, .at = now}),
                                    {.method = "POST", .url = url, .now = now});
    ASSERT_TRUE(proven) << proven.error().to_string();
    EXPECT_EQ(proven->jkt(), key.jkt());
    EXPECT_EQ(proven->key(), key.public_key());
  }
}

Result<ProvenRequest> check_with_header(const SoftKey& key, const Json& header) {
  const std::string proof =
      key.sign_jws(header, proof_claims({.method = "POST", .url = url, .at = now}));
  return check_proof(proof, {.method = "POST", .url = url, .now = now});
}

TEST(Proof, ThatCallsEd25519EdDsaIsTaken) {
  const SoftKey key(jose::Algorithm::ed25519);
  Json header = proof_header(key);
  header["alg"] = "EdDSA";
  const auto proven = check_with_header(key, header);
  ASSERT_TRUE(proven) << proven.error().to_string();
  EXPECT_EQ(proven->jkt(), key.jkt());
}

TEST(Proof, ByAnRsaKeyThatNamesNoAlgorithmHasTheHeaders) {
  for (const auto algorithm : {jose::Algorithm::rs256, jose::Algorithm::ps256}) {
    const SoftKey key(algorithm);
    Json header = proof_header(key);
    header["jwk"].erase("alg");
    const auto proven = check_with_header(key, header);
    ASSERT_TRUE(proven) << proven.error().to_string();
    EXPECT_EQ(proven->key().algorithm(), algorithm);
  }
}

TEST(Proof, ByAnRsaKeyOfTheOtherPaddingIsRefused) {
  const SoftKey key(jose::Algorithm::rs256);
  Json header = proof_header(key);
  header["alg"] = "PS256";  // Its jwk says RS256.
  EXPECT_EQ(check_with_header(key, header).error().code, Code::proof_jwk);
  header["jwk"].erase("alg");  // Now it is a key for PS256, and the signature is none.
  EXPECT_EQ(check_with_header(key, header).error().code, Code::proof_signature);
}

TEST(Proof, ByAWeakRsaKeyIsRefused) {
  const SoftKey key(jose::Algorithm::rs256);
  Json header = proof_header(key);
  header["jwk"]["e"] = "AQ";
  EXPECT_EQ(check_with_header(key, header).error().code, Code::proof_jwk);
}

TEST(Proof, WhoseKeyIsForAnotherAlgorithmIsRefused) {
  expect_refused(with_header("alg", "ES384"), Code::proof_jwk);
  const SoftKey p384(jose::Algorithm::es384);
  expect_refused(with_header("jwk", p384.public_key().to_jwk()), Code::proof_jwk);
}

TEST(Proof, WithoutAKeyIsRefused) {
  for (const Json& jwk : {Json(), Json("key"), Json::object(), Json::array(), Json(1)})
    expect_refused(with_header("jwk", jwk), Code::proof_jwk);
}

TEST(Proof, WithAPrivateKeyIsRefused) {
  Json jwk = device().public_key().to_jwk();
  jwk["d"] = jose::base64url(Bytes(32, 1));
  expect_refused(with_header("jwk", jwk), Code::proof_jwk);
}

TEST(Proof, WithASymmetricKeyIsRefused) {
  expect_refused(with_header("jwk", {{"kty", "oct"}, {"k", "AQ"}}), Code::proof_jwk);
}

TEST(Proof, ByAnotherKeyThanItShowsIsRefused) {
  expect_refused(SoftKey().sign_jws(proof_header(device()), good_claims()), Code::proof_signature);
}

TEST(Proof, ChangedAfterItsSignatureIsRefused) {
  const std::string good = device().sign_jws(proof_header(device()), good_claims());
  const std::string other = jose::signing_input(
      proof_header(device()), proof_claims({.method = "GET", .url = url, .at = now}));
  expect_refused(other + good.substr(good.rfind('.')), Code::proof_signature);
}

TEST(Proof, OfAnotherMethodIsRefused) {
  for (const Json& htm : {Json(), Json("GET"), Json("post"), Json("POST "), Json(""), Json(1)}) {
    expect_refused(with_claim("htm", htm), Code::proof_htm);
  }
}

TEST(Proof, OfAnotherUrlIsRefused) {
  for (const Json& htu :
       {Json(), Json("https://server.example.com/"), Json("http://server.example.com/token"),
        Json("https://evil.example/token"), Json("https://u@server.example.com/token"),
        Json("https://evil.example#@server.example.com/token"), Json("/token"), Json(""),
        Json(1)}) {
    expect_refused(with_claim("htu", htu), Code::proof_htu);
  }
}

TEST(Proof, OfAnotherSpellingOfTheUrlIsTaken) {
  for (const char* htu :
       {"HTTPS://Server.example.com:443/token", "https://server.example.com/a/../token?x#y"}) {
    EXPECT_TRUE(check_proof(with_claim("htu", htu), expectation())) << htu;
  }
}

TEST(Proof, IsNeverOfARequestWhoseUrlIsNone) {
  auto expected = expectation();
  expected.url = "not a url";
  expect_refused(with_claim("htu", "not a url"), Code::proof_htu, expected);
}

TEST(Proof, WithoutATimeIsRefused) {
  for (const Json& iat : {Json(), Json("1800000000"), Json(-1), Json(1.8e9), Json(true),
                          Json(std::uint64_t{1} << 63U)}) {
    expect_refused(with_claim("iat", iat), Code::proof_iat_missing);
  }
}

TEST(Proof, MadeTooLongAgoIsRefused) {
  const std::int64_t oldest = to_unix(now - proof_past);
  EXPECT_TRUE(check_proof(with_claim("iat", oldest), expectation()));
  expect_refused(with_claim("iat", oldest - 1), Code::proof_iat_old);
  expect_refused(with_claim("iat", 0), Code::proof_iat_old);
}

TEST(Proof, MadeInTheFutureIsRefused) {
  const std::int64_t latest = to_unix(now + proof_future);
  EXPECT_TRUE(check_proof(with_claim("iat", latest), expectation()));
  expect_refused(with_claim("iat", latest + 1), Code::proof_iat_future);
  expect_refused(with_claim("iat", std::int64_t{1} << 53U), Code::proof_iat_future);
}

TEST(Proof, KeepsToTheWindowThatTheCallerNames) {
  auto expected = expectation();
  expected.past = std::chrono::seconds{1};
  expected.future = std::chrono::seconds{0};
  EXPECT_TRUE(check_proof(with_claim("iat", to_unix(now) - 1), expected));
  expect_refused(with_claim("iat", to_unix(now) - 2), Code::proof_iat_old, expected);
  expect_refused(with_claim("iat", to_unix(now) + 1), Code::proof_iat_future, expected);
}

TEST(Proof, WithoutAJtiIsRefused) {
  for (const Json& jti : {Json(), Json(""), Json(1), Json::array({"a"})})
    expect_refused(with_claim("jti", jti), Code::proof_jti);
}

TEST(Proof, WithAJtiTooLongToRememberIsRefused) {
  EXPECT_TRUE(check_proof(with_claim("jti", std::string(proof_jti_octets, 'a')), expectation()));
  expect_refused(with_claim("jti", std::string(proof_jti_octets + 1, 'a')), Code::proof_jti);
}

TEST(Proof, WithANonceThatIsNoneIsRefused) {
  expect_refused(with_claim("nonce", 1), Code::proof_nonce);
  expect_refused(with_claim("nonce", std::string(proof_nonce_octets + 1, 'a')), Code::proof_nonce);
}

TEST(Proof, OfAnotherTokenIsRefused) {
  auto expected = expectation();
  expected.token_hash = sha256("the token");
  EXPECT_TRUE(check_proof(with_claim("ath", jose::base64url(sha256("the token"))), expected));
  for (const Json& ath :
       {Json(), Json(""), Json(jose::base64url(sha256("another"))), Json("the token"), Json(1),
        Json(to_hex(sha256("the token"))), Json(jose::base64(sha256("the token")))}) {
    expect_refused(with_claim("ath", ath), Code::proof_ath, expected);
  }
}

TEST(Proof, MutatedIsNeverTaken) {
  const std::string good = device().sign_jws(proof_header(device()), good_claims());
  test::for_each_mutation(good, 1000, [&](const std::string& broken) {
    if (broken != good) {
      EXPECT_FALSE(check_proof(broken, expectation())) << broken;
    }
  });
}

TEST(ProofHeader, MustStandOnce) {
  http::Headers headers;
  EXPECT_EQ(one_proof(headers).error().code, Code::proof_missing);
  headers.add("dpop", "a");
  EXPECT_EQ(one_proof(headers).value(), "a");
  headers.add("DPoP", "b");
  EXPECT_EQ(one_proof(headers).error().code, Code::proof_repeated);
}

}  // namespace
}  // namespace mintmark::verify
