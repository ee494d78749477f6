// Values that prove a DPoP proof was made lately, by one who was not offline long before
// (RFC 9449 §8; as challenge: draft-ietf-oauth-attestation-based-client-auth-10 §8).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/secret.h"
#include "base/time.h"

namespace mintmark::verify {

/// Nothing is remembered of what was given: a value is its moment and an HMAC-SHA-256 over it, by a
/// key that lives as long as the process. A good one therefore also proves that what bears it was
/// made after the process began. Thread-safe.
class Nonces {
 public:
  static constexpr std::chrono::seconds life{300};  ///< At least; and `turn` more at most.
  static constexpr std::chrono::seconds turn{30};   ///< A new value that often, for all alike.

  explicit Nonces(const Clock& clock);

  /// base64url, 32 characters.
  [[nodiscard]] std::string fresh();
  /// Ours, and not too old. Constant-time.
  [[nodiscard]] bool is_good(std::string_view nonce) const;
  /// None that was given so far is good any more.
  void begin_again() { ++generation_; }

 private:
  [[nodiscard]] Bytes value_of(std::int64_t turn_number, std::uint64_t generation) const;

  const Clock& clock_;
  Secret key_;
  std::atomic<std::uint64_t> generation_ = 0;  ///< Under the MAC.
  Mutex mutex_;
  std::int64_t present_turn_ MINTMARK_GUARDED_BY(mutex_) = -1;
  std::uint64_t present_generation_ MINTMARK_GUARDED_BY(mutex_) = 0;
  std::string present_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::verify
