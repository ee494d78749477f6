#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/file.h"
#include "records.h"
#include "store/store.h"
#include "support/scratch.h"

namespace mintmark::store {
namespace {

class LeaseOfAStore : public testing::Test {
 protected:
  const mintmark::test::Scratch scratch_;
  const std::string path_ = scratch_ / "lease";
};

/// A child that has taken the lease and waits to be killed.
pid_t child_with_lease(const std::string& path) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t child = test::in_child([&] {
    const auto lease = Lease::take(path);
    const char answer = lease ? '1' : '0';
    if (write(out.get(), &answer, 1) != 1) return 1;
    for (;;) pause();
  });
  char answer = '0';
  if (read(in.get(), &answer, 1) != 1 || answer != '1') throw std::runtime_error("no lease");
  return child;
}

TEST_F(LeaseOfAStore, IsTakenWhenNobodyHoldsIt) { EXPECT_TRUE(Lease::take(path_)); }

TEST_F(LeaseOfAStore, IsRefusedToASecondTakerWithTheHoldersName) {
  const auto held = Lease::take(path_);
  ASSERT_TRUE(held);
  const auto second = Lease::take(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::lease_held);
  EXPECT_NE(second.error().detail.find("process " + std::to_string(getpid()) + " since 20"),
            std::string::npos)
      << second.error().detail;
}

TEST_F(LeaseOfAStore, IsRefusedToAnotherProcess) {
  const auto held = Lease::take(path_);
  ASSERT_TRUE(held);
  const pid_t child = test::in_child([this] {
    const auto second = Lease::take(path_);
    return !second && second.error().code == Code::lease_held ? 0 : 1;
  });
  EXPECT_EQ(test::end_of(child), 0);
}

TEST_F(LeaseOfAStore, StaysHeldAfterARefusal) {
  const auto held = Lease::take(path_);
  EXPECT_FALSE(Lease::take(path_));
  EXPECT_FALSE(Lease::take(path_));
  EXPECT_NE(read_file(path_).value().find(std::to_string(getpid())), std::string::npos);
}

TEST_F(LeaseOfAStore, IsFreeWhenDropped) {
  { const auto held = Lease::take(path_); }
  EXPECT_TRUE(Lease::take(path_));
}

TEST_F(LeaseOfAStore, GoesWithItsOwnerWhenMoved) {
  auto first = Lease::take(path_);
  ASSERT_TRUE(first);
  {
    const Lease second(std::move(*first));
    EXPECT_FALSE(Lease::take(path_));
  }
  EXPECT_TRUE(Lease::take(path_));
}

TEST_F(LeaseOfAStore, OfAKilledProcessIsFreeAtOnce) {
  const pid_t child = child_with_lease(path_);
  EXPECT_EQ(Lease::take(path_).error().code, Code::lease_held);
  kill(child, SIGKILL);
  EXPECT_EQ(test::end_of(child), -1);
  EXPECT_TRUE(Lease::take(path_));
}

TEST_F(LeaseOfAStore, NamesTheNewHolderAfterALongerLine) {
  ASSERT_TRUE(
      write_file_atomically(path_, "process 99999999999 since the beginning of all days\n"));
  const auto held = Lease::take(path_);
  const std::string line = read_file(path_).value();
  EXPECT_EQ(line.find("999999"), std::string::npos);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST_F(LeaseOfAStore, IsNotInheritedByAnotherProgram) {
  const auto held = Lease::take(path_);
  ASSERT_TRUE(held);
  struct stat wanted {};
  ASSERT_EQ(stat(path_.c_str(), &wanted), 0);
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    struct stat open_file {};
    const int fd = std::stoi(entry.path().filename());
    if (fstat(fd, &open_file) != 0 || open_file.st_ino != wanted.st_ino) continue;
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST_F(LeaseOfAStore, IsKnownToBeHeldAndNothingIsLostByAsking) {
  const auto held = Lease::take(path_);
  ASSERT_TRUE(held);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(held->check());
  EXPECT_EQ(Lease::take(path_).error().code, Code::lease_held);
}

TEST_F(LeaseOfAStore, WhoseFileIsGoneOrReplacedIsLost) {
  const auto held = Lease::take(path_);
  ASSERT_TRUE(held);
  std::filesystem::remove(path_);
  const auto gone = held->check();
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::lease_lost);
  EXPECT_NE(gone.error().detail.find(path_), std::string::npos);
  const auto anothers = Lease::take(path_);
  ASSERT_TRUE(anothers) << "whoever comes now has it";
  EXPECT_EQ(held->check().error().code, Code::lease_lost);
  EXPECT_TRUE(anothers->check());
}

// As root, who may look at everything, another user looks.
TEST_F(LeaseOfAStore, WhoseFileCannotBeLookedAtIsHeld) {
  const std::string directory = scratch_ / "shut";
  std::filesystem::create_directory(directory);
  const auto held = Lease::take(directory + "/lease");
  ASSERT_TRUE(held);
  std::filesystem::permissions(directory, std::filesystem::perms::none);
  const pid_t child = test::in_child([&] {
    if (geteuid() == 0 && seteuid(65534) != 0) return 1;
    struct stat looked_at {};
    if (lstat((directory + "/lease").c_str(), &looked_at) == 0 || errno != EACCES) return 2;
    return held->check() ? 0 : 3;
  });
  EXPECT_EQ(test::end_of(child), 0);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
}

TEST_F(LeaseOfAStore, WhoseDirectoryIsGoneIsLost) {
  const std::string directory = scratch_ / "removed";
  std::filesystem::create_directory(directory);
  const auto held = Lease::take(directory + "/lease");
  ASSERT_TRUE(held);
  std::filesystem::rename(directory, scratch_ / "elsewhere");
  EXPECT_EQ(held->check().error().code, Code::lease_lost);
}

TEST_F(LeaseOfAStore, WhoseLockIsGoneIsLost) {
  const auto held = Lease::take(path_);
  ASSERT_TRUE(held);
  struct flock none {};
  none.l_type = F_UNLCK;
  none.l_whence = SEEK_SET;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    if (std::filesystem::read_symlink(entry.path(), ignored) != path_) continue;
    ASSERT_EQ(fcntl(std::stoi(entry.path().filename()), F_OFD_SETLK, &none), 0);
  }
  EXPECT_EQ(held->check().error().code, Code::lease_lost);
}

TEST_F(LeaseOfAStore, ThroughALinkIsRefused) {
  std::filesystem::create_symlink("/dev/null", path_);
  EXPECT_EQ(Lease::take(path_).error().code, Code::store_failed);
}

TEST_F(LeaseOfAStore, InAnAbsentDirectoryIsRefused) {
  EXPECT_EQ(Lease::take("/nonexistent/lease").error().code, Code::store_failed);
}

}  // namespace
}  // namespace mintmark::store
