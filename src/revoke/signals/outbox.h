// What a stream is told next: read from the event log, of which it keeps a place and no copy.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "revoke/event_log.h"
#include "revoke/signals/stream.h"

namespace mintmark::revoke::signals {

/// What decides which signals a stream gets, beside its settings.
struct OutboxRules {
  std::string stream;  ///< Its id: two streams' SETs have other jtis.
  std::string issuer;
  /// Of the service, as it is registered now: it hears of single tokens for these alone.
  std::vector<std::string> audiences;
  TokenLookup lookup;
};

/// How many wait for a stream's acknowledgement at most; what comes behind them is not looked at
/// until some are.
inline constexpr std::size_t most_waiting = 1024;
/// How many signals and entries one call looks at, or little more, whoever they are for: the next
/// one goes on from there.
inline constexpr std::size_t most_looked_at = 4096;

/// Brings a state to the log as it is: another log is begun from its first entry; what is not kept
/// any more waits no longer. True: something was lost. Errors of EventLog::after.
[[nodiscard]] Result<bool> follow_log(const EventLog& log, StreamState& state);

/// What a stream gets next.
struct Outbox {
  std::vector<PlannedSet> sets;
  bool more = false;  ///< There are, or may be, more than these.
};

/// At most `most`: notices first, then signals that are not acknowledged, in order; none unless the
/// stream is enabled. What was looked at is not looked at again, unless it waits. Errors of
/// EventLog::after.
[[nodiscard]] Result<Outbox> next_of(const EventLog& log, const OutboxRules& rules,
                                     const StreamSettings& settings, StreamState& state,
                                     std::size_t most);

/// These will never come again, in whatever order; jtis that do not wait are passed over. Errors of
/// EventLog::after.
[[nodiscard]] Result<void> acknowledge(const EventLog& log, const OutboxRules& rules,
                                       const StreamSettings& settings, StreamState& state,
                                       std::set<std::string> jtis);

}  // namespace mintmark::revoke::signals
