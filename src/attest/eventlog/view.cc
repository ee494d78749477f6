#include "attest/eventlog/event_types.h"
#include "attest/eventlog/facts.h"

namespace mintmark::attest::eventlog {
namespace {

// PCR 0, 1 and 7 stand in RTMR0, 2 to 6 in RTMR1, the others in RTMR2; logs count from 1.
unsigned register_of(unsigned pcr) {
  if (pcr <= 1 || pcr == 7) return 1;
  return pcr <= 6 ? 2 : 3;
}

bool is_value(const Seen& seen, const Bank& bank, std::uint8_t octet) {
  // Of 0x00000001 only the first octet is set: little endian.
  const Bytes value = octet == 1 ? Bytes{1, 0, 0, 0} : Bytes(4, octet);
  return seen.digest == to_hex(bank.digest(value));
}

}  // namespace

std::vector<const Seen*> View::of_pcr(unsigned pcr) const {
  const unsigned wanted = of_td ? register_of(pcr) : pcr;
  std::vector<const Seen*> found;
  for (const Seen& seen : events) {
    if (seen.event->pcr == wanted && seen.event->extends() && !seen.digest.empty())
      found.push_back(&seen);
  }
  return found;
}

// TCG PC Client PFP §10.4.1: zeros or ones where all went well, 1 after an error.
Separator separator_of(const Seen& seen, const Bank& bank) {
  if (is_value(seen, bank, 0x00) || is_value(seen, bank, 0xFF)) return Separator::normal;
  return is_value(seen, bank, 1) ? Separator::error : Separator::none;
}

}  // namespace mintmark::attest::eventlog
