// The token endpoint's use case: each refusal for just its reason, and nothing signed when it is
// refused.
#include "mint_fixture.h"

namespace mintmark::issuer {
namespace {

using MintTest = MintFixture;

TEST_F(MintTest, GivesATokenBoundToTheDevicesKey) {
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_EQ(issued->expires_in, std::chrono::seconds(120));
  EXPECT_EQ(issued->scopes, (std::vector<std::string>{"read", "write"}));
  auto jws = jose::UnverifiedJws::parse(issued->token);
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->typ(), "at+jwt");
  const auto verified = std::move(*jws).verify(token_key.public_key);
  ASSERT_TRUE(verified);
  const Json& claims = verified->claims();
  EXPECT_EQ(claims["iss"], issuer_url);
  EXPECT_EQ(claims["aud"], "https://api.example");
  EXPECT_EQ(claims["sub"], "device-1");
  EXPECT_EQ(claims["client_id"], "device-1");
  EXPECT_EQ(claims["scope"], "read write");
  EXPECT_EQ(claims["cnf"]["jkt"], device_key.jkt());
  EXPECT_EQ(claims["key_protection"], "hardware");
  EXPECT_EQ(claims["attestation"]["format"], "tpm2");
  EXPECT_EQ(claims["exp"].get<std::int64_t>() - claims["iat"].get<std::int64_t>(), 120);
  EXPECT_GE(claims["jti"].get<std::string>().size(), 22U);
}

TEST_F(MintTest, GivesEachTokenAnotherJti) {
  const auto first = mint();
  call.credentials.proof = proof();
  const auto second = mint();
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->token, second->token);
}

TEST_F(MintTest, RefusesAProofASecondTime) {
  ASSERT_TRUE(mint());
  expect_refusal(Code::proof_replayed);
}

TEST_F(MintTest, TakesAProofAgainThatWasRefusedForAnotherReason) {
  call.wanted.audience = "https://elsewhere.example";
  expect_refusal(Code::policy_audience);
  call.wanted.audience = "";
  EXPECT_TRUE(mint());
}

TEST_F(MintTest, RefusesAProofFromBeforeItsStart) {
  clock.advance(std::chrono::seconds(-10));
  call.credentials.proof = proof();
  call.credentials.client_attestation = attestation();
  expect_refusal(Code::attestation_challenge_required);
}

TEST_F(MintTest, RefusesAProofByAnotherKeyThanTheAttestations) {
  const test::SoftKey thief;
  call.credentials.proof =
      test::make_proof(thief, {.method = "POST", .url = issuer_url + "/token", .at = clock.now()});
  expect_refusal(Code::proof_key_mismatch);
}

TEST_F(MintTest, RefusesAProofForAnotherMethodUrlOrTime) {
  call.credentials.proof = test::make_proof(
      device_key, {.method = "GET", .url = issuer_url + "/token", .at = clock.now()});
  expect_refusal(Code::proof_htm);
  call.credentials.proof = test::make_proof(
      device_key, {.method = "POST", .url = "https://other.example/token", .at = clock.now()});
  expect_refusal(Code::proof_htu);
  call.credentials.proof =
      test::make_proof(device_key, {.method = "POST",
                                    .url = issuer_url + "/token",
                                    .at = clock.now() - std::chrono::seconds(60)});
  expect_refusal(Code::proof_iat_old);
  call.credentials.proof = "x";
  expect_refusal(Code::proof_malformed);
}

TEST_F(MintTest, RefusesAnAttestationByTheTokensKey) {
  Json header = attestation_header();
  header["kid"] = token_key.kid();
  call.credentials.client_attestation = sign(token_key, header, attestation_claims());
  expect_refusal(Code::attestation_key_unknown);
}

TEST_F(MintTest, RefusesAnAttestationOfAnotherTyp) {
  Json header = attestation_header();
  header["typ"] = "at+jwt";
  call.credentials.client_attestation = sign(attestation_key, header, attestation_claims());
  expect_refusal(Code::attestation_typ);
}

TEST_F(MintTest, RefusesAnAttestationThatWasAltered) {
  const auto dot = call.credentials.client_attestation->rfind('.');
  char& first = (*call.credentials.client_attestation)[dot + 1];
  first = first == 'A' ? 'B' : 'A';
  expect_refusal(Code::attestation_signature);
}

TEST_F(MintTest, RefusesAnExpiredAttestationAlsoWhenItWasSeenBefore) {
  ASSERT_TRUE(mint());
  clock.advance(std::chrono::seconds(3700));
  call.credentials.proof = proof();
  expect_refusal(Code::attestation_expired);
}

TEST_F(MintTest, ForgetsAttestationsOfAnEarlierKeyEpoch) {
  ASSERT_TRUE(mint());
  attestation_key = key_store->make_key(hsm::Purpose::client_attestation);
  publish(2);
  call.credentials.proof = proof();
  expect_refusal(Code::attestation_key_unknown);
}

