// The clock's high-water mark: nothing is minted behind it.
#include "keys.h"
#include "store/store.h"

namespace mintmark::test {
namespace {

class ClockOfTheIssuer : public Keys {
 protected:
  /// mintd stops, had worked an hour later than it is, and starts again.
  void come_back_from_the_future() {
    stack.down();
    {
      const auto states = store::open_key_state_store(file("state/keeper/keys.db")).value();
      ASSERT_GT(states->clock_mark().value(), SystemClock().now() - std::chrono::hours(1))
          << "mintd has written its own";
      ASSERT_TRUE(states->set_clock_mark(SystemClock().now() + std::chrono::hours(1)));
    }
    // `stack up` waits until mintd is ready, which it is not before the end of this test.
    (void)execute({"bash", "-c", "setsid \"$1\" up \"$2\" >/dev/null 2>&1 </dev/null &", "bash",
                   MINTMARK_SOURCE "/provisioning/stack", stack.directory()});
  }
};

TEST_F(ClockOfTheIssuer, SetBackMintsNothingUntilAnOperatorSaysThatItIsRight) {
  come_back_from_the_future();
  await("the keys to be there and the clock to be missing", [&] {
    const Outcome ready = stack.curl({stack["MINT_ISSUER"] + "/readyz"});
    return ready.output.find("clock: ") != std::string::npos &&
           ready.output.find("signing key: ") == std::string::npos;
  });
  const std::string refused = ask();
  EXPECT_EQ(status_of(refused), 503) << refused;
  EXPECT_NE(log().find("\"clock_behind\""), std::string::npos);
  EXPECT_GT(stack.control({"status"})["clock_behind_seconds"], 3000);
  EXPECT_EQ(published().size(), 16U + keys({"retired", "retiring"}).size()) << "keys are served";

  EXPECT_EQ(mintctl({"clock", "accept"}).status, 0);
  stack.wait_until_ready();
  // By an assertion made after that: an earlier one may have been used (docs/adr/0008).
  std::string answer;
  await("a token by a new assertion", [&] {
    answer = ask();
    return status_of(answer) == 200;
  });
  EXPECT_EQ(verify(body_of(answer).value("access_token", "")), 0);
  EXPECT_EQ(stack.control({"status"})["clock_behind_seconds"], 0);
}

}  // namespace
}  // namespace mintmark::test
