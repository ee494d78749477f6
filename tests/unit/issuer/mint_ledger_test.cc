// A token is in the log before it leaves, has an entry of its own in a status list, and does not
// leave if it was revoked on the way.
#include "mint_fixture.h"

namespace mintmark::issuer {
namespace {

using revoke::Revocation;
using revoke::Status;
using What = Revocation::What;

class MintLedger : public MintFixture {
 protected:
  using Answer = std::future<Result<IssuedToken>>;
  Answer ask() {
    auto promise = std::make_shared<std::promise<Result<IssuedToken>>>();
    issuer->mint(call,
                 [promise](Result<IssuedToken> issued) { promise->set_value(std::move(issued)); });
    return promise->get_future();
  }
  /// Signed, and waiting for the disk.
  Answer ask_held() {
    ledger.log.hold();
    auto answer = ask();
    while (ledger.log.waiting() == 0) std::this_thread::yield();
    return answer;
  }
  static bool is_there(Answer& answer) {
    return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  Json claims_of(const IssuedToken& issued) {
    auto jws = jose::UnverifiedJws::parse(issued.token);
    return std::move(*jws).verify(token_key.public_key).value().claims();
  }
  Result<revoke::Outcome> revoke(const Revocation& what) {
    return wait_for<revoke::Outcome>([&](auto done) { ledger.revoker.revoke(what, done); });
  }
  void expect_decided_again(Answer& answer) {
    const auto issued = answer.get();
    ASSERT_TRUE(issued) << issued.error().to_string();
    ASSERT_EQ(ledger.log.entries().size(), 2U);
    EXPECT_EQ(claims_of(*issued)["jti"], ledger.log.entries()[1].jti);
  }
};

TEST_F(MintLedger, NothingLeavesBeforeItIsOnDisk) {
  auto answer = ask_held();
  EXPECT_FALSE(is_there(answer));
  ASSERT_EQ(ledger.log.entries().size(), 1U);
  ledger.log.release();
  const auto issued = answer.get();
  ASSERT_TRUE(issued) << issued.error().to_string();
  const audit::Issued entry = ledger.log.entries().front();
  const Json claims = claims_of(*issued);
  EXPECT_EQ(claims["jti"], entry.jti);
  EXPECT_EQ(entry.device, "device-1");
  EXPECT_EQ(entry.audience, "https://api.example");
  EXPECT_EQ(entry.kid, token_key.kid());
  EXPECT_EQ(entry.rule, "all");
  EXPECT_EQ(to_unix(entry.issued_at), claims["iat"]);
  EXPECT_EQ(to_unix(entry.expires_at), claims["exp"]);
  EXPECT_FALSE(entry.ends_with_evidence);
}

TEST_F(MintLedger, ATokenNamesItsEntryInAStatusList) {
  const auto first = mint();
  call.credentials.proof = proof();
  const auto second = mint();
  ASSERT_TRUE(first && second);
  const Json one = claims_of(*first)["status"]["status_list"];
  EXPECT_EQ(one["uri"], issuer_url + "/status/1");
  EXPECT_EQ(one["idx"], ledger.log.entries()[0].index);
  EXPECT_NE(one["idx"], claims_of(*second)["status"]["status_list"]["idx"]);
}

TEST_F(MintLedger, NothingLeavesThatTheLogDoesNotTake) {
  ledger.log.fail_with(Code::issuance_log_failed);
  const auto issued = mint();
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, Code::issuance_log_failed);
  EXPECT_EQ(facts_of(issued.error().code).http_status, 503U);
}

// Neither a signature nor an entry, and the same request is good when the disk is.
TEST_F(MintLedger, NothingIsSpentWhileTheLogIsKnownToTakeNothing) {
  ledger.log.be_known_to_fail_with(Code::store_full);
  expect_refusal(Code::store_full);
  EXPECT_EQ(ledger.statuses.given(), 0U);
  EXPECT_TRUE(ledger.log.entries().empty());
  ledger.log.be_known_to_fail_with(std::nullopt);
  EXPECT_TRUE(mint()) << "the proof was not used up";
}

TEST_F(MintLedger, NothingLeavesWhileTooManyWaitForTheLog) {
  ledger.log.fail_with(Code::overloaded);
  const auto issued = mint();
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, Code::overloaded);
}

TEST_F(MintLedger, NothingIsSignedWithoutAnEntryInAStatusList) {
  ledger.statuses.give_at_most(0);
  expect_refusal(Code::status_index_unavailable);
  EXPECT_TRUE(ledger.log.entries().empty());
}

// Blocks of entries are leased on disk: nobody uses them up with one request.
TEST_F(MintLedger, WhatIsSentAgainTakesNoEntryInAStatusList) {
  ASSERT_TRUE(mint());
  EXPECT_EQ(mint().error().code, Code::proof_replayed);
  EXPECT_EQ(ledger.statuses.given(), 1U);
}

TEST_F(MintLedger, WhatDoesNotLeaveIsNoLiveToken) {
  auto answer = ask_held();
  ASSERT_TRUE(revoke({.what = What::token, .name = ledger.log.entries().front().jti}));
  ledger.log.release();
  expect_decided_again(answer);
  EXPECT_EQ(ledger.live.size(), 1U);
  ledger.log.fail_with(Code::issuance_log_failed);
  call.credentials.proof = proof();
  ASSERT_FALSE(mint());
  EXPECT_EQ(ledger.live.size(), 1U);
}

TEST_F(MintLedger, ADeviceThatIsRevokedWhileItsTokenIsWrittenGetsNothing) {
  auto answer = ask_held();
  device.state = "revoked";
  devices.put(device);
  ledger.log.release();
  const auto issued = answer.get();
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().code, Code::device_revoked);
}

