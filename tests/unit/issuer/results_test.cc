// Who gets a result, who does not, and what is spent.
#include "hsm/signer/rules.h"
#include "results_fixture.h"
#include "store/service_store.h"
#include "support/scratch.h"

namespace mintmark::issuer {
namespace {

class ResultsOfDevices : public ResultsFixture {
 protected:
  void refused(Code code) {
    expect_refused([this] { return ask(); }, code);
  }
  void operator_refused(Code code) {
    expect_refused([this] { return ask_as_operator(); }, code);
  }
};

TEST_F(ResultsOfDevices, AreSignedByAKeyOfTheirOwn) {
  const auto result = ask("device-1", {.nonce = "12345678"});
  ASSERT_TRUE(result) << result.error().to_string();
  const Json claims = verified(*result);
  EXPECT_EQ(claims["iss"], issuer_url);
  EXPECT_EQ(claims["sub"], "device-1");
  EXPECT_EQ(claims["cnf"], (Json{{"jkt", device_key.jkt()}}));
  EXPECT_EQ(claims["eat_nonce"], "12345678");
  EXPECT_EQ(claims["submods"]["tpm2"]["ear_status"], "affirming");
  EXPECT_GE(claims["jti"].get<std::string>().size(), 16U);
}

TEST_F(ResultsOfDevices, PassTheSignersRules) {
  const auto result = ask("device-1", {.nonce = std::string(88, 'n')});
  ASSERT_TRUE(result);
  const hsm::signer::PurposeRules rules{
      .issuer = issuer_url, .longest_life = {{hsm::Purpose::result, std::chrono::seconds(300)}}};
  const auto allowed = hsm::signer::check_purpose(
      rules, result_key, result->substr(0, result->rfind('.')), clock.now());
  EXPECT_TRUE(allowed) << allowed.error().to_string();
}

TEST_F(ResultsOfDevices, OfAnotherAreNotFoundWhetherThereIsOneOrNot) {
  attest::RecordedDevice other = device;
  other.id = "device-2";
  devices.put(other);
  for (const char* id : {"device-2", "device-3"}) {
    test::ProofContent content = result_content();
    content.url = issuer_url + "/devices/" + id + "/result";
    credentials.proof = test::make_proof(device_key, content);
    expect_refused([&] { return ask(id); }, Code::device_not_found);
  }
}

TEST_F(ResultsOfDevices, WantAProofForThisUrlAndMethod) {
  expect_refused([this] { return ask("device-2"); }, Code::proof_htu);
  credentials.proof = proof();
  refused(Code::proof_htm);
  test::ProofContent post = result_content();
  post.method = "POST";
  credentials.proof = test::make_proof(device_key, post);
  refused(Code::proof_htm);
}

TEST_F(ResultsOfDevices, WantTheDevicesOwnKey) {
  credentials.proof = test::make_proof(test::SoftKey(), result_content());
  refused(Code::proof_key_mismatch);
}

TEST_F(ResultsOfDevices, WantAClientAttestationByItsKeyAndNoOther) {
  credentials.client_attestation = {};
  refused(Code::client_unauthenticated);
  for (const hsm::KeyInfo& key : {result_key, token_key}) {
    Json header = attestation_header();
    header["kid"] = key.kid();
    credentials.client_attestation = sign(key, header, attestation_claims());
    refused(Code::attestation_key_unknown);
  }
}

TEST_F(ResultsOfDevices, TakeAProofOnce) {
  ASSERT_TRUE(ask());
  refused(Code::proof_replayed);
}

TEST_F(ResultsOfDevices, CountAgainstWhatADeviceMayAskOnceItIsKnownWhoAsks) {
  const test::Scratch scratch;
  const auto store = store::open_service_store(scratch / "services.db").value();
  const Services services(*store, gate);
  ClientRate once(services);
  once.set(1, 0);
  rate = &once;
  start_results();
  const std::string good = credentials.proof;
  credentials.proof = test::make_proof(test::SoftKey(), result_content());
  for (int i = 0; i < 5; ++i) refused(Code::proof_key_mismatch);
  credentials.proof = good;
  ASSERT_TRUE(ask());
  refused(Code::proof_replayed);
  credentials.proof = result_proof();
  refused(Code::rate_of_device);
  EXPECT_TRUE(ask_as_operator()) << "what bounds devices bounds no operator";
}

TEST_F(ResultsOfDevices, SpendNothingOnWhatIsRefused) {
  device.state = "revoked";
  devices.put(device);
  refused(Code::device_revoked);
  device.state = "enrolled";
  devices.put(device);
  EXPECT_TRUE(ask()) << "the same proof is still good";
}

TEST_F(ResultsOfDevices, WantANonceWhereChallengesAreRequired) {
  start_results(true);
  refused(Code::attestation_challenge_required);
  test::ProofContent with = result_content();
  with.nonce = issuer->nonces().fresh();
  credentials.proof = test::make_proof(device_key, with);
  EXPECT_TRUE(ask()) << "a nonce that the token endpoint gave";
}

TEST_F(ResultsOfDevices, AreRefusedWithoutStanding) {
  device.state = "pending";
  devices.put(device);
  refused(Code::device_not_enrolled);
  operator_refused(Code::device_not_enrolled);
  device.state = "revoked";
  devices.put(device);
  refused(Code::device_revoked);
  operator_refused(Code::device_revoked);
  device.state = "approved";
  devices.put(device);
  refused(Code::evidence_stale);
  operator_refused(Code::evidence_stale);
}

TEST_F(ResultsOfDevices, AreRefusedWhereTheEvidenceIsOldOrEnded) {
  device.evidence_ended_why = "boot_refused";
  devices.put(device);
  refused(Code::evidence_stale);
  operator_refused(Code::evidence_stale);
  device.evidence_ended_why = "";
  device.attested_at = clock.now() - std::chrono::hours(24);
  devices.put(device);
  refused(Code::evidence_stale);
  operator_refused(Code::evidence_stale);
}

TEST_F(ResultsOfDevices, AreRefusedForAFormerKey) {
  device.jkt = test::SoftKey().jkt();
  devices.put(device);
  refused(Code::device_key_superseded);
}

TEST_F(ResultsOfDevices, OfABareKeyAreForOperatorsAlone) {
  device.facts = {};
  device.facts.format = "key";
  device.facts.key_protection = "none";
  devices.put(device);
  refused(Code::result_unavailable);
  const auto result = ask_as_operator();
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(verified(*result)["ear_status"], "none");
}

TEST_F(ResultsOfDevices, RefuseANonceThatIsNone) {
  const ResultWish wish{.nonce = "short"};
  expect_refused([&] { return ask("device-1", wish); }, Code::invalid_argument);
  expect_refused([&] { return ask_as_operator("device-1", wish); }, Code::invalid_argument);
}

TEST_F(ResultsOfDevices, WaitForTheirKey) {
  more_keys.clear();
  publish(3);
  refused(Code::keys_not_ready);
  operator_refused(Code::keys_not_ready);
}

TEST_F(ResultsOfDevices, AreGivenToOperatorsForDevicesThatThereAre) {
  const auto result = ask_as_operator("device-1", {.nonce = {}, .labels = true});
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_TRUE(verified(*result)["submods"]["tpm2"]["mintmark"].contains("labels"));
  expect_refused([this] { return ask_as_operator("device-2"); }, Code::device_not_found);
}

TEST_F(ResultsOfDevices, DoNotLeaveForADeviceThatWasRevokedMeanwhile) {
  key_store->hold();
  std::promise<Result<std::string>> promise;
  results->for_device(credentials, "device-1", {},
                      [&](Result<std::string> result) { promise.set_value(std::move(result)); });
  device.state = "revoked";
  devices.put(device);
  key_store->release();
  const auto result = promise.get_future().get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::device_revoked);
}

TEST_F(ResultsOfDevices, AreSignedAgainByTheKeyThatCameMeanwhile) {
  key_store->hold();
  std::promise<Result<std::string>> promise;
  results->for_operator("device-1", {},
                        [&](Result<std::string> result) { promise.set_value(std::move(result)); });
  result_key = key_store->make_key(hsm::Purpose::result);
  more_keys = {result_key};
  publish(3);
  key_store->release();
  const auto result = promise.get_future().get();
  ASSERT_TRUE(result) << result.error().to_string();
  (void)verified(*result);
}

TEST_F(ResultsOfDevices, AreNoClientAttestations) {
  const auto result = ask();
  ASSERT_TRUE(result);
  call.credentials.client_attestation = *result;
  call.credentials.proof = proof();
  const auto minted = mint();
  ASSERT_FALSE(minted);
  EXPECT_EQ(minted.error().code, Code::attestation_typ) << minted.error().to_string();
}

}  // namespace
}  // namespace mintmark::issuer
