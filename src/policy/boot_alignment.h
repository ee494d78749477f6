// What of one PCR's events is as it was at the last good boot, and what is not. Private to this
// folder.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "attest/boot_record.h"

namespace mintmark::policy {

using Event = attest::MeasuredEvent;

/// An event and what stood in its place; one of the two may be missing.
struct Change {
  const Event* now = nullptr;
  const Event* before = nullptr;
};

/// Pairs the events that one PCR has now with those it had: equal ones first (type and digest),
/// then those that say the same beside another digest, or name the same ("dbx: …"), then by type in
/// their order. n log n. Refers to the records.
class Alignment {
 public:
  Alignment(const attest::BootRecord& now, const attest::BootRecord& before, unsigned pcr);

  /// What differs: changed and new events in their order, then those that are gone. None where the
  /// same events came, also in another order.
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  /// What stood in the place of the event of that number: itself if nothing changed; nullptr if it
  /// is new or is not one of this PCR.
  [[nodiscard]] const Event* before(std::uint32_t number) const;

 private:
  std::map<std::uint32_t, const Event*> before_;
  std::vector<Change> changes_;
};

/// Not EV_NO_ACTION, which is in no PCR (TCG PC Client Platform Firmware Profile §10.4.1), nor what
/// has no digest of the record's bank.
[[nodiscard]] bool is_extended(const Event& event);

/// Whether the events of that PCR make its quoted value. Those of firmware and boot loaders do, or
/// there would be no record; of the others (IMA's, the running system's) the log may say anything.
[[nodiscard]] bool events_are_quoted(const attest::BootRecord& record, unsigned pcr);

/// nullptr if the record has none of that number.
[[nodiscard]] const Event* event_numbered(const attest::BootRecord& record, std::uint32_t number);

}  // namespace mintmark::policy
