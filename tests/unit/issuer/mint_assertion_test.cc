// private_key_jwt at the token endpoint: what the device's registered key vouches for, and nothing
// else.
#include "mint_fixture.h"

namespace mintmark::issuer {
namespace {

class MintByAssertion : public MintFixture {
 protected:
  MintByAssertion() {
    call.credentials.client_attestation.reset();
    call.credentials.client_assertion = assertion();
  }

  Json claims(const std::string& jti = "jti-1") {
    return {{"iss", "device-1"},           {"sub", "device-1"}, {"aud", issuer_url},
            {"iat", to_unix(clock.now())}, {"jti", jti},        {"exp", to_unix(clock.now()) + 60}};
  }
  std::string signed_by(const test::SoftKey& key, const Json& claims) {
    return key.sign_jws({{"typ", "JWT"}, {"alg", "ES256"}}, claims);
  }
  std::string assertion() { return signed_by(device_key, claims()); }

  Json token_claims(const IssuedToken& issued) {
    auto jws = jose::UnverifiedJws::parse(issued.token);
    return std::move(*jws).verify(token_key.public_key).value().claims();
  }

  const test::SoftKey session_key;
};

TEST_F(MintByAssertion, GivesATokenBoundToTheRegisteredKey) {
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  const Json token = token_claims(*issued);
  EXPECT_EQ(token["cnf"]["jkt"], device_key.jkt());
  EXPECT_EQ(token["key_protection"], "hardware");
}

TEST_F(MintByAssertion, TakesAClientIdThatAgreesAndNoOther) {
  call.credentials.client_id = "device-2";
  expect_refusal(Code::client_id_mismatch);
  call.credentials.client_id = "device-1";
  EXPECT_TRUE(mint());
}

TEST_F(MintByAssertion, RefusesTwoWaysAtOnce) {
  call.credentials.client_attestation = attestation();
  expect_refusal(Code::client_methods_mixed);
}

TEST_F(MintByAssertion, RefusesNoWayAtAll) {
  call.credentials.client_assertion.reset();
  expect_refusal(Code::client_unauthenticated);
}

TEST_F(MintByAssertion, RefusesAClientThatIsNotKnown) {
  Json other = claims();
  other["iss"] = other["sub"] = "device-9";
  call.credentials.client_assertion = signed_by(device_key, other);
  expect_refusal(Code::device_unknown);
}

TEST_F(MintByAssertion, RefusesAKeyThatIsNotTheRegisteredOne) {
  call.credentials.client_assertion = signed_by(session_key, claims());
  call.credentials.proof = proof_by(session_key);
  expect_refusal(Code::assertion_signature);
}

TEST_F(MintByAssertion, RefusesAProofByAKeyThatTheAssertionDoesNotName) {
  call.credentials.proof = proof_by(session_key);
  expect_refusal(Code::proof_key_unvouched);
}

TEST_F(MintByAssertion, RefusesAProofByAnotherKeyThanTheOneItNames) {
  Json vouching = claims();
  vouching["cnf"] = {{"jkt", session_key.jkt()}};
  call.credentials.client_assertion = signed_by(device_key, vouching);
  call.credentials.proof = proof_by(test::SoftKey());
  expect_refusal(Code::proof_key_unvouched);
}

TEST_F(MintByAssertion, BindsToAKeyThatTheRegisteredKeyVouchesForAndSaysSo) {
  Json vouching = claims();
  vouching["cnf"] = {{"jkt", session_key.jkt()}};
  call.credentials.client_assertion = signed_by(device_key, vouching);
  call.credentials.proof = proof_by(session_key);
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  const Json token = token_claims(*issued);
  EXPECT_EQ(token["cnf"]["jkt"], session_key.jkt());
  EXPECT_EQ(token["key_protection"], "session");
  EXPECT_EQ(token["attestation"]["key_protection"], "hardware");
}

TEST_F(MintByAssertion, RefusesAnAssertionASecondTimeAlsoWithAnotherProof) {
  ASSERT_TRUE(mint());
  call.credentials.proof = proof();
  expect_refusal(Code::assertion_replayed);
}

TEST_F(MintByAssertion, TakesAnAssertionAgainThatWasRefusedForAnotherReason) {
  call.wanted.audience = "https://elsewhere.example";
  expect_refusal(Code::policy_audience);
  call.wanted.audience = "";
  EXPECT_TRUE(mint());
}

TEST_F(MintByAssertion, RefusesAnAssertionThatAnEarlierProcessMayHaveTaken) {
  Json undated = claims();
  undated.erase("iat");
  call.credentials.client_assertion = signed_by(device_key, undated);
  expect_refusal(Code::assertion_before_start);
  clock.advance(std::chrono::seconds(300));
  Json later = claims();
  later.erase("iat");
  call.credentials.client_assertion = signed_by(device_key, later);
  call.credentials.proof = proof();
  EXPECT_TRUE(mint());
}

TEST_F(MintByAssertion, RefusesADeviceThatIsExpectedAndHasNotComeYet) {
  device.state = "approved";
  device.jkt.clear();
  device.public_jwk = "{}";
  devices.put(device);
  expect_refusal(Code::evidence_stale);
}

TEST_F(MintByAssertion, RefusesADeviceWhoseKeyCannotBeRead) {
  device.public_jwk = "{}";
  devices.put(device);
  expect_refusal(Code::store_failed);
}

TEST_F(MintByAssertion, RefusesARevokedDevice) {
  device.state = "revoked";
  devices.put(device);
  expect_refusal(Code::device_revoked);
}

TEST_F(MintByAssertion, RefusesASessionKeyWhereTheRuleWantsHardware) {
  policies.swap(policy_of(R"({"rules": [{"name": "hardware",
      "match": {"key_protection": "hardware"},
      "grant": [{"audience": "https://api.example", "scopes": ["read"]}],
      "default_audience": "https://api.example"}]})"));
  Json vouching = claims();
  vouching["cnf"] = {{"jkt", session_key.jkt()}};
  call.credentials.client_assertion = signed_by(device_key, vouching);
  call.credentials.proof = proof_by(session_key);
  expect_refusal(Code::policy_no_rule);
  call.credentials.proof = proof();
  EXPECT_TRUE(mint());
}

