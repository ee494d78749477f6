#include "issuer/rate_limit.h"

#include <algorithm>
#include <functional>
#include <list>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"

namespace mintmark::issuer {
namespace {

constexpr std::chrono::minutes window{1};

}  // namespace

/// A bucket is kept as the moment at which it is full again: one number for level and time alike.
struct RateLimit::Shard {
  struct Bucket {
    std::string who;
    Clock::time_point full_at;
    Clock::time_point used_at;
  };
  mutable Mutex mutex;
  std::list<Bucket> by_use MINTMARK_GUARDED_BY(mutex);  // Who asked last is last.
  std::unordered_map<std::string, std::list<Bucket>::iterator> by_name MINTMARK_GUARDED_BY(mutex);

  void forget_first() MINTMARK_REQUIRES(mutex) {
    by_name.erase(by_use.front().who);
    by_use.pop_front();
  }

  Bucket& bucket_of(const std::string& who, Clock::time_point now, std::size_t most)
      MINTMARK_REQUIRES(mutex) {
    while (!by_use.empty() && by_use.front().used_at + window <= now) forget_first();
    const auto found = by_name.find(who);
    if (found != by_name.end()) {
      by_use.splice(by_use.end(), by_use, found->second);
      return by_use.back();
    }
    if (by_use.size() >= most) forget_first();
    by_use.push_back({who, now, now});
    by_name.emplace(who, std::prev(by_use.end()));
    return by_use.back();
  }
};

RateLimit::RateLimit(Code refusal, std::string whose, std::size_t entries)
    : refusal_(refusal),
      whose_(std::move(whose)),
      entries_of_shard_(std::max<std::size_t>(entries / shards, 1)),
      shards_(std::make_unique<Shard[]>(shards)) {}

RateLimit::~RateLimit() = default;

Result<void> RateLimit::take(const std::string& who, Clock::time_point now) {
  const unsigned per_minute = per_minute_.load();
  if (per_minute == 0) return {};
  const Clock::duration for_one = Clock::duration(window) / per_minute;
  Shard& shard = shards_[std::hash<std::string>{}(who) % shards];
  const MutexLock lock(shard.mutex);
  Shard::Bucket& bucket = shard.bucket_of(who, now, entries_of_shard_);
  bucket.used_at = now;
  const Clock::time_point full_at = std::max(bucket.full_at, now) + for_one;
  if (full_at <= now + window) {
    bucket.full_at = full_at;
    return {};
  }
  const auto wait = std::chrono::ceil<std::chrono::seconds>(full_at - (now + window)).count();
  return tl::unexpected<Error>(
      Error{refusal_, "more requests " + whose_ + " than are allowed in a minute", 0,
            static_cast<std::uint32_t>(std::clamp<std::int64_t>(wait, 1, 60))});
}

std::size_t RateLimit::size() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < shards; ++i) {
    const MutexLock lock(shards_[i].mutex);
    count += shards_[i].by_use.size();
  }
  return count;
}

}  // namespace mintmark::issuer
