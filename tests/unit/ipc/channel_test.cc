#include "ipc/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "support/channel_ends.h"

namespace mintmark::ipc {
namespace {

using namespace test;

std::string numbered(std::size_t number, std::size_t padding = 0) {
  return std::to_string(number) + ":" + std::string(padding, 'x');
}

// A readable descriptor that holds the text.
UniqueFd holding(const std::string& text) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  const UniqueFd writing(ends[1]);
  if (write(writing.get(), text.data(), text.size()) < 0) throw std::runtime_error("write");
  return UniqueFd(ends[0]);
}

class ChannelTest : public ::testing::Test {
 protected:
  SocketPair pair = connected();
  Loop loop{2};
  End left{loop, std::move(pair.left)};
  End right{loop, std::move(pair.right)};
};

TEST_F(ChannelTest, CarriesManyFramesBothWaysWholeAndInOrder) {
  constexpr std::size_t count = 5000;
  left.start();
  right.start();
  for (std::size_t i = 0; i < count; ++i) {
    left.send(numbered(i, i % 3000));
    right.send(numbered(i, i % 70));
  }
  const auto at_right = right.wait_for_frames(count);
  const auto at_left = left.wait_for_frames(count);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(at_right[i].frame, numbered(i, i % 3000));
    ASSERT_EQ(at_left[i].frame, numbered(i, i % 70));
    ASSERT_FALSE(at_right[i].descriptor);
  }
}

TEST_F(ChannelTest, CarriesAnEmptyFrameAndTheLongest) {
  right.start();
  left.send("");
  left.send(std::string(Channel::longest_frame, 'y'));
  left.send("");
  const auto frames = right.wait_for_frames(3);
  EXPECT_EQ(frames[0].frame, "");
  EXPECT_EQ(frames[1].frame, std::string(Channel::longest_frame, 'y'));
  EXPECT_EQ(frames[2].frame, "");
}

TEST_F(ChannelTest, KeepsABurstThatTheOtherSideDoesNotReadYet) {
  constexpr std::size_t count = 160;
  constexpr std::size_t size = 200U << 10U;  // 32 MiB in all: many times what the socket takes.
  left.start();
  for (std::size_t i = 0; i < count; ++i) left.send(numbered(i, size));
  right.start();
  const auto frames = right.wait_for_frames(count);
  for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(frames[i].frame, numbered(i, size));
}

TEST_F(ChannelTest, KeepsFramesOfManyThreadsWhole) {
  constexpr unsigned threads = 4;
  constexpr std::size_t each = 2000;
  right.start();
  std::vector<std::thread> senders;
  for (unsigned t = 0; t < threads; ++t) {
    senders.emplace_back([&, t] {
      for (std::size_t i = 0; i < each; ++i) left.send(numbered(t, 10) + numbered(i));
    });
  }
  for (std::thread& sender : senders) sender.join();
  const auto frames = right.wait_for_frames(threads * each);
  std::vector<std::size_t> next(threads, 0);
  for (const auto& received : frames) {
    const auto thread = static_cast<std::size_t>(received.frame[0] - '0');
    ASSERT_EQ(received.frame, numbered(thread, 10) + numbered(next[thread]++));
  }
}

TEST_F(ChannelTest, HandsEachDescriptorOverWithTheFrameItWasSentWith) {
  constexpr std::size_t count = 200;
  for (std::size_t i = 0; i < count; ++i) {
    left.send(numbered(i, i * 37 % 1000), i % 3 == 0 ? holding(numbered(i)) : UniqueFd());
  }
  right.start();
  const auto frames = right.wait_for_frames(count);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(frames[i].frame, numbered(i, i * 37 % 1000));
    ASSERT_EQ(static_cast<bool>(frames[i].descriptor), i % 3 == 0) << i;
    if (!frames[i].descriptor) continue;
    ASSERT_EQ(*read_fd(frames[i].descriptor.get()), numbered(i));
  }
}

TEST_F(ChannelTest, KeepsDescriptorsApartWhenTheSocketIsFull) {
  constexpr std::size_t count = 60;
  for (std::size_t i = 0; i < count; ++i) {
    left.send(numbered(i, 100U << 10U), holding(numbered(i)));
  }
  right.start();
  const auto frames = right.wait_for_frames(count);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(frames[i].descriptor);
    ASSERT_EQ(*read_fd(frames[i].descriptor.get()), numbered(i));
  }
}

TEST_F(ChannelTest, GivesDescriptorsThatEndAtExec) {
  right.start();
  left.send("one", holding("x"));
  const auto frames = right.wait_for_frames(1);
  EXPECT_EQ(fcntl(frames[0].descriptor.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(ChannelTest, ClosedWhenSentDeliversWhatWasQueuedAndThenEnds) {
  constexpr std::size_t count = 100;
  left.start();
  for (std::size_t i = 0; i < count; ++i) left.send(numbered(i, 50U << 10U));
  left.channel().close_when_sent();
  left.send("too late");
  right.start();
  EXPECT_EQ(right.wait_for_close(), "the other side closed");
  EXPECT_EQ(right.frames(), count);
  EXPECT_EQ(left.wait_for_close(), "closed");
}

TEST_F(ChannelTest, ClosedWhenSentWithNothingQueuedEndsAtOnce) {
  left.start();
  left.channel().close_when_sent();
  EXPECT_EQ(left.wait_for_close(), "closed");
}

TEST_F(ChannelTest, DroppedByItsOwnerEndsForTheOtherSide) {
  auto other = connected();
  End waiting(loop, std::move(other.right));
  waiting.start();
  {
    End dropped(loop, std::move(other.left));
    dropped.start();
  }
  EXPECT_EQ(waiting.wait_for_close(), "the other side closed");
}

TEST(SendFrame, IsReadByAChannel) {
  auto pair = connected();
  Loop loop;
  End right(loop, std::move(pair.right));
  right.start();
  ASSERT_TRUE(send_frame(pair.left.get(), as_bytes(std::string_view("hello"))));
  EXPECT_EQ(right.wait_for_frames(1).front().frame, "hello");
}

TEST(SendFrame, BlocksUntilALongFrameIsTaken) {
  auto pair = connected();
  const int small = 4096;
  setsockopt(pair.left.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  Loop loop;
  End right(loop, std::move(pair.right));
  right.start();
  const std::string longest(Channel::longest_frame, 'z');
  ASSERT_TRUE(send_frame(pair.left.get(), as_bytes(longest)));
  EXPECT_EQ(right.wait_for_frames(1).front().frame, longest);
}

TEST(SendFrame, TooLongIsRefused) {
  const auto pair = connected();
  const auto sent = send_frame(pair.left.get(), Bytes(Channel::longest_frame + 1));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::invalid_argument);
}

TEST(SendFrame, ToNobodyFailsAndKillsNobody) {
  auto pair = connected();
  pair.right = UniqueFd();
  const auto sent = send_frame(pair.left.get(), as_bytes(std::string_view("hello")));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::io_failed);
}

}  // namespace
}  // namespace mintmark::ipc
