// The key set that is good now: kept for its max-age, fetched again when it is over or a key is
// missing.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "mintmark/verifier.h"
#include "verify/boot_clock.h"
#include "verify/key_set.h"

namespace mintmark::verify {

struct KeyCacheLimits {
  std::chrono::seconds grace;    ///< Beyond max-age, while no fresh copy can be had.
  std::chrono::seconds longest;  ///< However long max-age is.
  std::chrono::seconds pause;    ///< Between two fetches, whatever strangers write in `kid` and
                                 ///< however short max-age is.
};

/// Ages by the time that has gone by: a wall clock that is set, either way, makes no copy older or
/// younger. Thread-safe; has no thread of its own. The one who finds the keys missing or out of
/// date asks the source, and waits for it as long as the source takes. Meanwhile the others go on
/// with the copy that is there, if it may be used: where their key is not in it they are told
/// `keys_unavailable` at once, since strangers choose `kid` and could otherwise make every thread
/// of a service wait. Only while there is no copy at all do they wait with the one who asks.
class KeyCache {
 public:
  using Keys = Result<std::shared_ptr<const KeySet>>;
  using Moment = BootClock::time_point;

  /// `purpose`: of the keys that are taken.
  KeyCache(std::unique_ptr<KeySource> source, KeyCacheLimits limits,
           std::string purpose = "access_token");

  /// A set that may be used now, with the key of that kid in it if the issuer is known to have one.
  /// Where `epoch` is not that of the call that fetched it, it is fetched anew as soon as it may
  /// be. The source's errors, `keys_unavailable`, or `keys_malformed`.
  [[nodiscard]] Keys holding(std::string_view kid, Moment now, std::uint64_t epoch = 0);

 private:
  struct Copy {
    std::shared_ptr<const KeySet> keys;
    Moment fresh_until;
    std::uint64_t epoch;
  };
  // What somebody comes with.
  struct Wish {
    std::string_view kid;
    Moment now;
    std::uint64_t epoch;
  };

  [[nodiscard]] static bool is_fresh(const Copy& copy, Moment now);
  [[nodiscard]] bool is_usable(const Copy& copy, Moment now) const;
  [[nodiscard]] bool may_fetch(Moment now) const MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] bool satisfies(const Wish& wish) const MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] Keys held(Moment now) const MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] Keys held_while_fetching(std::string_view kid, Moment now) const
      MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] std::vector<std::string> held_kids() const MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] Result<Copy> fetch(const std::vector<std::string>& held_kids,
                                   const Wish& wish) const MINTMARK_EXCLUDES(mutex_);
  [[nodiscard]] Result<Copy> fetch_alone(const Wish& wish) MINTMARK_REQUIRES(mutex_);

  std::unique_ptr<KeySource> source_;  // Used by the one who set fetching_.
  KeyCacheLimits limits_;
  std::string purpose_;
  Mutex mutex_;
  Condition fetched_;
  bool fetching_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::optional<Copy> copy_ MINTMARK_GUARDED_BY(mutex_);
  std::optional<Error> trouble_ MINTMARK_GUARDED_BY(mutex_);  // Of the last fetch.
  std::optional<Moment> fetched_last_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::verify
