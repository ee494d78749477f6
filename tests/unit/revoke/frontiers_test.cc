// Frontiers and snapshots over a real log: one signature for all that came before, and none that
// was made before somebody asked.
#include "revoke/frontiers.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "revoke/snapshots.h"
#include "support/machine_sleep.h"
#include "support/manual_clock.h"
#include "support/scratch.h"
#include "support/soft_key.h"

namespace mintmark::revoke {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds longest{10};

class FrontiersTest : public testing::Test {
 protected:
  [[nodiscard]] FrontierParts parts() {
    return {.events = *log_,
            .clock = clock_,
            .sign =
                [this](const auto& input, Deadline, const auto& done) {
                  ++signatures_;
                  if (broken_) return done(fail(Code::hsm_unavailable, "gone"));
                  const std::string text = input("ES256", key_.jkt());
                  done(jose::compact(text, key_.sign(as_bytes(text))));
                },
            .revoked_keys = [] { return std::set<std::string>{"bad-kid"}; },
            .issuer = "https://issuer.example",
            .bound = seconds{12}};
  }
  /// With one that is wanted.
  [[nodiscard]] std::unique_ptr<Frontiers> begin(milliseconds apart) {
    auto frontiers = std::make_unique<Frontiers>(
        parts(),
        [this](const Result<SignedFrontier>& frontier) {
          const std::lock_guard lock(mutex_);
          told_.push_back(frontier);
          came_.notify_all();
        },
        apart);
    frontiers->want();
    return frontiers;
  }
  /// The next that was told and not taken.
  Result<SignedFrontier> next() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, longest, [&] { return taken_ < told_.size(); }))
      return fail(Code::deadline_passed, "no frontier came");
    return told_[taken_++];
  }
  std::uint64_t append(const std::string& jti) {
    std::promise<std::uint64_t> done;
    log_->append({{{"type", "token"},
                   {"jti", jti},
                   {"sub", "d"},
                   {"until", to_unix(clock_.now() + seconds{300})}}},
                 [&](const Result<std::uint64_t>& seq) { done.set_value(seq.value()); });
    return done.get_future().get();
  }
  [[nodiscard]] verify::Frontier read(const std::string& jws) const {
    auto verified = jose::UnverifiedJws::parse(jws).value().verify(key_.public_key());
    EXPECT_TRUE(verified) << verified.error().to_string();
    return verify::read_frontier(verified->claims()).value();
  }
  Result<Snapshots::Answer> get(Snapshots& snapshots) {
    auto promise = std::make_shared<std::promise<Result<Snapshots::Answer>>>();
    snapshots.get([promise](const Result<Snapshots::Answer>& made) { promise->set_value(made); });
    return promise->get_future().get();
  }
  /// Asks until another comes.
  Snapshots::Answer another_than(const Snapshots::Answer& first, Snapshots& snapshots) {
    Snapshots::Answer second = get(snapshots).value();
    for (const Deadline patience = Deadline::in(longest); second == first && !patience.passed();)
      second = get(snapshots).value();
    return second;
  }

  test::Scratch directory_;
  test::ManualClock clock_;
  const test::SoftKey key_;
  std::unique_ptr<EventLog> log_ = open_event_log(directory_ / "events.db", clock_).value();
  std::atomic<int> signatures_{0};
  std::atomic<bool> broken_{false};
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Result<SignedFrontier>> told_;
  std::size_t taken_ = 0;
};

TEST_F(FrontiersTest, CommitToAllThatWasAppendedBefore) {
  append("a");
  append("b");
  const auto frontiers = begin(milliseconds{1});
  const auto signed_one = next();
  ASSERT_TRUE(signed_one) << signed_one.error().to_string();
  const verify::Frontier frontier = read(*signed_one->jws);
  EXPECT_EQ(frontier.seq, 2U);
  EXPECT_EQ(frontier.log, log_->position().log);
  EXPECT_EQ(frontier.head, log_->position().head);
  EXPECT_EQ(frontier.bound, seconds{12});
  EXPECT_EQ(frontier.revoked_keys, std::set<std::string>{"bad-kid"});
  EXPECT_EQ(frontier.snapshot, "");
}

