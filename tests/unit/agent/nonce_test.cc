// Nonces of the issuer: asked for, sent back, kept (RFC 9449 §8; attestation-based-client-auth-10
// §8).
#include <gtest/gtest.h>

#include "fake_issuer.h"

namespace mintmark::agent {
namespace {

const std::string token_url = "https://issuer.example/token";
const std::string challenge_url = "https://issuer.example/challenge";

class Nonce : public testing::Test {
 protected:
  Nonce() { bench_.enroll(); }

  /// Of wishes that no token is kept for.
  Result<std::string> fetch() {
    return bench_.agent().token({"https://service.example", "scope" + std::to_string(++fetched_)});
  }
  /// The nonces of all proofs to the token endpoint; "" where there was none.
  [[nodiscard]] std::vector<std::string> nonces() const {
    std::vector<std::string> seen;
    for (const SeenRequest& request : bench_.issuer.seen_at(token_url))
      seen.push_back(read_proof(*request.headers.find("DPoP")).claims.value("nonce", ""));
    return seen;
  }
  [[nodiscard]] std::string kept() const { return bench_.state().nonce("https://issuer.example"); }

  Bench bench_;
  int fetched_ = 0;
};

using Seen = std::vector<std::string>;

TEST_F(Nonce, IsSentBackOnceWhereTheIssuerAsksForIt) {
  for (const Code code :
       {Code::dpop_nonce_required, Code::dpop_nonce_stale, Code::attestation_challenge_required,
        Code::attestation_challenge_stale}) {
    Bench bench;
    bench.enroll();
    bench.issuer.refuse_next(token_url, code, "nonce-1");
    const auto token = bench.agent().token({});
    ASSERT_TRUE(token) << token.error().to_string();
    const auto requests = bench.issuer.seen_at(token_url);
    ASSERT_EQ(requests.size(), 2U) << facts_of(code).name;
    EXPECT_FALSE(read_proof(*requests[0].headers.find("DPoP")).claims.contains("nonce"));
    EXPECT_EQ(read_proof(*requests[1].headers.find("DPoP")).claims["nonce"], "nonce-1");
  }
}

TEST_F(Nonce, ThatIsRefusedTwiceIsNotTriedAgainButKept) {
  bench_.issuer.refuse_next(token_url, Code::dpop_nonce_required, "nonce-1");
  bench_.issuer.refuse_next(token_url, Code::dpop_nonce_stale, "nonce-2");
  EXPECT_EQ(fetch().error().code, Code::dpop_nonce_stale);
  EXPECT_EQ(nonces(), (Seen{"", "nonce-1"}));
  ASSERT_TRUE(fetch());
  EXPECT_EQ(nonces(), (Seen{"", "nonce-1", "nonce-2"}));
}

TEST_F(Nonce, ThatDoesNotComeIsNoReasonToAskAgain) {
  bench_.issuer.refuse_next(token_url, Code::dpop_nonce_required);
  EXPECT_EQ(fetch().error().code, Code::dpop_nonce_required);
  EXPECT_EQ(nonces().size(), 1U);
}

TEST_F(Nonce, ThatCannotStandInAProofIsNone) {
  for (const std::string& nonce :
       {std::string("two words"), std::string("quo\"te"), std::string("back\\slash"),
        std::string(513, 'n'), std::string()}) {
    const std::size_t before = nonces().size();
    bench_.issuer.refuse_next(token_url, Code::dpop_nonce_required, nonce);
    EXPECT_EQ(fetch().error().code, Code::dpop_nonce_required) << nonce;
    EXPECT_EQ(nonces().size(), before + 1);
  }
  EXPECT_EQ(kept(), "");
}

TEST_F(Nonce, ComesWithEachTokenForTheNext) {
  bench_.issuer.next_nonce = "nonce-1";
  ASSERT_TRUE(fetch());
  bench_.issuer.next_nonce = "nonce-2";
  ASSERT_TRUE(fetch());
  ASSERT_TRUE(fetch());
  EXPECT_EQ(nonces(), (Seen{"", "nonce-1", "nonce-2"}));
}

TEST_F(Nonce, IsUsedUntilAnotherOneComes) {
  bench_.issuer.refuse_next(token_url, Code::attestation_challenge_required, "nonce-1");
  ASSERT_TRUE(fetch());
  ASSERT_TRUE(fetch());
  bench_.issuer.refuse_next(token_url, Code::attestation_challenge_stale, "nonce-2");
  ASSERT_TRUE(fetch());
  ASSERT_TRUE(fetch());
  EXPECT_EQ(nonces(), (Seen{"", "nonce-1", "nonce-1", "nonce-1", "nonce-2", "nonce-2"}));
}

TEST_F(Nonce, OutlivesARefusalThatBringsNone) {
  bench_.issuer.next_nonce = "nonce-1";
  ASSERT_TRUE(fetch());
  bench_.issuer.refuse_next(token_url, Code::policy_scope);
  EXPECT_EQ(fetch().error().code, Code::policy_scope);
  EXPECT_EQ(kept(), "nonce-1");
}

TEST_F(Nonce, IsFetchedFirstWhereTheMetadataSayWhere) {
  bench_.issuer.challenge_endpoint = challenge_url;
  bench_.issuer.next_nonce = "nonce-1";
  ASSERT_TRUE(fetch());
  ASSERT_TRUE(fetch());
  EXPECT_EQ(nonces(), (Seen{"first-challenge", "nonce-1"}));
  const auto asked = bench_.issuer.seen_at(challenge_url);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].method, "POST");
}

TEST_F(Nonce, ThatCannotBeFetchedLeavesNoToken) {
  bench_.issuer.challenge_endpoint = challenge_url;
  bench_.issuer.instead[challenge_url].push_back(http::json_response(200, "{}"));
  EXPECT_EQ(fetch().error().code, Code::issuer_answer_invalid);
  bench_.issuer.refuse_next(challenge_url, Code::unavailable);
  EXPECT_EQ(fetch().error().code, Code::unavailable);
  EXPECT_TRUE(nonces().empty());
}

TEST_F(Nonce, IsNotForServices) {
  bench_.issuer.next_nonce = "nonce-1";
  ASSERT_TRUE(fetch());
  const auto proof = bench_.agent().proof({"GET", "https://service.example/", "a.b.c"});
  ASSERT_TRUE(proof);
  EXPECT_FALSE(read_proof(*proof).claims.contains("nonce"));
}

TEST_F(Nonce, WorksForAKeyInAFileToo) {
  Bench bench;
  ASSERT_TRUE(bench.enroll_by_code());
  bench.issuer.refuse_next(token_url, Code::dpop_nonce_required, "nonce-1");
  ASSERT_TRUE(bench.agent().token({}));
  const auto requests = bench.issuer.seen_at(token_url);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(read_proof(*requests[1].headers.find("DPoP")).claims["nonce"], "nonce-1");
}

}  // namespace
}  // namespace mintmark::agent
