// An attestation is renewed before it ends, and what fails on the way costs no token that the old
// one is still good for.
#include <gtest/gtest.h>

#include "fake_issuer.h"

namespace mintmark::agent {
namespace {

using std::chrono::seconds;

const std::string token_url = "https://issuer.example/token";
const std::string begin_url = "https://issuer.example/attest/tpm2/begin";
const std::string finish_url = "https://issuer.example/attest/tpm2/finish";

class AttestAgain : public testing::Test {
 protected:
  AttestAgain() { former_ = bench_.enroll(); }

  /// Of wishes that no token is kept for.
  Result<std::string> fetch() {
    return bench_.agent().token({"https://service.example", "scope" + std::to_string(++fetched_)});
  }
  void expect_tokens() {
    const auto token = fetch();
    EXPECT_TRUE(token) << token.error().to_string();
  }
  [[nodiscard]] std::size_t attested() const { return bench_.issuer.seen_at(begin_url).size() - 1; }
  [[nodiscard]] Identity identity() const { return bench_.state().identity().value(); }
  /// As a begin that fails.
  void refuse(Code code) { bench_.issuer.refuse_next(begin_url, code); }

  Bench bench_;
  Identity former_;
  int fetched_ = 0;
};

TEST_F(AttestAgain, ComesAtThreeQuartersOfTheLife) {
  bench_.clock.advance(seconds{2699});
  expect_tokens();
  EXPECT_EQ(attested(), 0U);
  bench_.clock.advance(seconds{1});
  expect_tokens();
  EXPECT_EQ(attested(), 1U);
  EXPECT_EQ(identity().attestation->attested_at, bench_.clock.now());
  expect_tokens();
  EXPECT_EQ(attested(), 1U);
}

// A boot rule that wants to see the device sooner makes the life itself shorter; nothing else says
// when.
TEST_F(AttestAgain, KnowsOneScheduleOnly) {
  bench_.issuer.admission["expires_in"] = 600;
  bench_.issuer.admission["attest_again_in"] = 60;
  bench_.enroll();
  const std::size_t before = attested();
  bench_.clock.advance(seconds{449});
  expect_tokens();
  EXPECT_EQ(attested(), before);
  bench_.clock.advance(seconds{1});
  expect_tokens();
  EXPECT_EQ(attested(), before + 1);
}

TEST_F(AttestAgain, ComesAfterAReboot) {
  bench_.boot_id = "the-second-boot";
  expect_tokens();
  EXPECT_EQ(attested(), 1U);
  EXPECT_EQ(identity().attestation->boot_id, "the-second-boot");
  expect_tokens();
  EXPECT_EQ(attested(), 1U);
}

TEST_F(AttestAgain, ComesAfterARebootAlsoWhereATokenIsKept) {
  const TokenRequest request{"https://service.example", "read"};
  ASSERT_TRUE(bench_.agent().token(request));
  bench_.boot_id = "the-second-boot";
  EXPECT_EQ(*bench_.agent().token(request), "token1");
  EXPECT_EQ(attested(), 1U);
}

TEST_F(AttestAgain, ComesOnDemand) {
  const auto again = bench_.agent().attest();
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(attested(), 1U);
}

TEST_F(AttestAgain, ComesOnDemandEvenWhileAFailureHoldsTheScheduleBack) {
  bench_.clock.advance(seconds{2700});
  refuse(Code::unavailable);
  expect_tokens();
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_EQ(attested(), 2U);
}

TEST_F(AttestAgain, ComesOnceWhereTheIssuerAsksAndTheScheduleToo) {
  bench_.clock.advance(seconds{2700});
  bench_.issuer.refuse_next(token_url, Code::evidence_stale);
  EXPECT_EQ(fetch().error().code, Code::evidence_stale);
  EXPECT_EQ(attested(), 1U);
}

TEST_F(AttestAgain, IsNothingForAKeyInAFile) {
  Bench bench;
  ASSERT_TRUE(bench.enroll_by_code());
  const auto again = bench.agent().attest();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::agent_key_unsupported);
  bench.boot_id = "the-second-boot";
  EXPECT_TRUE(bench.agent().token({}));
}

TEST_F(AttestAgain, NeedsAnEnrolment) {
  Bench bench;
  EXPECT_EQ(bench.agent().attest().error().code, Code::agent_not_enrolled);
}

TEST_F(AttestAgain, ShowsTheKeysThatTheIssuerKnows) {
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_EQ(identity().jkt, former_.jkt);
  EXPECT_EQ(bench_.tpm.keys_made, 2);
  const auto begun = bench_.issuer.seen_at(begin_url);
  EXPECT_EQ(Json::parse(begun[0].body), Json::parse(begun[1].body));
}

TEST_F(AttestAgain, KeepsTheTokensOfAKeyThatStays) {
  const TokenRequest request{"https://service.example", "read"};
  ASSERT_TRUE(bench_.agent().token(request));
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_EQ(*bench_.agent().token(request), "token1");
  EXPECT_EQ(bench_.issuer.seen_at(token_url).size(), 1U);
}

TEST_F(AttestAgain, MakesNewKeysWhereTheTpmLostTheOld) {
  ASSERT_TRUE(fetch());
  bench_.tpm.private_keys.clear();
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_NE(identity().jkt, former_.jkt);
  EXPECT_TRUE(bench_.state().tokens()->empty());
  expect_tokens();
}

TEST_F(AttestAgain, MakesNewKeysWhereTheIssuerTakesTheOldNoMore) {
  for (const Code code : {Code::ak_scheme, Code::device_key_superseded}) {
    const std::string before = identity().jkt;
    bench_.issuer.refuse_next(finish_url, code);
    const auto again = bench_.agent().attest();
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_NE(identity().jkt, before) << facts_of(code).name;
  }
}

// They would begin a new count, and what was set back to a snapshot would be in again.
TEST_F(AttestAgain, MakesNoNewKeysForATpmThatWentBack) {
  bench_.boot_id = "the-second-boot";
  for (int i = 0; i < 2; ++i) {
    bench_.issuer.refuse_next(finish_url, Code::quote_went_back);
    const auto token = fetch();
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, Code::quote_went_back);
    EXPECT_NE(token.error().detail.find("mint-agent enroll"), std::string::npos)
        << token.error().detail;
  }
  EXPECT_EQ(bench_.tpm.keys_made, 2);
  EXPECT_EQ(bench_.issuer.seen_at(finish_url).size(), 3U);
  EXPECT_EQ(identity().jkt, former_.jkt);
}