TEST_F(FrontiersTest, AreMadeWhenTheyAreWantedAndAfterThat) {
  const auto frontiers = begin(milliseconds{1});
  ASSERT_TRUE(next());
  append("a");
  const std::uint64_t number = frontiers->want();
  auto frontier = next();
  while (frontier && frontier->number < number) frontier = next();
  ASSERT_TRUE(frontier);
  EXPECT_EQ(read(*frontier->jws).seq, 1U);
}

TEST_F(FrontiersTest, CountTheTimeThatTheMachineSlept) {
  const auto frontiers = begin(milliseconds{1});
  const auto before = next();
  test::machine_slept(seconds{3600});
  frontiers->want();
  const auto after = next();
  ASSERT_TRUE(before && after);
  EXPECT_GE(read(*after->jws).ms, read(*before->jws).ms + 3'600'000);
}

TEST_F(FrontiersTest, AreNotMadeAnewForEachWish) {
  const auto frontiers = begin(std::chrono::hours{1});
  ASSERT_TRUE(next());
  for (int i = 0; i < 100; ++i) frontiers->want();
  EXPECT_EQ(signatures_, 1);
}

TEST_F(FrontiersTest, ComeByThemselvesWhileSomebodyListensAndNotElse) {
  FrontierParts quick = parts();
  quick.bound = seconds{1};
  std::promise<void> third;
  std::atomic<int> told{0};
  Frontiers frontiers(
      quick,
      [&](const auto&) {
        if (++told == 3) third.set_value();
      },
      milliseconds{0});
  EXPECT_EQ(frontiers.age(), milliseconds{0});
  EXPECT_EQ(signatures_, 0);
  frontiers.heard(true);
  EXPECT_EQ(third.get_future().wait_for(longest), std::future_status::ready);
  frontiers.heard(false);
  EXPECT_EQ(frontiers.age(), milliseconds{0});
}

TEST_F(FrontiersTest, RiseInNumberAndInTime) {
  const auto frontiers = begin(milliseconds{1});
  std::uint64_t number = 0;
  std::int64_t ms = 0;
  for (int i = 0; i < 5; ++i) {
    frontiers->want();
    const auto frontier = next();
    ASSERT_TRUE(frontier);
    EXPECT_GT(frontier->number, number);
    number = frontier->number;
    const std::int64_t made_at = read(*frontier->jws).ms;
    EXPECT_GE(made_at, ms);
    ms = made_at;
  }
}

TEST_F(FrontiersTest, AreNotGivenWhereTheKeyStoreFailsAndComeAgainWithIt) {
  broken_ = true;
  const auto frontiers = begin(milliseconds{1});
  const auto failed = next();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::hsm_unavailable);
  broken_ = false;
  frontiers->want();
  auto frontier = next();
  while (!frontier && frontier.error().code == Code::hsm_unavailable) frontier = next();
  EXPECT_TRUE(frontier);
}

TEST_F(FrontiersTest, EndWhileASignatureIsUnderWay) {
  std::promise<void> asked;
  std::function<void(Result<std::string>)> late;
  FrontierParts held = parts();
  held.sign = [&](const auto&, Deadline, auto done) {
    late = std::move(done);
    asked.set_value();
  };
  {
    Frontiers frontiers(held, [](const auto&) { FAIL() << "told of nothing"; });
    frontiers.want();
    ASSERT_EQ(asked.get_future().wait_for(longest), std::future_status::ready);
  }
  late(fail(Code::deadline_passed, "too late"));
}

TEST_F(FrontiersTest, OfASnapshotCommitToItsVeryText) {
  append("a");
  Snapshots snapshots(parts());
  const auto answer = get(snapshots);
  ASSERT_TRUE(answer) << answer.error().to_string();
  const Json both = parse_json(**answer).value();
  const std::string text = both["snapshot"];
  const verify::Frontier frontier = read(both["frontier"]);
  EXPECT_EQ(frontier.snapshot, jose::base64url(sha256(text)));
  const Json content = parse_json(text).value();
  EXPECT_EQ(content["log"], frontier.log);
  EXPECT_EQ(content["seq"], frontier.seq);
  EXPECT_TRUE(content["revoked"]["tokens"].contains("a"));
}

