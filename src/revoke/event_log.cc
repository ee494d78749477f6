#include "revoke/event_log.h"

#include <atomic>
#include <deque>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "revoke/event_rows.h"
#include "revoke/log_state.h"
#include "revoke/patient_clock.h"
#include "verify/frontier.h"

namespace mintmark::revoke {
namespace {

using SteadyTime = PatientClock::Steady::time_point;

/// Beyond, the disk does not keep up.
constexpr std::size_t longest_queue = 65536;
/// Of one flush: none waits for more than the disk takes for so many.
constexpr std::size_t longest_group = 4096;
/// Readers take a JSON text of JsonLimits::octets, number and moment included.
constexpr std::size_t longest_entry = 60'000;
/// The latest are given from memory.
constexpr std::size_t kept_in_memory = 16384;
/// Everybody who was away no longer than this is told what was said meanwhile.
constexpr std::chrono::seconds kept_at_least{3600};
constexpr std::chrono::seconds between_forgetting{60};
/// Whoever keeps the clock has as long to see that it is wrong.
constexpr std::chrono::hours doubt{24};
/// So few at a time that revocations hardly wait for what is forgotten.
constexpr std::size_t forgotten_at_a_time = 1000;

tl::unexpected<Error> failed(const Error& error) {
  return fail(Code::revocation_failed, "the event log: " + error.detail, error.native);
}

tl::unexpected<Error> not_kept() {
  return fail(Code::event_snapshot_wanted, "entries after that are not kept, or never were");
}

class SqliteEventLog final : public EventLog {
 public:
  struct Start {
    EventRows rows;
    Snapshot known;
    std::deque<Event> recent;
    std::uint64_t forgotten = 0;
  };

  SqliteEventLog(Start start, const Clock& clock, std::function<SteadyTime()> steady)
      : clock_(clock),
        over_(clock, {.doubt = doubt, .behind = doubt, .steady = std::move(steady)}),
        rows_(std::move(start.rows)),
        last_(start.known.position),
        state_(std::move(start.known)),
        recent_(std::move(start.recent)),
        forgotten_(start.forgotten),
        worker_([this] { work(); }) {}

