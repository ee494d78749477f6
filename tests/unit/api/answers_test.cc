// Refusals as a stranger sees them.
#include "api/answers.h"

#include <gtest/gtest.h>

#include "api/service_access.h"

namespace mintmark::api {
namespace {

TEST(Refusal, OfAStoreThatKnowsItsPaceSaysWhenToComeBack) {
  const auto response = refusal(Error{Code::overloaded, "busy", 0, 7});
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(*response.headers.find("Retry-After"), "7");
}

TEST(Refusal, OfOthersThatMayDoBetterSaysASecond) {
  EXPECT_EQ(*refusal(Error{Code::hsm_unavailable, "gone", 0}).headers.find("Retry-After"), "1");
}

TEST(Refusal, ThatStaysOneNamesNoTime) {
  EXPECT_EQ(refusal(Error{Code::invalid_argument, "no", 0, 7}).headers.find("Retry-After"),
            nullptr);
}

TEST(RefusalOfAService, SaysWhyAndHowToComeAgain) {
  const auto expect = [](Code code, unsigned status, const std::string& words) {
    const auto response = service_refusal(Error{code, "because", 0}, "nonce");
    EXPECT_EQ(response.status, status) << response.body;
    const std::string* challenge = response.headers.find("WWW-Authenticate");
    ASSERT_EQ(challenge != nullptr, status == 401 || status == 403);
    if (challenge == nullptr) return;
    EXPECT_TRUE(challenge->starts_with("DPoP algs=\"")) << *challenge;
    EXPECT_NE(challenge->find(words), std::string::npos) << *challenge;
    EXPECT_EQ(challenge->find("error=") != std::string::npos, code != Code::token_missing);
  };
  expect(Code::token_missing, 401, "ES256");
  expect(Code::token_expired, 401, "invalid_token");
  expect(Code::proof_htu, 401, "invalid_dpop_proof");
  expect(Code::service_scope_missing, 403, "insufficient_scope");
  expect(Code::proof_nonce_required, 401, "use_dpop_nonce");
  expect(Code::keys_not_ready, 503, "");
  EXPECT_EQ(
      service_refusal(Error{Code::token_expired, "over", 0}, "nonce").headers.count("DPoP-Nonce"),
      0U);
}

}  // namespace
}  // namespace mintmark::api
