// When a signer counts as hung, and when it must not be killed.
#include "programs/mintd/signer_watch.h"

#include <gtest/gtest.h>

namespace mintmark::mintd {
namespace {

using namespace std::chrono_literals;
using hsm::Operation;
using hsm::Vitals;

class SignerWatchTest : public ::testing::Test {
 protected:
  /// What the watch says once `operation` has run longer than `limit`.
  SignerWatch::Finding after(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (vitals_->running().front().since <= limit && std::chrono::steady_clock::now() < end)
      vitals_->beat();
    return watch_.look(started_);
  }
  static config::HsmStore store() {
    config::HsmStore store;
    store.call_deadline = 1ms;  // Which is taken as 200.
    store.start_up = 320ms;
    store.key_change = 350ms;
    return store;
  }
  const config::HsmStore store_ = store();
  std::shared_ptr<Vitals> vitals_ = *Vitals::make();
  const SignerWatch::Clock::time_point started_ = SignerWatch::Clock::now();
  SignerWatch watch_{store_, vitals_, started_};
};

TEST_F(SignerWatchTest, SeesNothingWrongWithOneThatIsIdle) {
  vitals_->beat();
  const auto finding = watch_.look(started_);
  EXPECT_FALSE(finding.hung);
  EXPECT_FALSE(finding.writing);
}

TEST_F(SignerWatchTest, SeesACallThatDoesNotComeBack) {
  for (const Operation operation : {Operation::sign, Operation::list}) {
    const Vitals::Scope scope(vitals_.get(), operation);
    EXPECT_FALSE(watch_.look(started_).hung) << "not at once";
    const auto finding = after(300ms);
    EXPECT_TRUE(finding.hung);
    EXPECT_FALSE(finding.writing);
    EXPECT_EQ(finding.what.rfind(name_of(operation), 0), 0U) << finding.what;
  }
}

TEST_F(SignerWatchTest, LeavesLoginsAndOpeningTheirTime) {
  for (const Operation operation : {Operation::open, Operation::login, Operation::reinitialise}) {
    const Vitals::Scope scope(vitals_.get(), operation);
    EXPECT_FALSE(after(300ms).hung && vitals_->running().front().since < 320ms);
    EXPECT_TRUE(after(320ms).hung);
  }
}

TEST_F(SignerWatchTest, SaysWhatMustNotBeKilled) {
  for (const Operation operation : {Operation::login, Operation::generate, Operation::destroy}) {
    const Vitals::Scope scope(vitals_.get(), operation);
    EXPECT_TRUE(watch_.look(started_).writing) << "hung or not";
    const auto finding = after(350ms);
    EXPECT_TRUE(finding.hung && finding.writing);
  }
}

TEST_F(SignerWatchTest, ACallThatWritesProtectsItsProcessWhileAnotherHangs) {
  const Vitals::Scope sign(vitals_.get(), Operation::sign);
  const auto hung = after(300ms);
  EXPECT_TRUE(hung.hung && !hung.writing);
  const Vitals::Scope generate(vitals_.get(), Operation::generate);
  const auto both = watch_.look(started_);
  EXPECT_TRUE(both.hung && both.writing);
}

TEST_F(SignerWatchTest, SeesOneThatGivesNoSignOfLife) {
  vitals_->beat();
  EXPECT_FALSE(watch_.look(started_).hung);
  EXPECT_FALSE(watch_.look(started_ + 3000ms).hung);
  EXPECT_TRUE(watch_.look(started_ + 3001ms).hung);
  vitals_->beat();
  EXPECT_FALSE(watch_.look(started_ + 3002ms).hung);
  const Vitals::Scope open(vitals_.get(), Operation::open);
  EXPECT_FALSE(watch_.look(started_ + 9000ms).hung) << "its one thread opens the module";
}

}  // namespace
}  // namespace mintmark::mintd