  ~SqliteEventLog() override {
    {
      const MutexLock lock(queue_mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  void append(std::vector<Json> entries, std::function<void(Result<std::uint64_t>)> done) override {
    {
      const MutexLock lock(queue_mutex_);
      if (waiting_entries_ + entries.size() <= longest_queue) {
        waiting_entries_ += entries.size();
        waiting_.push_back({std::move(entries), std::move(done)});
        if (waiting_.size() == 1) changed_.notify_all();
        return;
      }
    }
    done(fail(Code::overloaded, "too many revocations wait for the event log; come again"));
  }

  void on_appended(std::function<void(const std::vector<Event>&)> told) override {
    const MutexLock lock(mutex_);
    told_.push_back(std::make_shared<const Told>(std::move(told)));
  }

  Position position() const override { return state_.position(); }

  Result<std::vector<Event>> after(std::uint64_t seq, std::size_t most) const override {
    {
      const MutexLock lock(mutex_);
      const std::uint64_t last = recent_.empty() ? state_.position().seq : recent_.back().seq;
      if (seq > last || seq < forgotten_) return not_kept();
      const std::uint64_t oldest = last - recent_.size();
      if (seq >= oldest) return from_memory(seq - oldest, most);
    }
    auto rows = rows_.after(seq, most);
    if (!rows) return failed(rows.error());
    std::vector<Event> events;
    for (EventRow& row : *rows) {
      // Forgotten just now.
      if (row.seq != seq + events.size() + 1) return not_kept();
      events.push_back({row.seq, std::make_shared<const std::string>(std::move(row.text))});
    }
    return events;
  }

  Snapshot snapshot() const override { return state_.snapshot(); }

  verify::RevokedSet::Verdict judge(const verify::RevocableToken& token) const override {
    return state_.judge(token);
  }

 private:
  struct Waiting {
    std::vector<Json> entries;
    std::function<void(Result<std::uint64_t>)> done;
  };
  /// What one flush brings.
  struct Group {
    std::vector<Json> entries;
    std::vector<EventRow> rows;
    Position position;
  };

  std::vector<Event> from_memory(std::uint64_t from, std::size_t most) const
      MINTMARK_REQUIRES(mutex_) {
    const auto first = recent_.begin() + static_cast<std::ptrdiff_t>(from);
    const auto left = static_cast<std::size_t>(recent_.end() - first);
    return {first, first + static_cast<std::ptrdiff_t>(std::min(left, most))};
  }

  void work() {
    MutexLock lock(queue_mutex_);
    for (;;) {
      const auto due = std::chrono::steady_clock::now() + between_forgetting;
      while (!ending_ && waiting_.empty() && changed_.wait_until(queue_mutex_, due)) continue;
      if (waiting_.empty() && ending_) return;
      std::vector<Waiting> group = take_group();
      lock.unlock();
      forget();
      if (!group.empty()) flush(std::move(group));
      lock.lock();
    }
  }

  std::vector<Waiting> take_group() MINTMARK_REQUIRES(queue_mutex_) {
    std::vector<Waiting> group;
    for (std::size_t entries = 0; !waiting_.empty() && entries < longest_group;) {
      entries += waiting_.front().entries.size();
      waiting_entries_ -= waiting_.front().entries.size();
      group.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    return group;
  }

  /// What cannot be understood must not be written: services would have to stop at it.
  static Result<void> check(const std::vector<Json>& entries) {
    verify::RevokedSet nobodys;
    for (const Json& entry : entries) {
      if (auto fits = nobodys.apply(entry); !fits) return fits;
      if (entry.dump().size() > longest_entry)
        return fail(Code::event_malformed, "an entry of the event log is longer than 60000 octets");
    }
    return {};
  }

  void flush(std::vector<Waiting> waiting) {
    Group group{{}, {}, last_};
    std::vector<Result<std::uint64_t>> outcomes;
    for (Waiting& one : waiting) {
      if (auto fits = check(one.entries); !fits) {
        outcomes.emplace_back(pass_on(fits));
        continue;
      }
      for (Json& entry : one.entries) number(group, std::move(entry));
      outcomes.emplace_back(group.position.seq);
    }
    const auto written =
        group.rows.empty() ? Result<void>{} : rows_.append(group.rows, group.position.head);
    if (written) publish(std::move(group));
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (!written && outcomes[i]) outcomes[i] = failed(written.error());
      waiting[i].done(std::move(outcomes[i]));
    }
  }

  void number(Group& group, Json entry) {
    const Moment now = clock_.now();
    entry["seq"] = ++group.position.seq;
    entry["at"] = to_unix(now);
    EventRow row{group.position.seq, now, now, entry.dump()};
    if (const auto until = entry.find("until"); until != entry.end() && until->is_number_integer())
      row.until = from_unix(until->get<std::int64_t>());
    group.position.head = verify::next_head(group.position.head, row.text);
    group.rows.push_back(std::move(row));
    group.entries.push_back(std::move(entry));
  }

  void publish(Group group) {
    if (group.rows.empty()) return;
    std::vector<Event> events;
    for (EventRow& row : group.rows)
      events.push_back({row.seq, std::make_shared<const std::string>(std::move(row.text))});
    std::vector<std::shared_ptr<const Told>> those;
    {
      const MutexLock lock(mutex_);
      those = told_;
      recent_.insert(recent_.end(), events.begin(), events.end());
      if (recent_.size() > kept_in_memory)
        recent_.erase(recent_.begin(), recent_.end() - static_cast<std::ptrdiff_t>(kept_in_memory));
    }
    last_ = group.position;
    // Each was taken by check().
    state_.advance(std::move(group.position), group.entries);
    for (const auto& told : those) (*told)(events);
  }

  void forget() {
    const Moment now = over_.now();
    if (forgot_at_ && over_.steady() < *forgot_at_ + between_forgetting) return;
    if (!state_.forget(now)) return;
    const auto highest = rows_.forget(now - verify::RevokedSet::kept_past_end, now - kept_at_least,
                                      forgotten_at_a_time);
    // It is no loss: the next time will do.
    if (!highest || *highest == 0) forgot_at_ = over_.steady();
    const MutexLock lock(mutex_);
    if (highest) forgotten_ = std::max(forgotten_, *highest);
  }

  using Told = std::function<void(const std::vector<Event>&)>;

  const Clock& clock_;
  PatientClock over_;
  std::optional<SteadyTime> forgot_at_;
  mutable EventRows rows_;
  Position last_;  // Of the thread that writes.
  LogState state_;
  mutable Mutex mutex_;
  std::vector<std::shared_ptr<const Told>> told_ MINTMARK_GUARDED_BY(mutex_);
  std::deque<Event> recent_ MINTMARK_GUARDED_BY(mutex_);
  std::uint64_t forgotten_ MINTMARK_GUARDED_BY(mutex_);

  Mutex queue_mutex_;
  Condition changed_;
  std::deque<Waiting> waiting_ MINTMARK_GUARDED_BY(queue_mutex_);
  std::size_t waiting_entries_ MINTMARK_GUARDED_BY(queue_mutex_) = 0;
  bool ending_ MINTMARK_GUARDED_BY(queue_mutex_) = false;
  std::thread worker_;  // Last: it ends before what it works on.
};

Result<verify::RevokedSet> read_revoked(EventRows& rows) {
  verify::RevokedSet revoked;
  auto read = rows.each([&](const std::string& text) -> Result<void> {
    auto entry = parse_json(text);
    if (!entry) return pass_on(entry);
    return revoked.apply(*entry);
  });
  if (!read) return pass_on(read);
  return revoked;
}

/// The latest without a gap, so that whoever comes back after a restart is told from memory.
Result<std::deque<Event>> read_recent(EventRows& rows, std::uint64_t last) {
  const std::uint64_t from = last - std::min<std::uint64_t>(last, kept_in_memory);
  auto latest = rows.after(from, kept_in_memory);
  if (!latest) return pass_on(latest);
  std::deque<Event> recent;
  for (auto row = latest->rbegin(); row != latest->rend() && row->seq == last; ++row, --last)
    recent.push_front({row->seq, std::make_shared<const std::string>(std::move(row->text))});
  return recent;
}

}  // namespace

Result<std::unique_ptr<EventLog>> open_event_log(const std::string& path, const Clock& clock,
                                                 unsigned mode,
                                                 std::function<SteadyTime()> steady) {
  auto rows = EventRows::open(path, mode);
  if (!rows) return pass_on(rows);
  auto state = rows->state();
  if (!state) return pass_on(state);
  auto revoked = read_revoked(*rows);
  if (!revoked) return pass_on(revoked);
  auto recent = read_recent(*rows, state->seq);
  if (!recent) return pass_on(recent);
  return std::make_unique<SqliteEventLog>(
      SqliteEventLog::Start{*std::move(rows),
                            {{std::move(state->log), state->seq, state->head}, *std::move(revoked)},
                            *std::move(recent),
                            state->forgotten},
      clock, std::move(steady));
}

}  // namespace mintmark::revoke