TEST_F(MintByAssertion, EndsASessionKeysTokenWithinTheHour) {
  device.facts.format = "tpm2";
  policies.swap(policy_of(R"({"rules": [{"name": "long", "match": {"format": "tpm2"},
      "grant": [{"audience": "https://api.example", "scopes": ["read"],
                 "longest_life_seconds": 86400}],
      "default_audience": "https://api.example"}]})"));
  issuer.emplace(MintOptions{.issuer = issuer_url,
                             .token_url = issuer_url + "/token",
                             .longest_life = std::chrono::seconds(86400)},
                 Issuer::Parts{minting, keyring, devices, stores, policies, gate, ledger_parts()});
  clock.advance(first_taken);
  Json vouching = claims();
  vouching["cnf"] = {{"jkt", session_key.jkt()}};
  call.credentials.client_assertion = signed_by(device_key, vouching);
  call.credentials.proof = proof_by(session_key);
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_EQ(issued->expires_in, std::chrono::seconds(3600));
}

// The rule must name "none", for that is what vouches; the token says both.
TEST_F(MintByAssertion, SaysOfASessionKeyWhatVouchedForIt) {
  device.facts.format = "key";
  device.facts.key_protection = "none";
  devices.put(device);
  Json vouching = claims();
  vouching["cnf"] = {{"jkt", session_key.jkt()}};
  call.credentials.client_assertion = signed_by(device_key, vouching);
  call.credentials.proof = proof_by(session_key);
  policies.swap(policy_of(R"({"rules": [{"name": "session", "match": {"key_protection": "session"},
      "grant": [{"audience": "https://api.example", "scopes": ["read"]}],
      "default_audience": "https://api.example"}]})"));
  expect_refusal(Code::policy_no_rule);
  policies.swap(policy_of(R"({"rules": [{"name": "named", "match": {"key_protection": "none"},
      "grant": [{"audience": "https://api.example", "scopes": ["read"]}],
      "default_audience": "https://api.example"}]})"));
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  const Json token = token_claims(*issued);
  EXPECT_EQ(token["key_protection"], "session");
  EXPECT_EQ(token["attestation"]["key_protection"], "none");
}

TEST_F(MintByAssertion, LetsAKeyThatWasOnlyShownLiveOnWithoutEvidence) {
  device.facts.format = "key";
  device.facts.key_protection = "none";
  device.attested_at = clock.now() - std::chrono::hours(1000);
  devices.put(device);
  policies.swap(policy_of(R"({"rules": [{"name": "named", "match": {"key_protection": "none"},
      "grant": [{"audience": "https://api.example", "scopes": ["read"]}],
      "default_audience": "https://api.example"}]})"));
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_EQ(token_claims(*issued)["key_protection"], "none");
}

}  // namespace
}  // namespace mintmark::issuer