TEST_F(FrontiersTest, OfSnapshotsAreSignedOnceForAllWhoAsk) {
  Snapshots snapshots(parts(), std::chrono::hours{1});
  const auto first = get(snapshots);
  append("a");
  const auto second = get(snapshots);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(signatures_, 1);
}

TEST_F(FrontiersTest, OfSnapshotsAreAskedForAgainAfterAFailure) {
  Snapshots snapshots(parts(), std::chrono::hours{1});
  broken_ = true;
  const auto failed = get(snapshots);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::hsm_unavailable);
  broken_ = false;
  EXPECT_TRUE(get(snapshots));
}

TEST_F(FrontiersTest, OfSnapshotsAreNewAfterAWhile) {
  Snapshots snapshots(parts(), milliseconds{0});
  const Snapshots::Answer first = get(snapshots).value();
  append("a");
  EXPECT_NE(another_than(first, snapshots), first);
}

TEST_F(FrontiersTest, OfSnapshotsAreNotMadeAnewWhileNothingHappens) {
  Snapshots snapshots(parts(), milliseconds{0});
  const auto began = std::chrono::steady_clock::now();
  const Snapshots::Answer first = get(snapshots).value();
  const auto took = std::chrono::steady_clock::now() - began;
  // By its pace alone another would be due.
  while (std::chrono::steady_clock::now() < began + 10 * took)
    ASSERT_EQ(get(snapshots).value(), first);
  EXPECT_EQ(signatures_, 1);
}

TEST_F(FrontiersTest, OfSnapshotsAreMadeAnewBeforeTheyEnd) {
  FrontierParts parts = this->parts();
  parts.life = seconds{0};
  Snapshots snapshots(parts, milliseconds{0});
  const Snapshots::Answer first = get(snapshots).value();
  EXPECT_NE(another_than(first, snapshots), first);
}

TEST_F(FrontiersTest, OfSnapshotsComeAgainAfterAnException) {
  FrontierParts parts = this->parts();
  parts.sign = [this, sign = parts.sign](const auto& input, Deadline deadline, const auto& done) {
    if (broken_) throw std::bad_alloc();
    sign(input, deadline, done);
  };
  Snapshots snapshots(parts, milliseconds{0});
  broken_ = true;
  const auto failed = get(snapshots);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::internal);
  broken_ = false;
  EXPECT_TRUE(get(snapshots));
}

TEST_F(FrontiersTest, OfSnapshotsAreNotWaitedForWithoutEnd) {
  FrontierParts parts = this->parts();
  parts.sign = [](const auto&, Deadline, const auto&) {};
  parts.sign_deadline = milliseconds{20};
  Snapshots snapshots(parts);
  const auto failed = get(snapshots);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::deadline_passed);
}

TEST_F(FrontiersTest, OfSnapshotsEndWhileASignatureIsUnderWay) {
  std::promise<void> asked;
  std::function<void(Result<std::string>)> late;
  FrontierParts parts = this->parts();
  parts.sign_deadline = std::chrono::hours{1};
  parts.sign = [&](const auto&, Deadline, auto done) {
    late = std::move(done);
    asked.set_value();
  };
  std::promise<Code> told;
  {
    Snapshots snapshots(parts);
    snapshots.get([&](const auto& made) { told.set_value(made.error().code); });
    ASSERT_EQ(asked.get_future().wait_for(longest), std::future_status::ready);
    snapshots.stop();
    const auto refused = get(snapshots);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::overloaded);
  }
  EXPECT_EQ(told.get_future().get(), Code::overloaded);
  late(fail(Code::deadline_passed, "too late"));
}

TEST_F(FrontiersTest, ThatServicesWouldNotReadAreNotSigned) {
  FrontierParts parts = this->parts();
  parts.revoked_keys = [] { return std::set<std::string>{std::string(129, 'k')}; };
  std::optional<Result<std::string>> outcome;
  sign_frontier(parts, log_->position(), "", [&](auto made) { outcome = std::move(made); });
  ASSERT_TRUE(outcome && !*outcome);
  EXPECT_EQ(outcome->error().code, Code::frontier_malformed);
  EXPECT_EQ(signatures_, 0);
}

}  // namespace
}  // namespace mintmark::revoke
