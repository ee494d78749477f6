#include "revoke/signals/outbox.h"

#include <algorithm>

#include "jose/base64url.h"
#include "revoke/signals/subjects.h"

namespace mintmark::revoke::signals {
namespace {

constexpr std::size_t entries_at_once = 256;
constexpr std::size_t most_chunks = 16;
/// How far behind the oldest that nobody acknowledges others are given: bounds what is remembered.
constexpr std::size_t window = 1024;
constexpr std::size_t jti_octets = 16;

std::string jti_of(const std::string& stream, const std::string& log, Place place) {
  const Sha256 hash = sha256("mintmark set 1\n" + stream + "\n" + log + "\n" +
                             std::to_string(place.seq) + "\n" + std::to_string(place.part) + "\n");
  return jose::base64url(BytesView(hash).first(jti_octets));
}

/// The lowest number whose entry is still there.
Result<std::uint64_t> first_kept(const EventLog& log, std::uint64_t gone, std::uint64_t last) {
  while (gone + 1 < last) {
    const std::uint64_t middle = gone + (last - gone) / 2;
    const auto found = log.after(middle - 1, 1);
    if (!found && found.error().code != Code::event_snapshot_wanted)
      return tl::unexpected<Error>(found.error());
    (found ? last : gone) = middle;
  }
  return last;
}

class Walk {
 public:
  Walk(const OutboxRules& rules, const StreamSettings& settings, const std::string& log,
       const std::function<bool(Waiting)>& each)
      : rules_(rules), settings_(settings), events_(settings.delivered()), log_(log), each_(each) {}

  /// False: enough.
  [[nodiscard]] bool entry(const Event& event, std::uint32_t from) {
    const auto parsed = parse_json(*event.text);
    if (!parsed) return true;
    auto signals = signals_of(*parsed, rules_.issuer, rules_.lookup);
    for (std::uint32_t part = from; part < signals.size(); ++part) {
      if (!concerns(signals[part])) continue;
      const Place place{event.seq, part};
      PlannedSet set{jti_of(rules_.stream, log_, place), log_ + "." + std::to_string(event.seq),
                     std::move(signals[part])};
      if (!each_({std::move(set), place})) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] bool concerns(const Signal& signal) const {
    if (std::find(events_.begin(), events_.end(), signal.type) == events_.end()) return false;
    for (const Json& removed : settings_.removed) {
      if (takes_away(removed, signal.subject)) return false;
    }
    if (signal.token.empty() || !rules_.lookup) return true;
    // One that is not known is over, or was never ours: who it was for cannot be told, and a
    // revocation that did not come would be worse than a jti that means nothing.
    const auto facts = rules_.lookup(signal.token);
    const auto& own = rules_.audiences;
    return !facts || std::find(own.begin(), own.end(), facts->audience) != own.end();
  }

  const OutboxRules& rules_;
  const StreamSettings& settings_;
  const std::vector<std::string> events_;
  const std::string& log_;
  const std::function<bool(Waiting)>& each_;
};

Place behind(Place place) { return {place.seq, place.part + 1}; }

}  // namespace

Result<bool> follow_log(const EventLog& log, StreamState& state) {
  const Position now = log.position();
  if (state.log != now.log) {
    const bool lost = !state.log.empty();
    state.log = now.log;
    state.place = {};
    state.acknowledged.clear();
    if (auto begun = follow_log(log, state); !begun) return begun;
    return lost;
  }
  if (state.place.seq > now.seq + 1) {
    // A copy of the log from before: what comes now has numbers that were seen.
    state.place = {now.seq + 1, 0};
    return true;
  }
  const auto there = log.after(state.place.seq - 1, 1);
  if (there) return false;
  if (there.error().code != Code::event_snapshot_wanted)
    return tl::unexpected<Error>(there.error());
  const auto first = first_kept(log, state.place.seq, now.seq + 1);
  if (!first) return tl::unexpected<Error>(first.error());
  state.place = {*first, 0};
  return true;
}

Result<std::optional<Place>> walk(const EventLog& log, const OutboxRules& rules,
                                  const StreamSettings& settings, const StreamState& state,
                                  const std::function<bool(Waiting)>& each) {
  Walk walk(rules, settings, state.log, each);
  Place place = state.place;
  for (std::size_t chunk = 0; chunk < most_chunks; ++chunk) {
    const auto events = log.after(place.seq - 1, entries_at_once);
    if (!events) return tl::unexpected<Error>(events.error());
    for (const Event& event : *events) {
      if (!walk.entry(event, event.seq == place.seq ? place.part : 0)) return std::nullopt;
      place = {event.seq + 1, 0};
    }
    if (events->size() < entries_at_once) break;
  }
  return place;
}

Result<Outbox> next_of(const EventLog& log, const OutboxRules& rules,
                       const StreamSettings& settings, StreamState& state, std::size_t most) {
  Outbox outbox;
  if (state.status != Status::enabled) return outbox;
  const std::size_t notices = std::min(most, state.notices.size());
  for (std::size_t i = 0; i < notices; ++i) outbox.sets.push_back(state.notices[i]);
  outbox.more = notices < state.notices.size();

  std::size_t seen = 0;
  Place front = state.place;
  bool whole = true;  // Nothing was met so far that is not acknowledged.
  const auto reached = walk(log, rules, settings, state, [&](Waiting waiting) {
    const bool known = state.acknowledged.contains(waiting.set.jti);
    if (whole) front = known ? behind(waiting.place) : waiting.place;
    whole = whole && known;
    if (whole) state.acknowledged.erase(waiting.set.jti);
    if (known) return ++seen < window;
    outbox.more = outbox.more || outbox.sets.size() == most;
    if (outbox.sets.size() == most) return false;
    outbox.sets.push_back(std::move(waiting.set));
    return ++seen < window;
  });
  if (!reached) return tl::unexpected<Error>(reached.error());
  if (*reached && (*reached)->seq <= log.position().seq) outbox.more = true;
  state.place = whole ? reached->value_or(front) : front;
  return outbox;
}

Result<void> acknowledge(const EventLog& log, const OutboxRules& rules,
                         const StreamSettings& settings, StreamState& state,
                         std::set<std::string> jtis) {
  std::erase_if(state.notices, [&](const PlannedSet& set) { return jtis.erase(set.jti) > 0; });
  if (jtis.empty()) return {};
  std::size_t seen = 0;
  Place front = state.place;
  bool whole = true;
  const auto reached = walk(log, rules, settings, state, [&](const Waiting& waiting) {
    const std::string& jti = waiting.set.jti;
    const bool done = jtis.erase(jti) > 0 || state.acknowledged.contains(jti);
    if (whole) front = done ? behind(waiting.place) : waiting.place;
    whole = whole && done;
    if (whole)
      state.acknowledged.erase(jti);
    else if (done)
      state.acknowledged.insert(jti);
    return ++seen < window && (whole || !jtis.empty());
  });
  if (!reached) return tl::unexpected<Error>(reached.error());
  state.place = whole ? reached->value_or(front) : front;
  return {};
}

}  // namespace mintmark::revoke::signals