TEST_F(MintLedger, ATokenThatIsRevokedWhileItIsWrittenIsDecidedAgain) {
  auto answer = ask_held();
  ASSERT_TRUE(revoke({.what = What::token, .name = ledger.log.entries().front().jti}));
  ledger.log.release();
  expect_decided_again(answer);
  EXPECT_EQ(ledger.statuses.of(ledger.log.entries()[0].index), Status::invalid);
  EXPECT_EQ(ledger.statuses.of(ledger.log.entries()[1].index), Status::valid);
}

TEST_F(MintLedger, WhatARuleGrantedIsDecidedAgainWhenTheRulesTokensAreRevokedMeanwhile) {
  auto answer = ask_held();
  ASSERT_TRUE(revoke({.what = What::rule, .name = "all"}));
  ledger.log.release();
  expect_decided_again(answer);
}

TEST_F(MintLedger, WhatIsMintedAfterARevocationOfAMomentIsGoodAtOnce) {
  ASSERT_TRUE(mint());
  const Moment before = clock.now() + std::chrono::seconds(1);
  const auto revoked = revoke({.what = What::issued_before, .before = before});
  ASSERT_TRUE(revoked) << revoked.error().to_string();
  EXPECT_EQ(revoked->live, 1U);
  call.credentials.proof = proof();
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  const audit::Issued entry = ledger.log.entries().back();
  EXPECT_EQ(entry.issued_at, before);
  EXPECT_EQ(ledger.events.judge(revoke::revocable(entry)), verify::RevokedSet::Verdict::good);
}

// Revoked, reinstated and revoked again within one second, more often than the clock may be ahead.
TEST_F(MintLedger, ADeviceThatIsRevokedAgainAndAgainHoldsUpNobodyElse) {
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(revoke({.what = What::device, .name = "device-1"}));
    call.credentials.proof = proof();
    const auto issued = mint();
    ASSERT_TRUE(issued) << issued.error().to_string();
    EXPECT_EQ(ledger.events.judge(revoke::revocable(ledger.log.entries().back())),
              verify::RevokedSet::Verdict::good);
  }
  EXPECT_LE(minting.mark(), clock.now() + std::chrono::seconds(1));
  for (int i = 0; i < 3; ++i) (void)revoke({.what = What::device, .name = "device-1"});
  ASSERT_TRUE(minting.check()) << "others are minted for all the same";
}

TEST_F(MintLedger, ADeviceWhoseCutLiesFarAheadHasToComeAgain) {
  ledger.events.append({{{"type", "device"},
                         {"sub", "device-1"},
                         {"before", to_unix(clock.now()) + 60},
                         {"until", to_unix(clock.now()) + 600}}},
                       [](const Result<std::uint64_t>& done) { ASSERT_TRUE(done); });
  expect_refusal(Code::clock_behind);
}

TEST_F(MintLedger, ATokenOfARuleThatSaysSoEndsWithTheEvidence) {
  policies.swap(policy_of(R"({"rules": [{"name": "strict", "match": {"format": "tpm2"},
    "grant": [{"audience": "https://api.example", "scopes": ["read"]}],
    "default_audience": "https://api.example", "standing_tokens": "revoke"}]})"));
  ASSERT_TRUE(mint());
  EXPECT_TRUE(ledger.log.entries().back().ends_with_evidence);
}

}  // namespace
}  // namespace mintmark::issuer
