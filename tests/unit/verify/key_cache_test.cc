#include "verify/key_cache.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "token_fixture.h"

namespace mintmark::verify {
namespace {

using std::chrono::seconds;
using test::SoftKey;

const Moment start = from_unix(1'800'000'000);
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

}  // namespace
}  // namespace mintmark::verify
