#include "programs/mintd/acknowledgements.h"

#include <gtest/gtest.h>

#include <thread>

namespace mintmark::mintd {
namespace {

using namespace std::chrono_literals;
using Sent = std::vector<keyring::Acknowledgement>;

class AcknowledgementsTest : public testing::Test {
 protected:
  Acknowledgements make(const std::vector<std::string>& listed, std::chrono::milliseconds pause) {
    return Acknowledgements(boost::asio::make_strand(io_), listed, pause, [this](const Sent& said) {
      sent_.push_back(said);
      sent_at_.push_back(std::chrono::steady_clock::now());
    });
  }
  static keyring::Acknowledgement said(const std::string& verifier, const std::string& kid) {
    return {verifier, {kid}, from_unix(1)};
  }

  boost::asio::io_context io_;
  std::vector<Sent> sent_;
  std::vector<std::chrono::steady_clock::time_point> sent_at_;
};

TEST_F(AcknowledgementsTest, AreSentAtOnceWhereNoneWereSentBefore) {
  auto all = make({"gate-1"}, 1h);
  EXPECT_TRUE(all.take(said("gate-1", "k1")));
  io_.poll();
  ASSERT_EQ(sent_.size(), 1U);
  ASSERT_EQ(sent_[0].size(), 1U);
  EXPECT_EQ(sent_[0][0].verifier, "gate-1");
  EXPECT_EQ(sent_[0][0].kids, std::vector<std::string>{"k1"});
}

TEST_F(AcknowledgementsTest, OfWhomNobodyListedAreForgotten) {
  auto all = make({"gate-1"}, 1h);
  EXPECT_FALSE(all.take(said("gate-2", "k1")));
  EXPECT_FALSE(all.take(said("", "k1")));
  io_.poll();
  EXPECT_TRUE(sent_.empty());
}

TEST_F(AcknowledgementsTest, AreNoneAtAllWhereNobodyIsListed) {
  auto all = make({}, 1h);
  EXPECT_FALSE(all.take(said("gate-1", "k1")));
}

TEST_F(AcknowledgementsTest, WaitForThePauseAndThenTellTheLastWordAlone) {
  constexpr auto pause = 20ms;
  auto all = make({"gate-1", "gate-2"}, pause);
  EXPECT_TRUE(all.take(said("gate-1", "k1")));
  io_.poll();
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(all.take(said("gate-1", "k" + std::to_string(i))));
    EXPECT_TRUE(all.take(said("gate-2", "k")));
    io_.poll();
  }
  io_.run();  // Until nothing is left to be sent, and no timer.
  ASSERT_GE(sent_.size(), 2U);
  EXPECT_EQ(sent_.back().size(), 2U);
  EXPECT_EQ(sent_.back()[0].kids, std::vector<std::string>{"k999"});
  for (std::size_t i = 1; i < sent_at_.size(); ++i) EXPECT_GE(sent_at_[i] - sent_at_[i - 1], pause);
}

TEST_F(AcknowledgementsTest, OfManyVerifiersLeaveInFramesThatFit) {
  std::vector<std::string> listed;
  for (int i = 0; i < 150; ++i) listed.push_back(std::string(60, 'v') + std::to_string(1000 + i));
  std::vector<std::string> kids;
  for (int i = 0; i < 64; ++i) kids.push_back(std::string(41, 'k') + std::to_string(10 + i));
  auto all = make(listed, 1ms);
  for (const std::string& one : listed) EXPECT_TRUE(all.take({one, kids, from_unix(1)}));
  io_.run();
  ASSERT_EQ(sent_.size(), 3U);
  EXPECT_EQ(sent_[0].size(), 64U);
  EXPECT_EQ(sent_[2].size(), 22U);
  EXPECT_LT(keyring::to_json(sent_[0]).dump().size(), 200'000U);
}

TEST_F(AcknowledgementsTest, MayComeFromManyThreads) {
  auto all = make({"gate-0", "gate-1", "gate-2", "gate-3"}, 1ms);
  auto work = boost::asio::make_work_guard(io_);
  std::thread running([&] { io_.run(); });
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&all, id = "gate-" + std::to_string(thread)] {
      for (int i = 0; i <= 1000; ++i) EXPECT_TRUE(all.take(said(id, std::to_string(i))));
    });
  }
  for (std::thread& thread : threads) thread.join();
  work.reset();
  running.join();
  std::map<std::string, std::string> last;
  for (const Sent& some : sent_)
    for (const auto& one : some) last[one.verifier] = one.kids[0];
  ASSERT_EQ(last.size(), 4U);
  for (const auto& [verifier, kid] : last) EXPECT_EQ(kid, "1000") << verifier;
}

}  // namespace
}  // namespace mintmark::mintd
