// Strangers' credentials on their way to a signer: one at a time, each answered once.
#include "programs/mintd/activations.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"

namespace mintmark::mintd {
namespace {

class ActivationsTest : public testing::Test {
 protected:
  void ask() {
    activations.ask({"kid", 7, Bytes{1}, Bytes{2}},
                    [this](Result<Bytes> answer) { answers.push_back(std::move(answer)); });
  }
  std::vector<Json> told;
  std::vector<Result<Bytes>> answers;
  Activations activations{[this](const Json& message) { told.push_back(message); }};
};

TEST_F(ActivationsTest, GoToTheKeeperWhole) {
  ask();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0], Json({{"type", "activate"},
                           {"id", 1},
                           {"kid", "kid"},
                           {"ek_nv_index", 7},
                           {"credential_blob", "AQ"},
                           {"encrypted_secret", "Ag"}}));
  activations.answered({{"id", 1}, {"secret", "AwQ"}});
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].value(), (Bytes{3, 4}));
}

TEST_F(ActivationsTest, WaitForNoOther) {
  ask();
  ask();
  EXPECT_EQ(told.size(), 1U);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].error().code, Code::activation_busy);
  activations.answered({{"id", 1}, {"secret", "AwQ"}});
  ask();
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(ActivationsTest, TellTheSignersOwnError) {
  ask();
  activations.answered(
      {{"id", 1}, {"code", "activation_behind_tokens"}, {"detail", "d"}, {"retry_after", 4}});
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].error().code, Code::activation_behind_tokens);
  EXPECT_EQ(answers[0].error().retry_after, 4U);
}

TEST_F(ActivationsTest, TakeNoAnswerToWhatNobodyAsked) {
  activations.answered({{"id", 1}, {"secret", "AwQ"}});
  ask();
  activations.answered({{"id", 7}, {"secret", "AwQ"}});
  EXPECT_TRUE(answers.empty());
  activations.answered({{"id", 1}, {"secret", "AwQ"}});
  activations.answered({{"id", 1}, {"secret", "AwQ"}});
  EXPECT_EQ(answers.size(), 1U);
}

}  // namespace
}  // namespace mintmark::mintd
