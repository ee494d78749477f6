#include "verify/key_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "token_fixture.h"

namespace mintmark::verify {
namespace {

using std::chrono::seconds;
using test::SoftKey;

using Moment = KeyCache::Moment;

const Moment start{seconds{1000}};
const KeyCacheLimits limits{.grace = seconds{300}, .longest = seconds{3600}, .pause = seconds{5}};

// The first fetch answers at once, the second when the test says so.
struct Gate {
  std::string jwks;
  std::promise<void> asked_again;
  std::promise<void> open;
  int asked = 0;
};

class GatedSource final : public KeySource {
 public:
  explicit GatedSource(Gate& gate) : gate_(gate) {}
  tl::expected<KeyDocument, Refused> fetch() override {
    if (++gate_.asked == 2) {
      gate_.asked_again.set_value();
      gate_.open.get_future().wait();
    }
    return KeyDocument{gate_.jwks, seconds{300}};
  }

 private:
  Gate& gate_;
};

TEST(KeyCache, LetsOthersGoOnWhileOneFetches) {
  const SoftKey key;
  Gate gate;
  gate.jwks = test::key_document({test::published(key)}).dump();
  KeyCache cache(std::make_unique<GatedSource>(gate), limits);
  ASSERT_TRUE(cache.holding(key.jkt(), start));

  const Moment over = start + seconds{301};
  std::thread fetching([&] { EXPECT_TRUE(cache.holding(key.jkt(), over)); });
  gate.asked_again.get_future().wait();
  const auto meanwhile = cache.holding(key.jkt(), over);
  ASSERT_TRUE(meanwhile);
  EXPECT_NE((*meanwhile)->find(key.jkt()), nullptr);
  gate.open.set_value();
  fetching.join();
  EXPECT_EQ(gate.asked, 2);
}

TEST(KeyCache, AsksOnceForManyWhoHaveNoKeys) {
  const SoftKey key;
  Gate gate;
  gate.jwks = test::key_document({test::published(key)}).dump();
  KeyCache cache(std::make_unique<GatedSource>(gate), limits);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(cache.holding(key.jkt(), start)); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(gate.asked, 1);
}

TEST(KeyCache, LetsNobodyWaitForKidsThatStrangersInventWhileOneFetches) {
  const SoftKey key;
  Gate gate;
  gate.jwks = test::key_document({test::published(key)}).dump();
  KeyCache cache(std::make_unique<GatedSource>(gate), limits);
  ASSERT_TRUE(cache.holding(key.jkt(), start));

  const Moment later = start + seconds{5};
  std::thread fetching([&] { EXPECT_TRUE(cache.holding("invented", later)); });
  gate.asked_again.get_future().wait();
  const auto meanwhile = cache.holding("invented too", later);
  ASSERT_FALSE(meanwhile);
  EXPECT_EQ(meanwhile.error().code, Code::keys_unavailable);
  gate.open.set_value();
  fetching.join();
  EXPECT_EQ(gate.asked, 2);
}

TEST(KeyCache, AsksNotAgainForAThreadWhoseClockIsALittleBehind) {
  const SoftKey key;
  Gate gate;
  gate.jwks = test::key_document({test::published(key)}).dump();
  KeyCache cache(std::make_unique<GatedSource>(gate), limits);
  ASSERT_TRUE(cache.holding(key.jkt(), start));
  EXPECT_TRUE(cache.holding(key.jkt(), start - seconds{10}));
  EXPECT_EQ(gate.asked, 1);
}

TEST(KeyCache, TakesSpansWithoutEndForVeryLongOnes) {
  const SoftKey key;
  Gate gate;
  gate.jwks = test::key_document({test::published(key)}).dump();
  const KeyCacheLimits endless{
      .grace = seconds::max(), .longest = seconds::max(), .pause = seconds::max()};
  KeyCache cache(std::make_unique<GatedSource>(gate), endless);
  ASSERT_TRUE(cache.holding(key.jkt(), start));
  EXPECT_TRUE(cache.holding(key.jkt(), start + std::chrono::hours{24 * 365}));
  EXPECT_EQ(gate.asked, 1);
}

// What the verifier says it holds, with each fetch.
struct Told {
  tl::expected<KeyDocument, Refused> answer;
  std::vector<std::vector<std::string>> held;
};

class ListeningSource final : public KeySource {
 public:
  explicit ListeningSource(Told& told) : told_(told) {}
  tl::expected<KeyDocument, Refused> fetch() override { return told_.answer; }
  tl::expected<KeyDocument, Refused> fetch_holding(const std::vector<std::string>& held) override {
    told_.held.push_back(held);
    return fetch();
  }

 private:
  Told& told_;
};

class HeldKeys : public testing::Test {
 protected:
  using Kids = std::vector<std::string>;

  void publish(const Json& document) { told_.answer = KeyDocument{document.dump(), seconds{100}}; }
  /// What is said when the kid is looked for then.
  Kids said(std::string_view kid, seconds at) {
    const std::size_t before = told_.held.size();
    (void)cache_.holding(kid, start + at);
    if (told_.held.size() == before + 1) return told_.held.back();
    return {"(did not ask)"};
  }

