#include <gtest/gtest.h>

#include "fake_issuer.h"

namespace mintmark::agent {
namespace {

using std::chrono::seconds;

const std::string token_url = "https://issuer.example/token";
const std::string begin_url = "https://issuer.example/attest/tpm2/begin";

class Token : public testing::Test {
 protected:
  Token() { bench_.enroll(); }

  Result<std::string> fetch(const TokenRequest& request = {"https://service.example", "read"}) {
    return bench_.agent().token(request);
  }
  [[nodiscard]] std::size_t token_calls() const { return bench_.issuer.seen_at(token_url).size(); }
  [[nodiscard]] std::size_t enrolments() const { return bench_.issuer.seen_at(begin_url).size(); }
  void refuse(Code code) { bench_.issuer.refuse_next(token_url, code); }

  Bench bench_;
};

TEST_F(Token, IsAskedForWithTheClientAttestationAndAProof) {
  const auto token = fetch({"https://service.example", "write read"});
  ASSERT_TRUE(token) << token.error().to_string();
  EXPECT_EQ(*token, "token1");
  const SeenRequest request = bench_.issuer.seen_at(token_url).at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(*request.headers.find("OAuth-Client-Attestation"), "the.client.attestation");
  const auto form = http::parse_form(request.body);
  EXPECT_EQ(*form, (http::FormFields{{"grant_type", "client_credentials"},
                                     {"scope", "read write"},
                                     {"resource", "https://service.example"}}));
  const ReadProof proof = read_proof(*request.headers.find("DPoP"));
  EXPECT_EQ(proof.claims["htu"], token_url);
  EXPECT_EQ(proof.claims["iat"], to_unix(bench_.clock.now()));
  EXPECT_EQ(proof.jkt, bench_.state().identity()->jkt);
}

TEST_F(Token, WithoutWishesLeavesThemOut) {
  ASSERT_TRUE(fetch({}));
  EXPECT_EQ(bench_.issuer.seen_at(token_url).at(0).body, "grant_type=client_credentials");
}

TEST_F(Token, IsKeptUntilShortlyBeforeItsEnd) {
  EXPECT_EQ(*fetch(), "token1");
  const int opened = bench_.tpm.opened;
  bench_.clock.advance(seconds{269});
  EXPECT_EQ(*fetch(), "token1");
  EXPECT_EQ(bench_.tpm.opened, opened);
  bench_.clock.advance(seconds{1});
  EXPECT_EQ(*fetch(), "token2");
}

TEST_F(Token, ThatIsToBeNewIsFetchedAndTakesThePlaceOfTheOneThatWasKept) {
  const TokenRequest request{"https://service.example", "read"};
  EXPECT_EQ(*fetch(request), "token1");
  EXPECT_EQ(*fetch({"https://other.example", ""}), "token2");
  EXPECT_EQ(*bench_.agent().new_token(request), "token3");
  EXPECT_EQ(*fetch(request), "token3");
  EXPECT_EQ(*fetch({"https://other.example", ""}), "token2");
}

TEST_F(Token, ThatIsToBeNewAndIsDeniedLeavesTheOneThatWasKept) {
  EXPECT_EQ(*fetch(), "token1");
  refuse(Code::device_revoked);
  EXPECT_EQ(bench_.agent().new_token({"https://service.example", "read"}).error().code,
            Code::device_revoked);
  EXPECT_EQ(*fetch(), "token1");
}

TEST_F(Token, OfOtherWishesIsAnotherOne) {
  EXPECT_EQ(*fetch({"a", "x y"}), "token1");
  EXPECT_EQ(*fetch({"a", "x"}), "token2");
  EXPECT_EQ(*fetch({"b", "x y"}), "token3");
  EXPECT_EQ(*fetch({"a", "y x"}), "token1");
}

TEST_F(Token, OfAFormerEnrolmentIsNotUsed) {
  EXPECT_EQ(*fetch(), "token1");
  bench_.enroll();
  EXPECT_EQ(*fetch(), "token2");
}

TEST_F(Token, IsAskedForAnewWithAFreshProofOnce) {
  for (const Code code : {Code::proof_replayed, Code::proof_iat_old}) {
    const std::size_t before = token_calls();
    refuse(code);
    ASSERT_TRUE(fetch({"a", std::string(facts_of(code).name)}));
    EXPECT_EQ(token_calls(), before + 2);
    const auto requests = bench_.issuer.seen_at(token_url);
    EXPECT_NE(*requests[before].headers.find("DPoP"), *requests[before + 1].headers.find("DPoP"));
  }
  refuse(Code::proof_replayed);
  refuse(Code::proof_replayed);
  EXPECT_EQ(fetch().error().code, Code::proof_replayed);
  EXPECT_EQ(enrolments(), 1U);
}

TEST_F(Token, IsAskedForAfterAnotherEnrolmentWhenTheIssuerWantsThat) {
  std::size_t expected = 1;
  for (const Code code :
       {Code::evidence_stale, Code::device_key_superseded, Code::device_unknown,
        Code::attestation_expired, Code::attestation_key_unknown, Code::attestation_signature}) {
    refuse(code);
    const auto token = fetch({"a", std::string(facts_of(code).name)});
    ASSERT_TRUE(token) << token.error().to_string();
    EXPECT_EQ(enrolments(), ++expected) << facts_of(code).name;
  }
}

TEST_F(Token, IsNotWorthMoreThanOneEnrolment) {
  refuse(Code::evidence_stale);
  refuse(Code::evidence_stale);
  EXPECT_EQ(fetch().error().code, Code::evidence_stale);
  EXPECT_EQ(enrolments(), 2U);
}

TEST_F(Token, IsUnavailableWhileTheEnrolmentThatItNeedsWaitsForApproval) {
  refuse(Code::evidence_stale);
  bench_.issuer.refuse_next("https://issuer.example/attest/tpm2/finish", Code::enrolment_pending);
  const auto token = fetch();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Code::enrolment_pending);
  EXPECT_EQ(token.error().action(), Action::retry_later);
  EXPECT_NE(
      token.error().detail.find("mintctl devices approve " +
                                std::get<TpmKey>(bench_.state().identity()->key).ek_fingerprint),
      std::string::npos);
}

TEST_F(Token, IsAskedForAfterAnotherEnrolmentWhenTheAttestationIsOver) {
  bench_.clock.advance(seconds{3600 - 10});
  ASSERT_TRUE(fetch());
  EXPECT_EQ(enrolments(), 2U);
  EXPECT_EQ(bench_.tpm.wanted_ek, std::get<TpmKey>(bench_.state().identity()->key).ek);
}

TEST_F(Token, ThatIsDeniedIsNotAskedForAgain) {
  for (const Code code : {Code::policy_scope, Code::device_not_enrolled, Code::issuer_refused}) {
    const std::size_t before = token_calls();
    refuse(code);
    EXPECT_EQ(fetch().error().code, code);
    EXPECT_EQ(token_calls(), before + 1);
  }
  EXPECT_EQ(enrolments(), 1U);
  EXPECT_TRUE(bench_.state().tokens()->empty());
}

TEST_F(Token, WithAKeyThatTheTpmLostIsNotFetched) {
  bench_.tpm.sign_error = Error{Code::tpm_key_lost, "", 0};
  EXPECT_EQ(fetch().error().code, Code::tpm_key_lost);
  EXPECT_EQ(enrolments(), 1U);
}

TEST_F(Token, IsUnavailableWithoutTheIssuer) {
  bench_.issuer.transport_error = Error{Code::connect_failed, "", 0};
  EXPECT_EQ(fetch().error().code, Code::connect_failed);
}

TEST_F(Token, OfAnotherTypeIsRefused) {
  bench_.issuer.token["token_type"] = "Bearer";
  EXPECT_EQ(fetch().error().code, Code::issuer_answer_invalid);
  EXPECT_TRUE(bench_.state().tokens()->empty());
}

TEST_F(Token, ThatIsNotWholeIsRefused) {
  for (const char* member : {"access_token", "token_type", "expires_in"}) {
    const Json whole = bench_.issuer.token;
    bench_.issuer.token.erase(member);
    EXPECT_EQ(fetch().error().code, Code::issuer_answer_invalid) << member;
    bench_.issuer.token = whole;
  }
}

TEST_F(Token, WithoutAnEnrolmentIsRefused) {
  Bench other;
  EXPECT_EQ(other.agent().token({}).error().code, Code::agent_not_enrolled);
}

TEST_F(Token, IsNotInTheStatus) {
  ASSERT_TRUE(fetch());
  const auto status = bench_.agent().status();
  ASSERT_TRUE(status);
  EXPECT_EQ((*status)["client_id"], "device-1");
  EXPECT_EQ((*status)["tokens"][0]["usable"], true);
  EXPECT_EQ((*status)["attestation"]["valid"], true);
  EXPECT_EQ(status->dump().find("token1"), std::string::npos);
  bench_.clock.advance(seconds{3600});
  EXPECT_EQ((*bench_.agent().status())["tokens"][0]["usable"], false);
  EXPECT_EQ((*bench_.agent().status())["attestation"]["valid"], false);
}

}  // namespace
}  // namespace mintmark::agent
