// What the other side does wrong, said to a channel by a bare socket.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "support/channel_ends.h"

namespace mintmark::ipc {
namespace {

using namespace test;

std::size_t open_descriptors() {
  DIR* directory = opendir("/proc/self/fd");
  std::size_t count = 0;
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

class Refusals : public ::testing::Test {
 protected:
  SocketPair pair = connected();
  Loop loop;
  End end{loop, std::move(pair.left)};
  int raw = pair.right.get();

  void SetUp() override { end.start(); }
  void expect_closed(const std::string& why) {
    EXPECT_EQ(end.wait_for_close(), why);
    EXPECT_EQ(end.closes(), 1U);
  }
};

TEST_F(Refusals, FrameInPiecesIsTakenWhenItIsWhole) {
  for (const char octet : framed("hello")) send_raw(raw, std::string(1, octet));
  EXPECT_EQ(end.wait_for_frames(1).front().frame, "hello");
}

TEST_F(Refusals, FrameTooLongCloses) {
  send_raw(raw, head(Channel::longest_frame + 1));
  expect_closed("a frame of 262145 octets");
}

TEST_F(Refusals, GarbageForAHeadCloses) {
  send_raw(raw, "GET / HTTP/1.1\r\n\r\n");
  expect_closed("a frame of 542393671 octets");
}

TEST_F(Refusals, AllBitsForAHeadCloses) {
  send_raw(raw, head(0xFFFFFFFFU));
  expect_closed("a frame of 2147483647 octets");
}

TEST_F(Refusals, FramesBeforeTheBadOneAreTaken) {
  send_raw(raw, framed("one") + framed("two") + head(0xFFFFFFFFU) + framed("three"));
  expect_closed("a frame of 2147483647 octets");
  EXPECT_EQ(end.frames(), 2U);
}

TEST_F(Refusals, AnnouncedDescriptorThatIsMissingCloses) {
  send_raw(raw, framed("one", with_descriptor));
  expect_closed("a frame without the descriptor it announced");
  EXPECT_EQ(end.frames(), 0U);
}

TEST_F(Refusals, DescriptorThatNoFrameAnnouncesCloses) {
  send_raw(raw, framed("one"), {raw});
  expect_closed("a descriptor that no frame announced");
}

TEST_F(Refusals, MoreDescriptorsThanAFrameAnnouncesClose) {
  send_raw(raw, framed("one", with_descriptor), {raw, raw});
  expect_closed("a descriptor that no frame announced");
}

TEST_F(Refusals, DescriptorsBesideAFrameThatNeverEndsDoNotPileUp) {
  send_raw(raw, head(100), {raw});
  send_raw(raw, "x", {raw});
  expect_closed("a descriptor that no frame announced");
}

TEST_F(Refusals, MoreDescriptorsThanThereIsRoomForClose) {
  send_raw(raw, framed("one", with_descriptor), std::vector<int>(40, raw));
  expect_closed("descriptors were lost");
}

TEST_F(Refusals, RefusedDescriptorsAreNotKept) {
  const std::size_t before = open_descriptors();
  send_raw(raw, framed("one"), {raw, raw, raw});
  expect_closed("a descriptor that no frame announced");
  EXPECT_EQ(open_descriptors(), before - 1);  // The channel's own socket is closed too.
}

TEST_F(Refusals, EndOfTheOtherSideClosesOnce) {
  pair.right = UniqueFd();
  expect_closed("the other side closed");
  end.channel().close();
  end.send("to nobody");
  EXPECT_EQ(end.closes(), 1U);
}

TEST_F(Refusals, EndInsideAFrameClosesAndGivesNoPartOfIt) {
  send_raw(raw, framed("hello").substr(0, 7));
  pair.right = UniqueFd();
  expect_closed("the other side closed");
  EXPECT_EQ(end.frames(), 0U);
}

TEST_F(Refusals, SendingAFrameTooLongClosesOurSide) {
  end.send(std::string(Channel::longest_frame + 1, 'x'));
  expect_closed("closed");
}

TEST_F(Refusals, QueueOfOneWhoDoesNotReadIsBounded) {
  const std::string frame(Channel::longest_frame, 'x');
  for (std::size_t sent = 0; sent <= 2 * Channel::most_queued; sent += frame.size())
    end.send(frame);
  expect_closed("the other side does not read");
}

TEST_F(Refusals, SendToOneWhoIsGoneClosesAndKillsNobody) {
  shutdown(raw, SHUT_RD);
  end.send("hello");
  EXPECT_FALSE(end.wait_for_close().empty());
  EXPECT_EQ(end.closes(), 1U);
}

TEST(ChannelClosing, FromACallbackTakesNoFurtherFrame) {
  auto pair = connected();
  Loop loop;
  End end(loop, std::move(pair.left));
  end.start([&] { end.channel().close(); });
  send_raw(pair.right.get(), framed("one") + framed("two") + framed("three"));
  EXPECT_EQ(end.wait_for_close(), "closed");
  EXPECT_EQ(end.frames(), 1U);
}

TEST(ChannelClosing, BeforeStartIsToldAtStart) {
  auto pair = connected();
  Loop loop;
  End end(loop, std::move(pair.left));
  end.channel().close();
  end.start();
  EXPECT_EQ(end.wait_for_close(), "closed");
}

TEST(ChannelClosing, OfWhatIsNoSocketIsToldAtStart) {
  Loop loop;
  End end(loop, UniqueFd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)));
  end.send("to nobody");
  end.start();
  EXPECT_FALSE(end.wait_for_close().empty());
}

}  // namespace
}  // namespace mintmark::ipc