TEST_F(MintTest, RefusesAClientIdThatIsNotTheAttestations) {
  call.credentials.client_id = "device-2";
  expect_refusal(Code::client_id_mismatch);
  call.credentials.client_id = "device-1";
  EXPECT_TRUE(mint());
}

TEST_F(MintTest, RefusesADeviceThatIsNotEnrolledHere) {
  Json claims = attestation_claims();
  claims["sub"] = "device-9";
  call.credentials.client_attestation = sign(attestation_key, attestation_header(), claims);
  expect_refusal(Code::device_unknown);
}

TEST_F(MintTest, RefusesADeviceInAnotherState) {
  device.state = "pending";
  devices.put(device);
  expect_refusal(Code::device_not_enrolled);
  device.state = "revoked";
  devices.put(device);
  expect_refusal(Code::device_revoked);
}

TEST_F(MintTest, RefusesAKeyThatANewEnrolmentReplaced) {
  device.jkt = test::SoftKey().jkt();
  devices.put(device);
  expect_refusal(Code::device_key_superseded);
}

TEST_F(MintTest, RefusesEvidenceThatIsNoLongerFresh) {
  device.attested_at = clock.now() - std::chrono::seconds(86400);
  devices.put(device);
  expect_refusal(Code::evidence_stale);
}

TEST_F(MintTest, EndsTheTokenWithItsEvidence) {
  device.attested_at = clock.now() - std::chrono::seconds(86400 - 50);
  devices.put(device);
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_EQ(issued->expires_in, std::chrono::seconds(50));
}

TEST_F(MintTest, RefusesAScopeThatNoRuleGrants) {
  call.wanted.scopes = {"admin"};
  expect_refusal(Code::policy_scope);
}

TEST_F(MintTest, RefusesADeviceThatNoRuleMatches) {
  device.facts.format = "other";
  devices.put(device);
  expect_refusal(Code::policy_no_rule);
}

TEST_F(MintTest, GivesOnlyTheScopesThatWereAskedFor) {
  call.wanted.scopes = {"read"};
  const auto issued = mint();
  ASSERT_TRUE(issued);
  EXPECT_EQ(issued->scopes, std::vector<std::string>{"read"});
}

TEST_F(MintTest, RefusesBeforeThereIsAKey) {
  keyring.swap(nullptr);
  expect_refusal(Code::keys_not_ready);
}

TEST_F(MintTest, SignsWithTheAlgorithmOfTheAudience) {
  const hsm::KeyInfo legacy =
      key_store->make_key(hsm::Purpose::access_token, hsm::random_key_id(), jose::Algorithm::rs256);
  more_keys.push_back(legacy);
  publish(2);
  algorithms.by_audience["https://api.example"] = jose::Algorithm::rs256;
  start();
  clock.advance(first_taken);
  call.credentials.proof = proof();
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  auto jws = jose::UnverifiedJws::parse(issued->token);
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->alg(), "RS256");
  EXPECT_EQ(jws->kid(), legacy.kid());
  EXPECT_TRUE(std::move(*jws).verify(legacy.public_key));
}

TEST_F(MintTest, SignsForOtherAudiencesWithTheUsualAlgorithm) {
  algorithms.by_audience["https://legacy.example"] = jose::Algorithm::rs256;
  start();
  clock.advance(first_taken);
  call.credentials.proof = proof();
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_EQ(jose::UnverifiedJws::parse(issued->token)->alg(), "ES256");
}

TEST_F(MintTest, RefusesAnAudienceWhoseAlgorithmHasNoKeyAndNamesIt) {
  algorithms.by_audience["https://api.example"] = jose::Algorithm::ed25519;
  start();
  clock.advance(first_taken);
  call.credentials.proof = proof();
  const auto issued = mint();
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, Code::keys_not_ready);
  EXPECT_NE(issued.error().detail.find("access_token Ed25519"), std::string::npos);
}

TEST_F(MintTest, PassesTheHardwaresErrorOn) {
  key_store->fail_signing_with(Error{Code::hsm_unavailable, "gone", 0x30});
  const auto issued = mint();
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, Code::hsm_unavailable);
  EXPECT_EQ(issued.error().native, 0x30U);
}

TEST_F(MintTest, RefusesWhileItsKeyStoreIsNotConnected) {
  KeyStores none;
  Issuer unconnected(
      MintOptions{.issuer = issuer_url, .token_url = issuer_url + "/token"},
      Issuer::Parts{minting, keyring, devices, none, policies, gate, ledger_parts()});
  clock.advance(first_taken);
  call.credentials.proof = proof();
  const auto issued = wait_for<IssuedToken>(
      [&](hsm::Done<IssuedToken> done) { unconnected.mint(call, std::move(done)); });
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, Code::hsm_unavailable);
}

}  // namespace
}  // namespace mintmark::issuer
