#include "keyring/rotation.h"

#include <algorithm>
#include <set>

namespace mintmark::keyring {
namespace {

using store::KeyRecord;
using store::KeyState;
using Act = RotationStep::Act;

/// The keys of one kind.
struct Line {
  const KeyRecord* active = nullptr;
  std::vector<const KeyRecord*> ahead;  ///< Published, the oldest first.
};

std::map<KeyKind, Line> lines_of(const std::vector<KeyRecord>& records) {
  std::map<KeyKind, Line> lines;
  for (const KeyRecord& record : records) {
    const auto kind = kind_of(record);
    if (!kind) continue;
    if (record.state == KeyState::active) lines[*kind].active = &record;
    if (record.state == KeyState::published) lines[*kind].ahead.push_back(&record);
  }
  return lines;
}

/// From when on the successor may sign, for the schedule's part: an operator's word is at once.
Moment wanted_from(const KeyRecord& active, const RotationPlan& plan, const KeyKind& kind) {
  const Moment by_schedule = active.at(KeyState::active) + plan.period_for(kind.purpose);
  if (active.rotation_asked_at == Moment{}) return by_schedule;
  return std::min(by_schedule, active.rotation_asked_at);
}

Moment known_from(const KeyRecord& successor, const RotationPlan& plan) {
  return successor.at(KeyState::published) + plan.lead;
}

/// So long is what it signed good. Until it had retired something may have been signed.
Moment needed_until(const KeyRecord& record, const RotationPlan& plan) {
  const Moment last = std::max(record.at(KeyState::retiring), record.at(KeyState::retired));
  return last + record.longest_life + plan.skew;
}

/// While somebody is waited for it is looked at again this often.
constexpr std::chrono::seconds look_again{15};

class Ahead {
 public:
  Ahead(const RotationPlan& plan, const RotationView& view) : plan_(plan), view_(view) {}

  void look_at(const KeyKind& kind, const Line& line, bool wanted) {
    const KeyRecord* successor = nullptr;
    for (const KeyRecord* key : line.ahead) {
      if (view_.usable(*key)) {
        successor = key;
        break;
      }
    }
    if (!wanted) return leave_behind(kind, line);
    if (line.active != nullptr && successor != nullptr)
      return succeed(kind, *line.active, *successor);
    if (successor != nullptr) return begin(kind, *successor);
    if (line.active != nullptr && view_.now >= wanted_from(*line.active, plan_, kind))
      outlook.overdue.push_back(kind);
    if (!plan_.generate || !view_.consistent) return;
    // One ahead that may not sign is looked at by an operator; another one is made only where
    // nothing would sign at all.
    if (line.active == nullptr || line.ahead.empty())
      outlook.steps.push_back({Act::generate, kind, ""});
  }

  void look_at(const KeyRecord& record) {
    const auto kind = kind_of(record);
    if (!kind) return;
    if (record.state == KeyState::retiring) look_at_retiring(*kind, record);
    if (record.state == KeyState::retired && later(needed_until(record, plan_)))
      step(Act::forget, *kind, record);
  }

  RotationOutlook outlook;

 private:
  void step(Act act, const KeyKind& kind, const KeyRecord& record) {
    outlook.steps.push_back({act, kind, record.id});
  }

  [[nodiscard]] Moment sooner(Moment moment) const {
    return outlook.due ? std::min(*outlook.due, moment) : moment;
  }

  /// True: it is. False: it will be, and that is noted.
  bool later(Moment moment) {
    if (view_.now >= moment) return true;
    outlook.due = sooner(moment);
    return false;
  }

  void look_at_retiring(const KeyKind& kind, const KeyRecord& record) {
    if (record.revoked()) {
      // An operator's order, and no inference: also beside keys that are missing.
      if (view_.consistent || view_.usable(record)) step(Act::end, kind, record);
      return;
    }
    if (view_.consistent && !view_.in_force_since)
      outlook.due = sooner(view_.now + std::chrono::seconds(1));
    if (view_.consistent && view_.in_force_since) {
      const Moment last_asked = std::max(record.at(KeyState::retiring), *view_.in_force_since);
      if (later(last_asked + plan_.drain)) step(Act::end, kind, record);
    }
    // Where the hardware will not end it, verifiers need it no longer for that.
    if (later(needed_until(record, plan_))) step(Act::forget, kind, record);
  }

  /// The first key of its kind in this store.
  void begin(const KeyKind& kind, const KeyRecord& first) {
    if (view_.elsewhere(kind) && !later(known_from(first, plan_))) return;
    step(Act::activate, kind, first);
  }

