// The log of what firmware and boot loader measured (TCG PC Client Platform Firmware Profile 1.06,
// §10; the log of a TD: Intel GHCI, ACPI table CCEL). What stands in it is what a stranger says
// until it was replayed to quoted PCRs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/bank.h"
#include "base/bytes.h"

namespace mintmark::attest::eventlog {

inline constexpr std::size_t most_octets = 4U << 20U;
inline constexpr std::size_t most_events = 16'384;
inline constexpr std::size_t most_algorithms = 16;

/// One digest of an event; the octets are the log's.
struct EventDigest {
  std::uint16_t algorithm = 0;
  BytesView value;
};

struct Event {
  std::uint32_t number = 0;  ///< From 0, the header included.
  std::size_t offset = 0;    ///< Where it begins in the log.
  std::uint32_t pcr = 0;     ///< Of a TD: the measurement register, 1 for RTMR0.
  std::uint32_t type = 0;
  std::vector<EventDigest> digests;
  BytesView data;  ///< The log's octets.

  /// Empty where the event has none of that bank.
  [[nodiscard]] BytesView digest(const Bank& bank) const;
  /// False of EV_NO_ACTION, which no PCR hears of (§10.4.2).
  [[nodiscard]] bool extends() const;
};

/// An algorithm that the log's header declares.
struct Algorithm {
  std::uint16_t id = 0;
  std::size_t size = 0;
  const Bank* bank = nullptr;  ///< Null: unknown to us; its digests are passed over.
};

/// Owns the octets that its events look at: it moves and is never copied.
struct Log {
  Log() = default;
  Log(Log&&) noexcept = default;
  Log& operator=(Log&&) noexcept = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() = default;

  Bytes octets;
  bool crypto_agile = false;  ///< Otherwise the form before TPM 2.0, SHA-1 alone.
  /// The header says that it is a TD's (CCEL): registers instead of PCRs. The log's own word.
  bool of_td = false;
  std::vector<Algorithm> algorithms;
  std::vector<Event> events;
  std::size_t padding = 0;  ///< Octets of fill behind the last event.
  std::optional<unsigned> startup_locality;
};

/// Reads a log in any of its forms. `eventlog_malformed` (with the offset), `eventlog_too_long`.
[[nodiscard]] Result<Log> parse(BytesView octets);

/// The values of the PCRs that have events in that bank, after all events; empty where the bank is
/// unknown.
[[nodiscard]] std::map<unsigned, Bytes> replay(const Log& log, std::string_view bank);

}  // namespace mintmark::attest::eventlog
