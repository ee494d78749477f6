// Streams as deliverers see them.
#include <algorithm>

#include "revoke/signals/streams.h"
#include "telemetry/log.h"

namespace mintmark::revoke::signals {
namespace {

using telemetry::Level;

tl::unexpected<Error> unknown() {
  return fail(Code::ssf_stream_unknown, "this service has no such stream");
}

// `last`: the log's last entry.
void count(const StreamState& state, std::uint64_t last, Streams::Census& census) {
  ++census.streams;
  if (state.status == Status::paused) ++census.paused;
  if (state.status == Status::enabled && state.front().seq <= last)
    census.behind = std::max(census.behind, last + 1 - state.front().seq);
  if (state.failing_since == Moment{}) return;
  if (census.failing_since == Moment{} || state.failing_since < census.failing_since)
    census.failing_since = state.failing_since;
}

}  // namespace

OutboxRules Streams::rules_of(const Entry& entry, std::vector<std::string> audiences) const {
  return {entry.id, issuer_, std::move(audiences), parts_.lookup};
}

Result<std::vector<std::string>> Streams::poll_audience(const Owner& owner,
                                                        const std::string& id) const {
  const auto entry = own(owner, id);
  if (!entry) return tl::unexpected<Error>(entry.error());
  const MutexLock lock((*entry)->mutex);
  if ((*entry)->settings.push) return unknown();
  return (*entry)->settings.audience;
}

Result<Outbox> Streams::next(const std::string& id, std::size_t most) {
  const auto entry = find(id);
  if (!entry) return unknown();
  auto audiences = parts_.audiences_of(entry->service);
  if (!audiences) {
    telemetry::log(Level::warning, "ssf_stream_of_nobody",
                   {{"stream", id}, {"service", entry->service}});
    (void)remove({entry->service, {}}, id);
    return unknown();
  }
  const MutexLock lock(entry->mutex);
  if (entry->gone) return unknown();
  const auto lost = follow_log(parts_.log, entry->state);
  if (!lost) return tl::unexpected<Error>(lost.error());
  if (*lost) telemetry::log(Level::warning, "ssf_events_lost", {{"stream", id}});
  return next_of(parts_.log, rules_of(*entry, std::move(*audiences)), entry->settings, entry->state,
                 most);
}

Result<void> Streams::acknowledge(const std::string& id, std::set<std::string> jtis) {
  const auto entry = find(id);
  if (!entry) return unknown();
  const auto audiences = parts_.audiences_of(entry->service);
  if (!audiences) return unknown();
  const MutexLock lock(entry->mutex);
  if (entry->gone) return unknown();
  StreamState next = entry->state;
  if (const auto followed = follow_log(parts_.log, next); !followed)
    return tl::unexpected<Error>(followed.error());
  auto done = signals::acknowledge(parts_.log, rules_of(*entry, *audiences), entry->settings, next,
                                   std::move(jtis));
  if (!done) return done;
  std::swap(entry->state, next);
  auto kept = keep_state(*entry);
  if (!kept) std::swap(entry->state, next);
  return kept;
}

std::map<std::string, std::string> Streams::pushed() const {
  std::map<std::string, std::string> ids;
  for (const Found& entry : all()) {
    const MutexLock lock(entry->mutex);
    if (entry->settings.push && entry->state.status == Status::enabled)
      ids.emplace(entry->id, entry->service);
  }
  return ids;
}

std::optional<PushTarget> Streams::target(const std::string& id) const {
  const auto entry = find(id);
  if (!entry) return std::nullopt;
  const MutexLock lock(entry->mutex);
  if (entry->gone || !entry->settings.push || entry->state.status != Status::enabled)
    return std::nullopt;
  return PushTarget{entry->settings.endpoint, entry->settings.authorization,
                    entry->settings.audience, entry->state.failing_since};
}

Result<void> Streams::mark_failing(const std::string& id, bool failing) {
  const auto entry = find(id);
  if (!entry) return unknown();
  const MutexLock lock(entry->mutex);
  const bool was = entry->state.failing_since != Moment{};
  if (entry->gone || was == failing) return {};
  entry->state.failing_since = failing ? now() : Moment{};
  return keep_state(*entry);
}

Result<void> Streams::pause(const std::string& id, const std::string& reason) {
  const auto entry = find(id);
  if (!entry) return unknown();
  const MutexLock lock(entry->mutex);
  if (entry->gone) return unknown();
  entry->state.status = Status::paused;
  entry->state.reason = reason;
  entry->state.failing_since = {};
  return keep_state(*entry);
}

Streams::Census Streams::census() const {
  Census census;
  const std::uint64_t last = parts_.log.position().seq;
  for (const Found& entry : all()) {
    const MutexLock lock(entry->mutex);
    count(entry->state, last, census);
  }
  return census;
}

}  // namespace mintmark::revoke::signals