TEST_F(AttestAgain, IsTheOwnersToMendWhereATpmWentBack) {
  bench_.issuer.refuse_next(finish_url, Code::quote_went_back);
  ASSERT_FALSE(bench_.agent().attest());
  bench_.enroll();
  EXPECT_NE(identity().jkt, former_.jkt);
  expect_tokens();
}

TEST_F(AttestAgain, MakesNewKeysOnAnotherTpm) {
  bench_.tpm.ek_certificate = FakeTpm().ek_certificate;
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_NE(identity().jkt, former_.jkt);
  EXPECT_NE(std::get<TpmKey>(identity().key).ek_fingerprint,
            std::get<TpmKey>(former_.key).ek_fingerprint);
}

TEST_F(AttestAgain, MakesNoNewKeysWhereTheyWouldChangeNothing) {
  for (const Code code :
       {Code::boot_refused, Code::enrolment_revoked, Code::unavailable, Code::quote_went_back}) {
    bench_.issuer.refuse_next(finish_url, code);
    EXPECT_EQ(bench_.agent().attest().error().code, code);
  }
  EXPECT_EQ(bench_.tpm.keys_made, 2);
  EXPECT_EQ(identity().jkt, former_.jkt);
}

TEST_F(AttestAgain, ThatFailsInPassingCostsNoToken) {
  bench_.clock.advance(seconds{2700});
  for (const Code code : {Code::unavailable, Code::overloaded, Code::enrolment_pending,
                          Code::issuer_answer_invalid}) {
    refuse(code);
    expect_tokens();
    bench_.clock.advance(seconds{120});
  }
  bench_.tpm.quote_error = Error{Code::tpm_failed, "", 0};
  bench_.clock.advance(seconds{240});
  expect_tokens();
  EXPECT_EQ(identity().attestation->expires_at, former_.attestation->expires_at);
}

