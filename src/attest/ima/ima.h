// Runtime measurements of Linux's Integrity Measurement Architecture (Linux,
// Documentation/security/IMA-templates.rst; security/integrity/ima/ima_fs.c): each file that the
// kernel's policy measured, held against PCR 10.
#pragma once

#include <string>
#include <vector>

#include "attest/bank.h"
#include "attest/boot_record.h"
#include "base/bytes.h"

namespace mintmark::attest::ima {

inline constexpr std::size_t most_octets = 16U << 20U;
inline constexpr std::size_t most_entries = 262'144;

struct Entry {
  std::uint32_t pcr = 0;
  std::string log_template;  ///< "ima-ng"
  Bytes listed;              ///< Template hash as listed; SHA-1 as a rule.
  /// A file changed while it was measured: listed with zeros, extended as ones.
  bool violation = false;
  /// What the template hash is taken over; empty where the listing does not say it (an unknown
  /// template in ASCII).
  Bytes hashed;
  std::string
      path;  ///< "" where the template has none that is known; escaped where it is no UTF-8.
  std::string digest;  ///< "sha256:HEX"
};

struct Log {
  std::vector<Entry> entries;
  /// The last entry was cut off: the log was being written, or read in part.
  bool cut = false;
};

/// Reads `binary_runtime_measurements` (little endian) or `ascii_runtime_measurements`. An entry
/// that is cut off at the end is left away. `ima_malformed` (with offset or line), `ima_too_long`.
[[nodiscard]] Result<Log> parse(BytesView octets);

/// Extends entry after entry until the value is the quoted one; entries behind it are counted and
/// not believed. For another bank than SHA-1 template hashes are those of the bank, or those of
/// SHA-1 filled up with zeros as kernels before 5.8 extended them; one way for the whole log.
/// `ima_replay`: no part of the log makes it (the kernel may be between log and TPM: it may be
/// tried again), or PCR 10 was never extended; `eventlog_bank`: the bank is unknown.
[[nodiscard]] Result<ImaSummary> judge(const Log& log, const std::string& bank,
                                       BytesView quoted_pcr10);

}  // namespace mintmark::attest::ima
