// How often one of many may ask: a token bucket for each, in bounded memory.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/error.h"

namespace mintmark::issuer {

/// Each one may ask as often at once as in a minute, and gets what it used back evenly. Who has not
/// asked for a minute needs no memory; where more ask within one than are remembered, those who
/// asked longest ago begin anew. Thread-safe; names are spread over shards, each with its own lock.
class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t shards = 16;

  /// `refusal`: the code of what is too often. `whose`: for its text, "of this device". `entries`:
  /// how many are remembered at most, some 150 octets each.
  RateLimit(Code refusal, std::string whose, std::size_t entries);
  ~RateLimit();
  RateLimit(const RateLimit&) = delete;
  RateLimit& operator=(const RateLimit&) = delete;

  /// 0: as often as he likes. May change at any time; it holds from the next request on.
  void set(unsigned per_minute) { per_minute_.store(per_minute); }

  /// Counts one more of `who`, or refuses it with `retry_after`: the seconds until the next one is
  /// free.
  [[nodiscard]] Result<void> take(const std::string& who, Clock::time_point now);
  /// How many are remembered now.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Shard;

  const Code refusal_;
  const std::string whose_;
  const std::size_t entries_of_shard_;
  std::atomic<unsigned> per_minute_{0};
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace mintmark::issuer