TEST_F(AttestAgain, ThatFailsInPassingIsNotTriedAtEachCall) {
  bench_.clock.advance(seconds{2700});
  for (int i = 0; i < 20; ++i) refuse(Code::unavailable);
  for (int i = 0; i < 5; ++i) expect_tokens();
  EXPECT_EQ(attested(), 1U);
  bench_.clock.advance(seconds{29});
  expect_tokens();
  EXPECT_EQ(attested(), 1U);
  bench_.clock.advance(seconds{1});
  expect_tokens();
  EXPECT_EQ(attested(), 2U);
  bench_.clock.advance(seconds{59});
  expect_tokens();
  EXPECT_EQ(attested(), 2U);
  bench_.clock.advance(seconds{1});
  expect_tokens();
  EXPECT_EQ(attested(), 3U);
}

TEST_F(AttestAgain, ThatFailsInPassingIsReportedOnceTheOldOneIsOver) {
  bench_.clock.advance(seconds{3590});
  refuse(Code::unavailable);
  EXPECT_EQ(fetch().error().code, Code::unavailable);
  refuse(Code::unavailable);
  EXPECT_EQ(fetch().error().code, Code::unavailable);
  EXPECT_EQ(attested(), 2U);
  EXPECT_TRUE(bench_.issuer.seen_at(token_url).empty());
  expect_tokens();
}

TEST_F(AttestAgain, ThatFailsInPassingLeavesATokenThatOutlivesTheAttestation) {
  bench_.clock.advance(seconds{2600});
  bench_.issuer.token["expires_in"] = 3600;
  const TokenRequest request{"https://service.example", "read"};
  ASSERT_TRUE(bench_.agent().token(request));
  bench_.clock.advance(seconds{1000});
  bench_.issuer.transport_error = Error{Code::connect_failed, "", 0};
  EXPECT_EQ(*bench_.agent().token(request), "token1");
}

TEST_F(AttestAgain, ThatIsRefusedIsReportedAtOnceEachTime) {
  bench_.boot_id = "the-second-boot";
  for (const Code code : {Code::boot_refused, Code::enrolment_revoked, Code::boot_refused}) {
    bench_.issuer.refuse_next(finish_url, code);
    EXPECT_EQ(fetch().error().code, code);
  }
  EXPECT_EQ(attested(), 3U);
  EXPECT_TRUE(bench_.issuer.seen_at(token_url).empty());
  EXPECT_EQ(identity().attestation->boot_id, "the-first-boot");
  expect_tokens();
}

TEST_F(AttestAgain, ThatIsRefusedShowsInTheStatusUntilOneSucceeds) {
  EXPECT_FALSE(bench_.agent().status()->contains("refusal"));
  bench_.issuer.refuse_next(finish_url, Code::boot_refused);
  EXPECT_EQ(bench_.agent().attest().error().code, Code::boot_refused);
  bench_.clock.advance(seconds{5});
  const Json refused = bench_.agent().status().value();
  EXPECT_EQ(refused["refusal"]["code"], "boot_refused");
  EXPECT_EQ(refused["refusal"]["ago"], 5);
  EXPECT_FALSE(refused.contains("failure"));

  refuse(Code::unavailable);
  EXPECT_FALSE(bench_.agent().attest());
  const Json failed = bench_.agent().status().value();
  EXPECT_EQ(failed["failure"]["code"], "unavailable");
  EXPECT_EQ(failed["failure"]["in_a_row"], 2);
  EXPECT_FALSE(failed.contains("refusal"));

  ASSERT_TRUE(bench_.agent().attest());
  const Json good = bench_.agent().status().value();
  EXPECT_FALSE(good.contains("refusal"));
  EXPECT_FALSE(good.contains("failure"));
}

TEST_F(AttestAgain, ThatIsDueShowsInTheStatus) {
  EXPECT_FALSE((*bench_.agent().status())["attestation"].contains("due"));
  bench_.boot_id = "the-second-boot";
  EXPECT_EQ((*bench_.agent().status())["attestation"]["due"], "reboot");
}

TEST_F(AttestAgain, ForALifeThatIsNoneIsRefused) {
  const std::vector<Json> wrong = {0, -1, "600", 1.5, nullptr, 10'000'000'000};
  for (const Json& life : wrong) {
    bench_.issuer.admission["expires_in"] = life;
    EXPECT_EQ(bench_.agent().attest().error().code, Code::issuer_answer_invalid) << life;
  }
}

}  // namespace
}  // namespace mintmark::agent