  void succeed(const KeyKind& kind, const KeyRecord& active, const KeyRecord& successor) {
    const Moment ripe = std::max(wanted_from(active, plan_, kind), known_from(successor, plan_));
    if (!later(ripe)) return;
    // Verifiers hold keys of access tokens, and no others.
    if (plan_.wait_for_verifiers && kind.purpose == hsm::Purpose::access_token &&
        !view_.covered(successor) && view_.now < ripe + *plan_.wait_for_verifiers) {
      outlook.due = sooner(std::min(view_.now + look_again, ripe + *plan_.wait_for_verifiers));
      return;
    }
    step(Act::activate, kind, successor);
  }

  /// It may be wanted again: what is there signs on until its time is over.
  void leave_behind(const KeyKind& kind, const Line& line) {
    if (line.active != nullptr &&
        later(line.active->at(KeyState::active) + plan_.period_for(kind.purpose)))
      step(Act::retire, kind, *line.active);
    for (const KeyRecord* key : line.ahead) {
      if (later(key->at(KeyState::published) + plan_.period_for(kind.purpose)))
        step(Act::retire, kind, *key);
    }
  }

  const RotationPlan& plan_;
  const RotationView& view_;
};

std::optional<Forecast> forecast_active(const KeyRecord& record, const KeyKind& kind,
                                        const std::vector<KeyRecord>& records,
                                        const RotationPlan& plan) {
  Moment at = wanted_from(record, plan, kind);
  if (!plan.wants(record)) return Forecast{KeyState::retiring, at};
  const auto lines = lines_of(records);
  const Line& line = lines.at(kind);
  if (line.ahead.empty()) return Forecast{KeyState::retiring, at};
  return Forecast{KeyState::retiring, std::max(at, known_from(*line.ahead.front(), plan))};
}

std::optional<Forecast> forecast_published(const KeyRecord& record, const KeyKind& kind,
                                           const std::vector<KeyRecord>& records,
                                           const RotationPlan& plan) {
  const auto lines = lines_of(records);
  const Line& line = lines.at(kind);
  if (line.active == nullptr || line.ahead.front() != &record) return std::nullopt;
  const auto its = forecast_active(*line.active, kind, records, plan);
  if (!its) return std::nullopt;
  return Forecast{KeyState::active, its->at};
}

}  // namespace

std::chrono::seconds RotationPlan::period_for(hsm::Purpose purpose) const {
  const auto found = period_of.find(purpose);
  return found == period_of.end() ? period : found->second;
}

std::chrono::seconds RotationPlan::life_of(hsm::Purpose purpose) const {
  const auto found = longest_life.find(purpose);
  return found == longest_life.end() ? std::chrono::seconds{} : found->second;
}

bool RotationPlan::wants(const store::KeyRecord& record) const {
  const auto kind = kind_of(record);
  return kind && std::find(wanted.begin(), wanted.end(), *kind) != wanted.end();
}

RotationOutlook look_ahead(const std::vector<KeyRecord>& records, const RotationPlan& plan,
                           const RotationView& view) {
  Ahead ahead(plan, view);
  auto lines = lines_of(records);
  for (const KeyKind& kind : plan.wanted) {
    ahead.look_at(kind, lines[kind], true);
    lines.erase(kind);
  }
  for (const auto& [kind, line] : lines) ahead.look_at(kind, line, false);
  for (const KeyRecord& record : records) ahead.look_at(record);
  // Tokens come before what is only tidy.
  std::stable_sort(ahead.outlook.steps.begin(), ahead.outlook.steps.end(),
                   [](const RotationStep& left, const RotationStep& right) {
                     return (left.act == Act::activate) > (right.act == Act::activate);
                   });
  return std::move(ahead.outlook);
}

std::optional<Forecast> forecast(const KeyRecord& record, const std::vector<KeyRecord>& records,
                                 const RotationPlan& plan) {
  const auto kind = kind_of(record);
  if (!kind) return std::nullopt;
  switch (record.state) {
    case KeyState::published:
      return forecast_published(record, *kind, records, plan);
    case KeyState::active:
      return forecast_active(record, *kind, records, plan);
    case KeyState::retiring:
      return Forecast{KeyState::retired, record.at(KeyState::retiring) + plan.drain};
    case KeyState::retired:
      return Forecast{KeyState::destroyed, needed_until(record, plan)};
    case KeyState::planned:
    case KeyState::destroyed:
      break;
  }
  return std::nullopt;
}

bool is_published(const KeyRecord& record) {
  return !record.revoked() && record.state != KeyState::planned &&
         record.state != KeyState::destroyed;
}

std::optional<KeyKind> kind_of(const KeyRecord& record) {
  const auto purpose = hsm::purpose_named(record.purpose);
  const auto algorithm = jose::algorithm_named(record.algorithm);
  if (!purpose || !algorithm) return std::nullopt;
  return KeyKind{*purpose, *algorithm};
}

}  // namespace mintmark::keyring
