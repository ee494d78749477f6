// Foreign results from files, with their attester's keys and without.
#include <gtest/gtest.h>

#include "attest/offline/judge.h"
#include "support/eat_maker.h"

namespace mintmark::attest::eat {
namespace {

const Moment now = from_unix(1'800'000'000);
const Sha256 binding = sha256("a binding");
using test::EatMaker;

class ForeignFiles : public ::testing::Test {
 protected:
  ForeignFiles() { maker.at = now; }
  offline::Judgement judged(std::vector<Bytes> files) {
    question.format = "eat";
    question.files = std::move(files);
    question.at = now;
    return offline::judge(question).value();
  }
  Bytes jwt() { return to_bytes(as_bytes(maker.jwt(maker.bound_claims(binding)))); }
  Bytes keys() { return to_bytes(as_bytes(maker.keys())); }
  EatMaker maker;
  offline::Question question;
};
using Answer = offline::Judgement::Verdict;

TEST_F(ForeignFiles, AreParsedAloneAndJudgedWithTheirKeys) {
  EXPECT_EQ(judged({jwt()}).verdict, Answer::parse);
  EXPECT_EQ(judged({jwt(), keys()}).verdict, Answer::accept);
  EXPECT_EQ(judged({keys(), maker.cwt(maker.bound_claims(binding))}).verdict, Answer::accept);
  const Bytes others = to_bytes(as_bytes(EatMaker().keys()));
  EXPECT_EQ(judged({jwt(), others}).refusal->code, Code::eat_key_unknown);
}

TEST_F(ForeignFiles, AreHeldAgainstWhatIsExpectedOfThem) {
  question.challenge = Bytes(binding.begin(), binding.end());
  question.expected = {{"issuer", "https://verifier.test"}};
  EXPECT_EQ(judged({jwt(), keys()}).verdict, Answer::accept);
  question.expected = {{"audience", "https://issuer.test"}};
  EXPECT_EQ(judged({jwt(), keys()}).refusal->code, Code::eat_audience);
  question.expected = {{"issuer", "https://other.test"}};
  EXPECT_EQ(judged({jwt(), keys()}).refusal->code, Code::eat_issuer);
  question.expected.clear();
  question.challenge = Bytes(32);
  EXPECT_EQ(judged({jwt(), keys()}).refusal->code, Code::eat_nonce);
}

TEST_F(ForeignFiles, OfWarningOrDebugAreGoodButRefusedUnlessAllowed) {
  maker.claims["submods"]["device"]["ear_status"] = "warning";
  maker.claims["dbgstat"] = "enabled";
  const auto debug = judged({jwt(), keys()});
  EXPECT_TRUE(debug.crypto_good);
  EXPECT_EQ(debug.refusal->code, Code::eat_debug);
  question.allowed = {"debug"};
  EXPECT_EQ(judged({jwt(), keys()}).refusal->code, Code::eat_status);
  question.allowed = {"debug", "warning"};
  EXPECT_EQ(judged({jwt(), keys()}).verdict, Answer::accept);
  maker.claims["exp"] = to_unix(now);
  EXPECT_TRUE(judged({jwt(), keys()}).crypto_good);
}

TEST_F(ForeignFiles, ThatAreNoTokenOrTwoAreRefused) {
  EXPECT_EQ(judged({keys()}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({jwt(), jwt()}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({jwt(), keys(), keys()}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({Bytes{}}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({jwt(), maker.cwt(maker.bound_claims(binding))}).refusal->code,
            Code::evidence_files);
}

}  // namespace
}  // namespace mintmark::attest::eat
