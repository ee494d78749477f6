#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fstream>

#include "http/dial.h"
#include "http/server.h"
#include "support/temporary_directory.h"

namespace mintmark::http {
namespace {

namespace fs = std::filesystem;

TEST(ListenTcp, TakesNoNames) {
  for (const auto* name : {"", "a.example", "localhost.", "127.0.0.256", "[::1]", "*"}) {
    const auto socket = listen_tcp(name, 0);
    ASSERT_FALSE(socket) << name;
    EXPECT_EQ(socket.error().code, Code::listen_failed);
  }
}

TEST(ListenTcp, OnATakenPortIsRefused) {
  const auto first = listen_tcp("127.0.0.1", 0);
  ASSERT_TRUE(first);
  const auto second = listen_tcp("127.0.0.1", port_of(*first));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::listen_failed);
  EXPECT_NE(second.error().detail.find(std::to_string(port_of(*first))), std::string::npos);
}

TEST(ListenTcp, AnswersOnIpv4AndLocalhost) {
  for (const auto* address : {"127.0.0.1", "localhost"}) {
    const auto socket = listen_tcp(address, 0);
    ASSERT_TRUE(socket);
    const auto deadline = Deadline::in(std::chrono::seconds{5});
    EXPECT_TRUE(dial_tcp("127.0.0.1", port_of(*socket), deadline));
    EXPECT_TRUE(dial_tcp("localhost", port_of(*socket), deadline));
  }
}

TEST(ListenTcp, AnswersOnIpv6WhereThereIsIpv6) {
  if (!fs::exists("/proc/net/if_inet6")) return;
  std::ifstream addresses("/proc/net/if_inet6");
  if (addresses.peek() == std::ifstream::traits_type::eof()) return;
  const auto socket = listen_tcp("::1", 0);
  ASSERT_TRUE(socket) << socket.error().to_string();
  EXPECT_TRUE(dial_tcp("::1", port_of(*socket), Deadline::in(std::chrono::seconds{5})));
}

TEST(ListenUnix, DoesNotReplaceAFileThatIsNoSocket) {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("s", "precious");
  const auto socket = listen_unix(path, 0600);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, Code::listen_failed);
  EXPECT_TRUE(fs::is_regular_file(path));
}

TEST(ListenUnix, DoesNotReplaceASocketThatAnswers) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / "s";
  const auto first = listen_unix(path, 0600);
  ASSERT_TRUE(first);
  const auto second = listen_unix(path, 0600);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::listen_failed);
  EXPECT_TRUE(dial_unix(path));
}

TEST(ListenUnix, WithoutADirectoryOrWithALongPathIsRefused) {
  EXPECT_FALSE(listen_unix("/nowhere/at/all/s", 0600));
  EXPECT_FALSE(listen_unix("", 0600));
  EXPECT_FALSE(listen_unix("/tmp/" + std::string(110, 'a'), 0600));
}

TEST(ListenUnix, ReplacesWhatAnEndedProcessLeft) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / "s";
  { ASSERT_TRUE(listen_unix(path, 0600)); }
  EXPECT_TRUE(fs::exists(path));
  EXPECT_FALSE(dial_unix(path));
  const auto again = listen_unix(path, 0600);
  ASSERT_TRUE(again);
  EXPECT_TRUE(dial_unix(path));
}

TEST(ListenUnix, HasTheModeAskedForWhateverTheMask) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / "s";
  const mode_t mask = umask(0077);
  const auto socket = listen_unix(path, 0660);
  umask(mask);
  ASSERT_TRUE(socket);
  struct stat facts {};
  ASSERT_EQ(lstat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0660U);
}

}  // namespace
}  // namespace mintmark::http
