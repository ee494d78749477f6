// Every token that was given out, on disk before it leaves. One day a Merkle log: who appends and
// who reads back know nothing of what is behind.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace mintmark::audit {

/// One token as it was issued. Nothing of it is a secret that would let anybody in.
struct Issued {
  std::string jti;
  std::string device;  ///< `sub`.
  std::string audience;
  std::string kid;   ///< Of the key that signed it.
  std::string rule;  ///< Of the policy.
  Moment issued_at;
  Moment expires_at;
  std::uint32_t list = 0;           ///< Its status list,
  std::uint32_t index = 0;          ///< and its entry there.
  bool ends_with_evidence = false;  ///< Revoked when the device's evidence ends before its time.
};

/// Append-only. Entries are committed in groups: whoever waits costs no flush of his own.
/// Thread-safe.
class IssuanceLog {
 public:
  virtual ~IssuanceLog() = default;
  /// `done` is called once, from the log's own thread or before this returns, when the entry is on
  /// disk (synchronous=FULL); it must not block. Errors of ready(): it is not, and the
  /// token must not leave; `overloaded`: too many wait.
  virtual void append(Issued entry, std::function<void(Result<void>)> done) = 0;
  /// Whether it is worth asking: false while the last write failed, and until somebody has seen
  /// that it can be written again (store::probe). Costs no disk. `store_full`, `store_read_only`,
  /// `store_busy`, `issuance_log_failed`.
  [[nodiscard]] virtual Result<void> ready() const { return {}; }
  /// Calls `each` for every entry that ends after `now`, the oldest first. `issuance_log_failed`.
  [[nodiscard]] virtual Result<void> read_live(
      Moment now, const std::function<void(const Issued&)>& each) const = 0;
  /// Forgets entries that ended before `moment`, some thousands at a time. `issuance_log_failed`.
  [[nodiscard]] virtual Result<void> forget_before(Moment moment) = 0;

  /// What it wrote so far, since it was opened.
  struct Written {
    std::uint64_t entries = 0;
    std::uint64_t groups = 0;  ///< Each one flush.
  };
  [[nodiscard]] virtual Written written() const = 0;
};

/// SQLite (WAL, synchronous=FULL), a file of its own; errors of open_device_store.
[[nodiscard]] Result<std::unique_ptr<IssuanceLog>> open_issuance_log(const std::string& path,
                                                                     unsigned mode = 0600);

}  // namespace mintmark::audit
