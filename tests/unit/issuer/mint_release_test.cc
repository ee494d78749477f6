// What is taken back while a token is being signed is taken back for that token too.
#include <atomic>
#include <thread>
#include <vector>

#include "mint_fixture.h"

namespace mintmark::issuer {
namespace {

class MintRelease : public MintFixture {
 protected:
  /// Decides now and signs when the key store is released.
  std::future<Result<IssuedToken>> mint_held() {
    key_store->hold();
    auto promise = std::make_shared<std::promise<Result<IssuedToken>>>();
    issuer->mint(call,
                 [promise](Result<IssuedToken> issued) { promise->set_value(std::move(issued)); });
    return promise->get_future();
  }
};

TEST_F(MintRelease, RefusesADeviceThatWasRevokedMeanwhile) {
  auto held = mint_held();
  device.state = "revoked";
  devices.put(device);
  key_store->release();
  const auto issued = held.get();
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, Code::device_revoked);
}

TEST_F(MintRelease, RefusesWhatAPolicyOfMeanwhileDoesNotGrant) {
  auto held = mint_held();
  policies.swap(policy_of(R"({"rules": []})"));
  key_store->release();
  const auto issued = held.get();
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, Code::policy_no_rule);
}

TEST_F(MintRelease, SignsAgainWithTheKeyThatCameMeanwhile) {
  auto held = mint_held();
  token_key = key_store->make_key(hsm::Purpose::access_token);
  publish(2);
  key_store->release();
  const auto issued = held.get();
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_EQ(jose::UnverifiedJws::parse(issued->token)->kid(), token_key.kid());
}

TEST_F(MintRelease, RefusesAnAttestationWhoseKeyWasTakenBackMeanwhile) {
  auto held = mint_held();
  attestation_key = key_store->make_key(hsm::Purpose::client_attestation);
  publish(2);
  key_store->release();
  const auto issued = held.get();
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, Code::attestation_key_unknown);
}

TEST_F(MintRelease, GivesTheTokenWhereTheNewDecisionIsTheSame) {
  auto held = mint_held();
  device.labels["site"] = "berlin";
  devices.put(device);
  key_store->release();
  EXPECT_TRUE(held.get());
}

/// Before each signature something is changed: every one comes too late.
class RestlessSigner final : public hsm::Signer {
 public:
  RestlessSigner(std::shared_ptr<hsm::Signer> inner, std::function<void()> change)
      : inner_(std::move(inner)), change_(std::move(change)) {}
  void sign(const hsm::KeyId& key, std::string signing_input, Deadline deadline,
            hsm::Done<Bytes> done) override {
    change_();
    inner_->sign(key, std::move(signing_input), deadline, std::move(done));
  }
  void list(Deadline deadline, hsm::Done<std::vector<hsm::KeyInfo>> done) override {
    inner_->list(deadline, std::move(done));
  }

 private:
  std::shared_ptr<hsm::Signer> inner_;
  std::function<void()> change_;
};

TEST_F(MintRelease, EndsWhatNeverComesToRest) {
  const std::size_t before = key_store->signatures();
  stores.put("main", {.signer = std::make_shared<RestlessSigner>(key_store,
                                                                 [this] { devices.put(device); })});
  const auto issued = mint();
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, Code::decision_moving);
  EXPECT_EQ(key_store->signatures() - before, 4U);
}

// The promise of `mintctl devices revoke`: once put() has returned, no token of the device leaves.
TEST_F(MintRelease, LetsNoTokenOutAfterARevocationHasReturned) {
  for (int round = 0; round < 200; ++round) {
    device.state = "enrolled";
    devices.put(device);
    std::atomic<bool> revoked = false;
    std::atomic<int> late = 0;
    std::atomic<int> answered = 0;
    constexpr int requests = 8;
    std::vector<TokenCall> calls(requests, call);
    for (TokenCall& one : calls) one.credentials.proof = proof();
    std::jthread asking([&] {
      for (TokenCall& one : calls) {
        issuer->mint(one, [&](const Result<IssuedToken>& issued) {
          if (issued && revoked) ++late;
          ++answered;
          answered.notify_all();
        });
      }
    });
    attest::RecordedDevice gone = device;
    gone.state = "revoked";
    devices.put(gone);
    revoked = true;
    for (int seen = answered; seen != requests; seen = answered) answered.wait(seen);
    EXPECT_EQ(late, 0) << "round " << round;
  }
}

TEST(ReleaseGate, WaitsForThoseInsideAndNotForThoseWhoComeLater) {
  ReleaseGate gate;
  std::unique_ptr<ReleaseGate::Passage> first(new ReleaseGate::Passage(gate.enter()));
  std::promise<void> ended;
  auto end = ended.get_future();
  std::jthread waiting([&] {
    gate.wait_for_those_inside();
    ended.set_value();
  });
  EXPECT_EQ(end.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  const ReleaseGate::Passage second = gate.enter();
  first.reset();
  EXPECT_EQ(end.wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

}  // namespace
}  // namespace mintmark::issuer
