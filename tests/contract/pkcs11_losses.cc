#include "contract/pkcs11_losses.h"

namespace mintmark::test {

using namespace std::chrono_literals;

TEST_P(Pkcs11Losses, EveryCallWorksAfterAllSessionsWereLost) {
  const auto key = generate();
  ASSERT_TRUE(key);
  expect_signs(*key);
  stranger().close_all_sessions();
  expect_signs(*key);
  stranger().close_all_sessions();
  const auto keys = list();
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->front().kid(), key->kid());
  stranger().close_all_sessions();
  EXPECT_TRUE(evidence(key->id));
  stranger().close_all_sessions();
  EXPECT_TRUE(generate());
  stranger().close_all_sessions();
  EXPECT_TRUE(destroy(key->id));
}

TEST_P(Pkcs11Losses, SignsAgainAfterSomebodyLoggedOut) {
  const auto key = generate();
  ASSERT_TRUE(key);
  expect_signs(*key);
  stranger().log_out();
  expect_signs(*key);
}

// Nothing is inside the module while the sessions end: C_CloseAllSessions beside a running C_Sign
// crashes libtpm2_pkcs11 1.9 itself.
TEST_P(Pkcs11Losses, EveryOneOfManyCallsThatMeetALossAtOnceIsAnswered) {
  const auto key = generate();
  ASSERT_TRUE(key);
  expect_signs(*key);
  stranger().close_all_sessions();
  std::vector<Answer<Bytes>> answers(100);
  for (auto& answer : answers) {
    store().signer().sign(key->id, "header.claims", Deadline::in(30s), answer.done());
  }
  for (auto& answer : answers) {
    const auto signature = answer.wait();
    ASSERT_TRUE(signature) << signature.error().to_string();
    EXPECT_TRUE(key->public_key.verify(as_bytes("header.claims"), *signature));
  }
}

}  // namespace mintmark::test
