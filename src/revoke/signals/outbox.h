// What a stream is told next: read from the event log, of which it keeps a place and no copy.
#pragma once

#include <functional>
#include <optional>
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

/// One that waits, and where it stands.
struct Waiting {
  PlannedSet set;
  Place place;
};

/// Brings a state to the log as it is: another log is begun from its first entry; where entries are
/// not kept any more, the place moves to the first that is. True: something was lost. Errors of
/// EventLog::after.
[[nodiscard]] Result<bool> follow_log(const EventLog& log, StreamState& state);

/// Shows `each` the signals from `state.place` on that the stream gets, acknowledged ones too, the
/// oldest first, until it says false (then it gives nothing), or there are no more, or some
/// thousands of entries were read: then it gives the place behind the last one. Errors of
/// EventLog::after.
[[nodiscard]] Result<std::optional<Place>> walk(const EventLog& log, const OutboxRules& rules,
                                                const StreamSettings& settings,
                                                const StreamState& state,
                                                const std::function<bool(Waiting)>& each);

/// What a stream gets next.
struct Outbox {
  std::vector<PlannedSet> sets;
  bool more = false;  ///< There are, or may be, more than these.
};

/// At most `most`: notices first, then signals that are not acknowledged, in order; none unless the
/// stream is enabled. The state's place moves over what does not concern the stream.
[[nodiscard]] Result<Outbox> next_of(const EventLog& log, const OutboxRules& rules,
                                     const StreamSettings& settings, StreamState& state,
                                     std::size_t most);

/// These will never come again; jtis that do not wait are passed over. The place moves over all
/// that is acknowledged from there.
[[nodiscard]] Result<void> acknowledge(const EventLog& log, const OutboxRules& rules,
                                       const StreamSettings& settings, StreamState& state,
                                       std::set<std::string> jtis);

}  // namespace mintmark::revoke::signals
