// The key set that is good now: kept for its max-age, fetched again when it is over or a key is
// missing.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "mintmark/verifier.h"
#include "verify/key_set.h"

namespace mintmark::verify {

struct KeyCacheLimits {
  std::chrono::seconds grace;    ///< Beyond max-age, while no fresh copy can be had.
  std::chrono::seconds longest;  ///< However long max-age is.
  std::chrono::seconds pause;    ///< Between two fetches, whatever strangers write in `kid` and
                                 ///< however short max-age is.
};

/// Thread-safe. One thread fetches; the others go on with the set that is there, if it may be used.
class KeyCache {
 public:
  KeyCache(std::unique_ptr<KeySource> source, KeyCacheLimits limits);

  /// A set that may be used now, with the key of that kid in it if the issuer has one. The source's
  /// errors, or `keys_malformed`.
  [[nodiscard]] Result<std::shared_ptr<const KeySet>> holding(std::string_view kid, Moment now);

 private:
  struct Copy {
    std::shared_ptr<const KeySet> keys;
    Moment fetched_at;
    Moment fresh_until;
  };

  [[nodiscard]] static bool is_fresh(const Copy& copy, Moment now);
  [[nodiscard]] bool is_usable(const Copy& copy, Moment now) const;
  [[nodiscard]] bool may_fetch(Moment now) const;
  [[nodiscard]] Result<std::shared_ptr<const KeySet>> held(Moment now) const;
  [[nodiscard]] bool satisfies(std::string_view kid, Moment now) const;
  [[nodiscard]] Result<Copy> fetch(Moment now) const;

  std::unique_ptr<KeySource> source_;
  KeyCacheLimits limits_;
  std::mutex fetching_;       // Held while the source is asked; always before mutex_.
  mutable std::mutex mutex_;  // The rest.
  std::optional<Copy> copy_;
  std::optional<Error> trouble_;  // Of the last fetch.
  std::optional<Moment> fetched_last_;
};

}  // namespace mintmark::verify
