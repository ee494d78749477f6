#include "attest/eventlog/log.h"

namespace mintmark::attest::eventlog {

std::map<unsigned, Bytes> replay(const Log& log, std::string_view bank) {
  std::map<unsigned, Bytes> values;
  const Bank* const algorithm = bank_named(bank);
  if (algorithm == nullptr) return values;
  for (const Event& event : log.events) {
    const BytesView digest = event.digest(*algorithm);
    if (!event.extends() || digest.empty()) continue;
    auto at = values.find(event.pcr);
    if (at == values.end()) {
      Bytes initial = initial_pcr(*algorithm, event.pcr);
      // TPM2_Startup from locality 3, or an H-CRTM before it (TCG PC Client PTP §5.1).
      if (event.pcr == 0 && log.startup_locality)
        initial.back() = static_cast<std::uint8_t>(*log.startup_locality);
      at = values.emplace(event.pcr, std::move(initial)).first;
    }
    at->second = algorithm->extend(at->second, digest);
  }
  return values;
}

}  // namespace mintmark::attest::eventlog