  const SoftKey first_;
  const SoftKey second_;
  Told told_{KeyDocument{test::key_document({test::published(first_)}).dump(), seconds{100}}, {}};
  KeyCache cache_{std::make_unique<ListeningSource>(told_), limits};
};

TEST_F(HeldKeys, AreNoneBeforeTheFirstAnswer) { EXPECT_EQ(said(first_.jkt(), seconds{0}), Kids{}); }

TEST_F(HeldKeys, AreThoseOfTheLastGoodDocument) {
  (void)said(first_.jkt(), seconds{0});
  publish(test::key_document({test::published(second_)}));
  EXPECT_EQ(said(first_.jkt(), seconds{100}), Kids{first_.jkt()});
  EXPECT_EQ(said(second_.jkt(), seconds{200}), Kids{second_.jkt()});
}

TEST_F(HeldKeys, AreSaidWhenAnUnknownKidIsLookedUp) {
  (void)said(first_.jkt(), seconds{0});
  EXPECT_EQ(said(second_.jkt(), seconds{5}), Kids{first_.jkt()});
}

TEST_F(HeldKeys, AreNotThoseOfADocumentThatWasNotTaken) {
  (void)said(first_.jkt(), seconds{0});
  publish(test::key_document({test::published(second_), test::published(second_)}));
  (void)said(first_.jkt(), seconds{100});
  EXPECT_EQ(said(first_.jkt(), seconds{105}), Kids{first_.jkt()});
  told_.answer = tl::unexpected<Refused>(Refused{Refusal::keys_unavailable, "away"});
  (void)said(first_.jkt(), seconds{110});
  EXPECT_EQ(said(first_.jkt(), seconds{115}), Kids{first_.jkt()});
}

// A service that is called once an hour has let its keys run out each time it asks.
TEST_F(HeldKeys, AreSaidAlsoWhenTheyAreOutOfDate) {
  (void)said(first_.jkt(), seconds{0});
  EXPECT_EQ(said(first_.jkt(), seconds{100'000}), Kids{first_.jkt()});
}

class ThrowingSource final : public KeySource {
 public:
  tl::expected<KeyDocument, Refused> fetch() override { throw std::runtime_error("broken"); }
};

TEST(KeyCache, GoesOnAfterASourceThatThrows) {
  KeyCache cache(std::make_unique<ThrowingSource>(), limits);
  EXPECT_THROW(static_cast<void>(cache.holding("k", start)), std::runtime_error);
  EXPECT_THROW(static_cast<void>(cache.holding("k", start + seconds{5})), std::runtime_error);
}

/// Rotates its keys and goes away, and sees how it is asked.
class RestlessIssuer {
 public:
  struct Source final : KeySource {
    explicit Source(RestlessIssuer& one) : issuer(one) {}
    tl::expected<KeyDocument, Refused> fetch() override { return issuer.answer(); }
    RestlessIssuer& issuer;
  };

  void publish(std::string jwks) {
    const std::lock_guard lock(mutex_);
    jwks_ = std::move(jwks);
  }
  [[nodiscard]] int asked() const { return asked_; }
  [[nodiscard]] int most_at_once() const { return most_at_once_; }

 private:
  tl::expected<KeyDocument, Refused> answer() {
    ++asked_;
    const int at_once = ++now_asking_;
    most_at_once_ = std::max(most_at_once_.load(), at_once);
    std::string jwks;
    {
      const std::lock_guard lock(mutex_);
      jwks = jwks_;
    }
    --now_asking_;
    if (jwks.empty()) return tl::unexpected<Refused>(Refused{Refusal::keys_unavailable, "away"});
    return KeyDocument{jwks, seconds{10}};
  }

  std::mutex mutex_;
  std::string jwks_;
  std::atomic<int> asked_{0};
  std::atomic<int> now_asking_{0};
  std::atomic<int> most_at_once_{0};
};

TEST(KeyCache, ServesManyThreadsThroughRotationsAndOutages) {
  const SoftKey lasting;
  const SoftKey next;
  const std::string before = test::key_document({test::published(lasting)}).dump();
  const std::string after =
      test::key_document({test::published(lasting), test::published(next)}).dump();
  RestlessIssuer issuer;
  issuer.publish(before);
  std::atomic<Moment> now{start};
  KeyCache cache(std::make_unique<RestlessIssuer::Source>(issuer), limits);
  ASSERT_TRUE(cache.holding(lasting.jkt(), now));

  std::atomic<bool> over{false};
  std::atomic<int> refused{0};
  std::atomic<int> invented{0};
  std::array<std::atomic<int>, 4> rounds{};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const std::string kid = i % 2 == 0 ? lasting.jkt() : "invented";
    threads.emplace_back([&, i, kid] {
      for (; !over; ++rounds[i]) {
        const auto keys = cache.holding(kid, now);
        const bool found = keys && (*keys)->find(kid) != nullptr;
        if (kid == "invented" && found) ++invented;
        if (kid != "invented" && !found) ++refused;
        std::this_thread::yield();
      }
    });
  }
  constexpr int steps = 30;
  for (int step = 0; step < steps; ++step) {
    issuer.publish(step % 3 == 0 ? "" : step % 3 == 1 ? before : after);
    const int asked = issuer.asked();
    now = now.load() + seconds{5};
    // Each step ends a pause: somebody asks, and nobody else until the next one.
    while (issuer.asked() == asked) std::this_thread::yield();
    for (const std::atomic<int>& round : rounds) {
      const int before = round;
      while (round < before + 2) std::this_thread::yield();
    }
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(invented, 0);
  EXPECT_EQ(issuer.asked(), 1 + steps);
  EXPECT_EQ(issuer.most_at_once(), 1);
}

}  // namespace
}  // namespace mintmark::verify
