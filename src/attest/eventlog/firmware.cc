#include <algorithm>

#include "attest/eventlog/cursor.h"
#include "attest/eventlog/event_types.h"
#include "attest/eventlog/facts.h"
#include "attest/eventlog/text.h"

namespace mintmark::attest::eventlog {
namespace {

// UTF-16 by the specification, ASCII or a GUID by some firmware.
std::string version_text(BytesView data) {
  const BytesView words = without_terminators(data);
  if (words.empty()) return {};
  if (is_plain_text(words)) return for_people(as_text(words));
  const auto text = utf16_text(data);
  if (text && is_plain_text(as_bytes(*text))) return for_people(*text);
  return data.size() == 16 ? guid_text(data) : to_hex(data.first(std::min(data.size(), 64UL)));
}

// Firmware measures its version before its separator; what comes later an operating system may
// have extended.
void add_version(const View& view, BootFacts& facts) {
  for (const Seen* const seen : view.of_pcr(0)) {
    if (!seen->covered) break;
    if (separator_of(*seen, *view.bank) != Separator::none) break;
    if (seen->event->type != ev_s_crtm_version) continue;
    if (seen->proven.proof == Proof::whole) {
      facts.firmware_version = version_text(seen->event->data);
      return;
    }
    facts.not_known["firmware_version"] =
        "event " + std::to_string(seen->event->number) + ": its data are not what was hashed";
  }
}

void add_blobs(const View& view, BootFacts& facts) {
  for (const Seen* const seen : view.of_pcr(0)) {
    const std::uint32_t type = seen->event->type;
    if (!seen->covered ||
        (type != ev_efi_platform_firmware_blob && type != ev_efi_platform_firmware_blob2))
      continue;
    facts.firmware_blobs.push_back({seen->event->number, seen->event->pcr, "firmware_blob",
                                    describe(*seen->event), seen->digest,
                                    seen->proven.proof == Proof::whole});
  }
}

}  // namespace

void add_firmware(const View& view, BootFacts& facts) {
  add_version(view, facts);
  add_blobs(view, facts);
  for (const Seen* const seen : view.of_pcr(5)) {
    if (seen->covered && seen->proven.proof == Proof::whole &&
        as_text(without_terminators(seen->event->data)) == "Exit Boot Services Invocation")
      facts.exit_boot_services = true;
  }
}

}  // namespace mintmark::attest::eventlog
