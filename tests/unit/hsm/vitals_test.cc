// What a keeper sees of its signer, in memory that both have mapped.
#include "hsm/vitals.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace mintmark::hsm {
namespace {

class VitalsTest : public ::testing::Test {
 protected:
  VitalsTest() {
    keeper_ = *Vitals::make();
    signer_ = *Vitals::map(UniqueFd(fcntl(keeper_->descriptor(), F_DUPFD_CLOEXEC, 0)));
  }
  [[nodiscard]] std::vector<Operation> running() const {
    std::vector<Operation> all;
    for (const Vitals::Running& each : keeper_->running()) all.push_back(each.operation);
    return all;
  }
  std::shared_ptr<Vitals> keeper_;
  std::shared_ptr<Vitals> signer_;
};

TEST_F(VitalsTest, ShowOperationsFromTheirBeginToTheirEnd) {
  EXPECT_TRUE(running().empty());
  {
    const Vitals::Scope sign(signer_.get(), Operation::sign);
    const Vitals::Scope login(signer_.get(), Operation::login);
    EXPECT_EQ(running(), (std::vector{Operation::sign, Operation::login}));
  }
  EXPECT_TRUE(running().empty());
}

TEST_F(VitalsTest, TellHowLongAnOperationHasBeenRunning) {
  const Vitals::Scope sign(signer_.get(), Operation::sign);
  EXPECT_LT(keeper_->running().front().since, std::chrono::seconds(10));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (keeper_->running().front().since < std::chrono::milliseconds(20) &&
         std::chrono::steady_clock::now() < end) {
  }
  EXPECT_GE(keeper_->running().front().since, std::chrono::milliseconds(20));
}

TEST_F(VitalsTest, TellWhatTheSignerIsShutInBy) {
  EXPECT_FALSE(keeper_->sandbox().entered) << "nothing is known yet";
  signer_->set_sandbox({.entered = true, .own_network = true, .memory_locked = true});
  Vitals::Sandbox told = keeper_->sandbox();
  EXPECT_TRUE(told.entered && told.own_network && told.memory_locked);
  EXPECT_FALSE(told.unix_sockets_only || told.known_calls_only);
  signer_->set_sandbox({.entered = true, .unix_sockets_only = true, .known_calls_only = true});
  told = keeper_->sandbox();
  EXPECT_TRUE(told.entered && told.unix_sockets_only && told.known_calls_only);
  EXPECT_FALSE(told.own_network || told.memory_locked);
}

TEST_F(VitalsTest, SurviveTheSigner) {
  const pid_t child = fork();
  if (child == 0) {
    const Vitals::Scope generate(signer_.get(), Operation::generate);
    signer_->login_begins();
    signer_->count_fault(0x30);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(running(), std::vector{Operation::generate});
  EXPECT_TRUE(keeper_->logins().unanswered());
  EXPECT_EQ(keeper_->faults(), (std::map<std::uint64_t, std::uint64_t>{{0x30, 1}}));
}

TEST_F(VitalsTest, CountLoginsByTheirOutcome) {
  for (const auto outcome : {Vitals::LoginOutcome::accepted, Vitals::LoginOutcome::refused,
                             Vitals::LoginOutcome::failed}) {
    signer_->login_begins();
    EXPECT_TRUE(keeper_->logins().unanswered());
    signer_->login_ended(outcome);
    EXPECT_FALSE(keeper_->logins().unanswered());
  }
  const Vitals::Logins logins = keeper_->logins();
  EXPECT_EQ(logins.begun, 3U);
  EXPECT_EQ(logins.accepted, 1U);
  EXPECT_EQ(logins.refused, 1U);
  EXPECT_EQ(logins.failed, 1U);
}

TEST_F(VitalsTest, CountFaultsOfManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (std::uint64_t n = 0; n < 1000; ++n) signer_->count_fault(n % 10);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto faults = keeper_->faults();
  ASSERT_EQ(faults.size(), 10U);
  for (const auto& [native, count] : faults) EXPECT_EQ(count, 400U) << native;
}

TEST_F(VitalsTest, AreBoundedInWhatTheyCount) {
  for (std::uint64_t native = 0; native < 1000; ++native) signer_->count_fault(native);
  EXPECT_EQ(keeper_->faults().size(), Vitals::most_fault_codes);
  signer_->count_remedy(200);
  for (const std::uint64_t count : keeper_->remedies()) EXPECT_EQ(count, 0U);
}

// A signer in strange hands may write what it likes: it is read, and not believed further.
TEST_F(VitalsTest, BearAnyContent) {
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, keeper_->descriptor(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::fill_n(static_cast<unsigned char*>(memory), 4096, 0xFF);
  EXPECT_TRUE(running().empty()) << "there is no such operation";
  std::fill_n(static_cast<unsigned char*>(memory), 4096, 0x03);
  for (const Vitals::Running& each : keeper_->running())
    EXPECT_EQ(each.since, std::chrono::milliseconds(0)) << "it begins in the future";
  munmap(memory, 4096);
}

TEST_F(VitalsTest, CannotBeCutShort) {
  EXPECT_NE(ftruncate(keeper_->descriptor(), 0), 0);
  EXPECT_NE(ftruncate(keeper_->descriptor(), 1 << 20), 0);
}

TEST(VitalsMemory, OfAnotherSizeIsRefused) {
  const UniqueFd other(memfd_create("other", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(other.get(), 100), 0);
  const auto mapped = Vitals::map(other);
  ASSERT_FALSE(mapped);
  EXPECT_EQ(mapped.error().code, Code::io_failed);
}

TEST(VitalsOfNobody, MayBeTold) {
  const Vitals::Scope scope(nullptr, Operation::sign);
  EXPECT_TRUE(writes_token(Operation::login) && writes_token(Operation::generate) &&
              writes_token(Operation::destroy));
  EXPECT_FALSE(writes_token(Operation::sign) || writes_token(Operation::list) ||
               writes_token(Operation::open));
}

TEST_F(VitalsTest, OfSeveralSignersAreSummed) {
  signer_->count_fault(0x30);
  signer_->count_remedy(2);
  signer_->login_begins();
  const auto other = *Vitals::make();
  other->count_fault(0x30);
  other->count_fault(0x6);
  VitalsSum sum;
  sum.add(*keeper_);
  sum.add(*other);
  EXPECT_EQ(sum.faults, (std::map<std::uint64_t, std::uint64_t>{{0x6, 1}, {0x30, 2}}));
  EXPECT_EQ(sum.remedies.at(2), 1U);
  EXPECT_EQ(sum.logins, 1U);
}

}  // namespace
}  // namespace mintmark::hsm
