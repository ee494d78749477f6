// Connections that come while memory is out: each of their allocations fails once.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <new>

#include "http/listener.h"
#include "http_fixture.h"

namespace {

/// How many allocations of this thread succeed before one fails; below 0: all.
thread_local int until_failure = -1;

}  // namespace

// NOLINTBEGIN(cppcoreguidelines-no-malloc): what new and delete are made of
void* operator new(std::size_t size) {
  if (until_failure >= 0 && until_failure-- == 0) throw std::bad_alloc();
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
// NOLINTEND(cppcoreguidelines-no-malloc)

namespace mintmark::http {
namespace {

/// Long enough for a string's own memory.
const std::string name = "192.0.2.1:12345, by a long name";

class NoMemory : public ::testing::Test {
 protected:
  std::shared_ptr<Session> session() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
      throw std::runtime_error("no sockets");
    const UniqueFd other(ends[1]);
    return std::make_shared<Session>(io_, serving_, UniqueFd(ends[0]), Session::Security{},
                                     Session::Peer{name, nullptr});
  }
  Serving::Admission admit(const std::shared_ptr<Session>& one) {
    return serving_->admit(one, name, nullptr);
  }
  bool admission_fails() {
    const auto one = session();
    try {
      (void)admit(one);
    } catch (const std::bad_alloc&) {
      return true;
    }
    until_failure = -1;
    serving_->forget(one);
    return false;
  }
  /// Until one more connection is refused for want of memory. False: one was let in.
  bool next_is_refused() {
    const std::uint64_t wanted = serving_->failed_accepts() + 1;
    try {
      while (serving_->failed_accepts() < wanted && serving_->open() == 0) {
        if (io_.run_one_for(std::chrono::seconds(5)) == 0) return false;
      }
    } catch (const std::bad_alloc&) {
      // Of what comes after it was let in.
    }
    until_failure = -1;
    return serving_->failed_accepts() == wanted;
  }
  void share(std::size_t most) {
    ServerLimits limits;
    limits.share_of = [this, most](const std::string& /*peer*/, const LocalPeer* /*local*/) {
      until_failure = fails_while_admitted_;
      return ConnectionShare{1, most};
    };
    serving_ = std::make_shared<Serving>(io_, limits, echo, Report{}, Observe{});
  }

  boost::asio::io_context io_;
  std::shared_ptr<Serving> serving_;
  int fails_while_admitted_ = -1;
};

TEST_F(NoMemory, ForOneThatIsTakenInLeavesNothingOfIt) {
  share(1);
  int failed = 0;
  for (; failed < 100; ++failed) {
    fails_while_admitted_ = failed;
    const bool fails = admission_fails();
    EXPECT_EQ(serving_->open(), 0U) << failed;
    if (!fails) break;
  }
  EXPECT_GE(failed, 3) << "its three places";
  fails_while_admitted_ = -1;
  const auto next = session();
  EXPECT_EQ(admit(next), Serving::Admission::served);
  EXPECT_EQ(admit(session()), Serving::Admission::refused);
  serving_->forget(next);
}

TEST_F(NoMemory, ForOneThatIsTakenInAndNotBegunLeavesNothingOfIt) {
  share(0);
  auto listening = listen_tcp("127.0.0.1", 0);
  ASSERT_TRUE(listening);
  const auto port = port_of(*listening);
  const auto listener = std::make_shared<Listener>(io_, serving_, std::move(*listening), nullptr);
  listener->start();
  int failed = 0;
  for (; failed < 100; ++failed) {
    fails_while_admitted_ = failed;
    const RawConnection connection(port);
    if (!next_is_refused()) break;
    EXPECT_EQ(serving_->open(), 0U) << failed;
  }
  EXPECT_GE(failed, 5) << "its places, and what is told of one too many";
  serving_->abandon();
  listener->stop();
  io_.poll();
}

}  // namespace
}  // namespace mintmark::http
