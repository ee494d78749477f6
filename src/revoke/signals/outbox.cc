#include "revoke/signals/outbox.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "jose/base64url.h"
#include "revoke/signals/subjects.h"

namespace mintmark::revoke::signals {
namespace {

constexpr std::size_t entries_at_once = 64;
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

/// What a stream gets of the entries; counts what it looks at.
class Reader {
 public:
  Reader(const EventLog& log, const OutboxRules& rules, const StreamSettings& settings,
         const std::string& log_name)
      : log_(log),
        rules_(rules),
        settings_(settings),
        events_(settings.delivered()),
        log_name_(log_name) {}

  [[nodiscard]] bool spent() const { return looked_at_ >= most_looked_at; }
  [[nodiscard]] const EventLog& log() const { return log_; }
  [[nodiscard]] std::string jti_at(Place place) const {
    return jti_of(rules_.stream, log_name_, place);
  }

  [[nodiscard]] std::vector<Signal> signals_in(const Event& event) {
    const auto parsed = parse_json(*event.text);
    auto signals =
        parsed ? signals_of(*parsed, rules_.issuer, rules_.lookup) : std::vector<Signal>();
    looked_at_ += 1 + signals.size();
    return signals;
  }

  /// Nothing: it is not for this stream.
  [[nodiscard]] std::optional<PlannedSet> set_of(Place place, const Signal& signal) const {
    if (!concerns(signal)) return std::nullopt;
    return PlannedSet{jti_at(place), log_name_ + "." + std::to_string(place.seq), signal};
  }

  /// Nothing: it is not for this stream any more.
  [[nodiscard]] Result<std::optional<PlannedSet>> at(Place place) {
    if (read_ != place.seq) {
      const auto events = log_.after(place.seq - 1, 1);
      if (!events) return tl::unexpected<Error>(events.error());
      signals_ = events->empty() ? std::vector<Signal>() : signals_in(events->front());
      read_ = place.seq;
    }
    if (place.part >= signals_.size()) return std::nullopt;
    return set_of(place, signals_[place.part]);
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

  const EventLog& log_;
  const OutboxRules& rules_;
  const StreamSettings& settings_;
  const std::vector<std::string> events_;
  const std::string log_name_;
  std::size_t looked_at_ = 0;
  std::uint64_t read_ = 0;  // The entry of signals_.
  std::vector<Signal> signals_;
};

/// Shown one that was not met before. False: enough, and this one counts as not looked at.
using Each = std::function<bool(Place place, PlannedSet set)>;

bool walk_over(Reader& reader, const Event& event, StreamState& state, const Each& each) {
  const auto signals = reader.signals_in(event);
  for (std::uint32_t part = event.seq == state.walked.seq ? state.walked.part : 0;
       part < signals.size(); ++part) {
    state.walked = {event.seq, part};
    auto set = reader.set_of(state.walked, signals[part]);
    if (!set) continue;
    if (state.waiting.size() >= most_waiting) return false;
    if (!each(state.walked, *std::move(set))) return false;
  }
  state.walked = {event.seq + 1, 0};
  return true;
}

/// Looks at what comes behind all that was looked at, until `each` has enough, or too many wait, or
/// the reader has looked at enough, or there is no more.
Result<void> walk_on(Reader& reader, StreamState& state, const Each& each) {
  for (;;) {
    const auto events = reader.log().after(state.walked.seq - 1, entries_at_once);
    if (!events) return tl::unexpected<Error>(events.error());
    for (const Event& event : *events) {
      if (reader.spent() || !walk_over(reader, event, state, each)) return {};
    }
    if (events->size() < entries_at_once) return {};
  }
}

/// What was met before and waits still.
Result<void> give_waiting(Reader& reader, StreamState& state, std::size_t most, Outbox& outbox) {
  auto next = state.waiting.begin();
  while (next != state.waiting.end()) {
    outbox.more = outbox.sets.size() >= most || reader.spent();
    if (outbox.more) return {};
    auto set = reader.at(*next);
    if (!set) return tl::unexpected<Error>(set.error());
    if (!*set) {
      next = state.waiting.erase(next);
      continue;
    }
    outbox.sets.push_back(**std::move(set));
    ++next;
  }
  return {};
}

}  // namespace

Result<bool> follow_log(const EventLog& log, StreamState& state) {
  const Position now = log.position();
  if (state.log != now.log) {
    const bool lost = !state.log.empty();
    state.log = now.log;
    state.walked = {};
    state.waiting.clear();
    if (auto begun = follow_log(log, state); !begun) return begun;
    return lost;
  }
  if (state.walked.seq > now.seq + 1) {
    // A copy of the log from before: what comes now has numbers that were seen.
    state.walked = {now.seq + 1, 0};
    std::erase_if(state.waiting, [&](Place place) { return place.seq > now.seq; });
    return true;
  }
  const std::uint64_t front = state.front().seq;
  if (front == now.seq + 1) return false;
  const auto there = log.after(front - 1, 1);
  if (there) return false;
  if (there.error().code != Code::event_snapshot_wanted)
    return tl::unexpected<Error>(there.error());
  const auto first = first_kept(log, front, now.seq + 1);
  if (!first) return tl::unexpected<Error>(first.error());
  std::erase_if(state.waiting, [&](Place place) { return place.seq < *first; });
  if (state.walked.seq < *first) state.walked = {*first, 0};
  return true;
}

Result<Outbox> next_of(const EventLog& log, const OutboxRules& rules,
                       const StreamSettings& settings, StreamState& state, std::size_t most) {
  Outbox outbox;
  if (state.status != Status::enabled) return outbox;
  const std::size_t notices = std::min(most, state.notices.size());
  for (std::size_t i = 0; i < notices; ++i) outbox.sets.push_back(state.notices[i]);

  Reader reader(log, rules, settings, state.log);
  if (auto given = give_waiting(reader, state, most, outbox); !given) return pass_on(given);
  if (!outbox.more) {
    auto walked = walk_on(reader, state, [&](Place place, PlannedSet set) {
      outbox.more = outbox.sets.size() >= most;
      if (outbox.more) return false;
      state.waiting.push_back(place);
      outbox.sets.push_back(std::move(set));
      return true;
    });
    if (!walked) return pass_on(walked);
  }
  const bool stopped = reader.spent() && state.walked.seq <= log.position().seq;
  outbox.more = outbox.more || stopped || notices < state.notices.size();
  return outbox;
}

Result<void> acknowledge(const EventLog& log, const OutboxRules& rules,
                         const StreamSettings& settings, StreamState& state,
                         std::set<std::string> jtis) {
  std::erase_if(state.notices, [&](const PlannedSet& set) { return jtis.erase(set.jti) > 0; });
  Reader reader(log, rules, settings, state.log);
  std::erase_if(state.waiting, [&](Place place) { return jtis.erase(reader.jti_at(place)) > 0; });
  if (jtis.empty()) return {};
  // Of an earlier process: what it had walked over since the last acknowledgement is not on disk.
  return walk_on(reader, state, [&](Place place, const PlannedSet& set) {
    if (jtis.empty()) return false;
    if (jtis.erase(set.jti) == 0) state.waiting.push_back(place);
    return true;
  });
}

}  // namespace mintmark::revoke::signals
