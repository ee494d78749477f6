// What the event log knows and where it stands: judged and copied while it grows.
#pragma once

#include <vector>

#include "base/mutex.h"
#include "revoke/event_log.h"

namespace mintmark::revoke {

/// Millions of entries take a second to be copied; nobody waits for that but whoever wants the
/// copy. Thread-safe, but that one thread alone may call advance() and forget().
class LogState {
 public:
  explicit LogState(Snapshot start);

  /// Entries that RevokedSet takes, and the position after them.
  void advance(Position position, const std::vector<Json>& entries);
  /// What was over before `now`. False: somebody copies; come again.
  [[nodiscard]] bool forget(Moment now);

  [[nodiscard]] Position position() const;
  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] verify::RevokedSet::Verdict judge(const verify::RevocableToken& token) const;

 private:
  /// Nobody reads.
  void settle() MINTMARK_REQUIRES(reading_) MINTMARK_EXCLUDES(mutex_);

  // Of both locks this one is taken first. Who reads either set has it shared; the thread that
  // writes does not wait for it.
  mutable SharedMutex reading_ MINTMARK_BEFORE(mutex_);
  verify::RevokedSet older_ MINTMARK_GUARDED_BY(reading_);
  mutable Mutex mutex_;
  verify::RevokedSet latest_ MINTMARK_GUARDED_BY(mutex_);  // Not in older_ yet: few.
  Position position_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::revoke
