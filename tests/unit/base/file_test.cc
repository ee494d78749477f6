#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/scratch.h"

namespace mintmark {
namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat facts {};
  EXPECT_EQ(stat(path.c_str(), &facts), 0);
  return facts.st_mode & 07777U;
}

std::size_t entries_in(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), {}));
}

TEST(File, IsReadAsWritten) {
  const test::Scratch scratch;
  const std::string content("a\0b\n\xff", 5);
  ASSERT_TRUE(write_file_atomically(scratch / "file", content));
  EXPECT_EQ(read_file(scratch / "file").value(), content);
}

TEST(File, IsWrittenWithTheModeWhateverTheUmask) {
  const test::Scratch scratch;
  const mode_t before = umask(0077);
  EXPECT_TRUE(write_file_atomically(scratch / "file", "x", 0640));
  umask(before);
  EXPECT_EQ(mode_of(scratch / "file"), 0640U);
}

TEST(File, IsPrivateUnlessSaidOtherwise) {
  const test::Scratch scratch;
  ASSERT_TRUE(write_file_atomically(scratch / "file", "x"));
  EXPECT_EQ(mode_of(scratch / "file"), 0600U);
}

TEST(File, IsReplacedAsAWholeAndLeavesNothingBeside) {
  const test::Scratch scratch;
  ASSERT_TRUE(write_file_atomically(scratch / "file", "a longer content", 0644));
  ASSERT_TRUE(write_file_atomically(scratch / "file", "short", 0600));
  EXPECT_EQ(read_file(scratch / "file").value(), "short");
  EXPECT_EQ(mode_of(scratch / "file"), 0600U);
  EXPECT_EQ(entries_in(scratch.path()), 1U);
}

TEST(File, IsNotWrittenThroughALinkLaidInItsWay) {
  const test::Scratch scratch;
  ASSERT_TRUE(write_file_atomically(scratch / "victim", "precious"));
  std::filesystem::create_symlink(scratch / "victim", scratch / "file.new");
  const auto written = write_file_atomically(scratch / "file", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::io_failed);
  EXPECT_EQ(read_file(scratch / "victim").value(), "precious");
}

TEST(File, InAnAbsentDirectoryIsNotWritten) {
  const auto written = write_file_atomically("/nonexistent/file", "x");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().detail.find("/nonexistent/file"), std::string::npos);
}

TEST(File, ThatIsAbsentIsRefusedByName) {
  const auto content = read_file("/nonexistent/file");
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, Code::io_failed);
  EXPECT_NE(content.error().detail.find("/nonexistent/file"), std::string::npos);
  EXPECT_NE(content.error().detail.find("No such file"), std::string::npos);
}

TEST(File, ThatIsADirectoryIsRefused) { EXPECT_FALSE(read_file("/")); }

TEST(File, LongerThanTheLimitIsRefused) {
  const test::Scratch scratch;
  ASSERT_TRUE(write_file_atomically(scratch / "file", "12345"));
  EXPECT_TRUE(read_file(scratch / "file", 5));
  EXPECT_FALSE(read_file(scratch / "file", 4));
}

TEST(UniqueFd, ClosesItsDescriptorOnce) {
  int number = -1;
  {
    UniqueFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = fd.get();
    UniqueFd moved(std::move(fd));
    EXPECT_FALSE(fd);  // NOLINT(bugprone-use-after-move): what is left behind is the question.
    EXPECT_EQ(moved.get(), number);
    EXPECT_NE(fcntl(number, F_GETFD), -1);
  }
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

TEST(UniqueFd, ClosesTheOldOneWhenAssigned) {
  UniqueFd first(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = first.get();
  UniqueFd second(open("/dev/null", O_RDONLY | O_CLOEXEC));
  first = std::move(second);
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

TEST(UniqueFd, ThatWasReleasedIsNotClosed) {
  int number = -1;
  {
    UniqueFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = fd.release();
  }
  EXPECT_NE(fcntl(number, F_GETFD), -1);
  close(number);
}

}  // namespace
}  // namespace mintmark
