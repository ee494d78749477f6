#include "policy/boot_alignment.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "attest/bank.h"
#include "base/bytes.h"

namespace mintmark::policy {
namespace {

using Events = std::vector<const Event*>;
using Key = std::pair<std::string, std::string>;
using KeyOf = std::function<Key(const Event&)>;

Events events_of(const attest::BootRecord& record, unsigned pcr) {
  Events all;
  for (const Event& event : record.events) {
    if (event.pcr == pcr && is_extended(event)) all.push_back(&event);
  }
  return all;
}

/// "dbx" of "dbx: 77 entries".
std::string name_in(const std::string& what) { return what.substr(0, what.find(':')); }

/// Pairs what has the same key, each once and in order; what is left stays in the lists.
template <typename Paired>
void pair_by(const KeyOf& key_of, Events& now, Events& before, Paired paired) {
  std::map<Key, std::deque<const Event*>> waiting;
  for (const Event* event : before) waiting[key_of(*event)].push_back(event);
  std::set<const Event*> taken;
  Events left;
  for (const Event* event : now) {
    const auto found = waiting.find(key_of(*event));
    if (found == waiting.end() || found->second.empty()) {
      left.push_back(event);
      continue;
    }
    paired(event, found->second.front());
    taken.insert(found->second.front());
    found->second.pop_front();
  }
  now = std::move(left);
  std::erase_if(before, [&](const Event* event) { return taken.contains(event); });
}

}  // namespace

Alignment::Alignment(const attest::BootRecord& now, const attest::BootRecord& before,
                     unsigned pcr) {
  Events these = events_of(now, pcr);
  Events those = events_of(before, pcr);
  const auto same = [&](const Event* event, const Event* old) { before_[event->number] = old; };
  const auto changed = [&](const Event* event, const Event* old) {
    before_[event->number] = old;
    changes_.push_back({event, old});
  };
  pair_by([](const Event& event) { return Key{event.type, event.digest}; }, these, those, same);
  pair_by([](const Event& event) { return Key{event.type, event.what}; }, these, those, changed);
  pair_by(
      [](const Event& event) {
        return Key{event.type, name_in(event.what)};
      },
      these, those, changed);
  pair_by([](const Event& event) { return Key{event.type, ""}; }, these, those, changed);
  for (const Event* event : these) changes_.push_back({event, nullptr});
  std::sort(changes_.begin(), changes_.end(), [](const Change& left, const Change& right) {
    return left.now->number < right.now->number;
  });
  for (const Event* event : those) changes_.push_back({nullptr, event});
}

const Event* Alignment::before(std::uint32_t number) const {
  const auto found = before_.find(number);
  return found == before_.end() ? nullptr : found->second;
}

bool is_extended(const Event& event) {
  return event.type != "EV_NO_ACTION" && !event.digest.empty();
}

bool events_are_quoted(const attest::BootRecord& record, unsigned pcr) {
  const auto quoted = record.pcrs.find(pcr);
  if (quoted == record.pcrs.end() || !record.log_given) return false;
  // Judged when the record was made (attest/eventlog/judge.cc); PCR 0 begins with the locality.
  if (pcr <= 9 || (pcr >= 12 && pcr <= 14)) return true;
  const attest::Bank* bank = attest::bank_named(record.bank);
  if (bank == nullptr) return false;
  Bytes value = attest::initial_pcr(*bank, pcr);
  for (const Event* event : events_of(record, pcr)) {
    const auto digest = from_hex(event->digest);
    if (!digest || digest->size() != bank->size) return false;
    value = bank->extend(value, *digest);
  }
  return to_hex(value) == quoted->second;
}

const Event* event_numbered(const attest::BootRecord& record, std::uint32_t number) {
  // A log that is whole holds each at its number.
  if (number < record.events.size() && record.events[number].number == number)
    return &record.events[number];
  const auto found = std::find_if(record.events.begin(), record.events.end(),
                                  [number](const Event& event) { return event.number == number; });
  return found == record.events.end() ? nullptr : &*found;
}

}  // namespace mintmark::policy
