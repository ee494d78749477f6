// The words that explain a finding. Private to this folder.
#pragma once

#include <string>
#include <vector>

#include "policy/appraisal.h"
#include "policy/boot_alignment.h"

namespace mintmark::policy {

/// "a or b or c", cut where it is long.
[[nodiscard]] std::string any_of(const std::vector<std::string>& all);
[[nodiscard]] bool holds(const std::vector<std::string>& all, const std::string& one);

/// "event 23, EV_EFI_BOOT_SERVICES_APPLICATION, digest 5f… (\EFI\debian\shimx64.efi)"
[[nodiscard]] std::string named(const Event& event);

/// What most often makes such a change: by the event's type and what it says, then by its PCR.
[[nodiscard]] std::string likely_cause(const Change& change, const attest::BootRecord& now);

/// "; likely a boot loader update", "; likely: Secure Boot was turned off"; "" for "".
[[nodiscard]] std::string likely_words(const std::string& likely);

/// Fills in event, event_type, last_good, likely and text of an event that is not allowed: `before`
/// is what stood in its place at the last good boot, if `good` is not nullptr.
void explain_event(Finding& finding, const Event& event, const Event* before,
                   const attest::BootRecord& now, const attest::BootRecord* good);

}  // namespace mintmark::policy
