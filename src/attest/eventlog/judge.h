// A log against the PCR values that a TPM signed: what of it happened.
#pragma once

#include "attest/boot_record.h"
#include "attest/eventlog/log.h"

namespace mintmark::attest::eventlog {

/// Which PCRs are known to be as the log says.
using Covered = std::map<unsigned, bool>;

/// Replays the log in that bank and holds it against the quoted values (PCR -> octets). The PCRs
/// that firmware and boot loaders own (0 to 9, 12 to 14) must be what the log makes of them, and
/// have their initial value where it has no event; the others, which a running system goes on
/// extending, may differ, and then nothing of theirs is believed; PCR 11 may be further by the
/// words of systemd's phases. Facts come from quoted PCRs alone. The record's members of the
/// quote's clock and of IMA are left as they are. Always of a TPM: a log that calls itself a TD's
/// is read as a TPM's. `eventlog_bank`: the log has no digests of that bank; `eventlog_replay`:
/// names the PCR and both values; an extension between quote and reading looks the same, so it may
/// be tried again.
[[nodiscard]] Result<BootRecord> judge(const Log& log, const std::string& bank,
                                       const std::map<unsigned, Bytes>& quoted);

/// What the log says of itself, for people and offline: nobody vouches for any of it.
/// `eventlog_bank`
[[nodiscard]] Result<BootRecord> as_it_says(const Log& log, const std::string& bank);

}  // namespace mintmark::attest::eventlog
