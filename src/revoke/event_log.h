// The event log: what was revoked and what else services must hear of, numbered, chained, on disk
// before anybody is told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/time.h"
#include "verify/revoked_set.h"

namespace mintmark::revoke {

/// An entry as everybody gets it.
struct Event {
  std::uint64_t seq = 0;                    ///< From 1, without gaps.
  std::shared_ptr<const std::string> text;  ///< JSON, octet by octet what the chain covers.
};

/// Where the log stands.
struct Position {
  std::string log;  ///< Of verify::Frontier.
  std::uint64_t seq = 0;
  Sha256 head{};
};

/// What is known of all that was revoked, at one position.
struct Snapshot {
  Position position;
  verify::RevokedSet revoked;
};

/// Thread-safe.
class EventLog {
 public:
  virtual ~EventLog() = default;

  /// Appends entries (verify/revoked_set.h, without `seq` and `at`), all or none. `done` is called
  /// once, from the log's own thread, with the number of the last one, when they are on disk and
  /// subscribers are being told; entries of several callers share a flush. `event_malformed`,
  /// `revocation_failed`; `overloaded`, before this returns.
  virtual void append(std::vector<Json> entries,
                      std::function<void(Result<std::uint64_t>)> done) = 0;

  /// Told of new entries, in their order, from the log's own thread, after they are on disk; must
  /// not block. Each one that was set is told of what is appended after that.
  virtual void on_appended(std::function<void(const std::vector<Event>&)> told) = 0;

  [[nodiscard]] virtual Position position() const = 0;
  /// The entries after `seq`, at most `most`. `event_snapshot_wanted` where they are not kept any
  /// more, or `seq` is beyond the last.
  [[nodiscard]] virtual Result<std::vector<Event>> after(std::uint64_t seq,
                                                         std::size_t most) const = 0;
  /// A copy, made without anybody waiting but the caller.
  [[nodiscard]] virtual Snapshot snapshot() const = 0;
  /// Of one token, now.
  [[nodiscard]] virtual verify::RevokedSet::Verdict judge(
      const verify::RevocableToken& token) const = 0;
};

/// SQLite, a file of its own; what is over is forgotten as time goes by (PatientClock, of a day).
/// `clock` must outlive it. Errors of open_device_store.
[[nodiscard]] Result<std::unique_ptr<EventLog>> open_event_log(
    const std::string& path, const Clock& clock, unsigned mode = 0600,
    std::function<std::chrono::steady_clock::time_point()> steady = std::chrono::steady_clock::now);

}  // namespace mintmark::revoke
