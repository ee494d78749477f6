// What a TPM's machine booted, from the quote and the logs that came with it.
#pragma once

#include "attest/boot_record.h"
#include "attest/tpm2/quote.h"
#include "attest/tpm2/structures.h"

namespace mintmark::attest::tpm2 {

/// The logs as they came; empty: none.
struct Logs {
  Bytes event_log;  ///< Of the firmware (TCG PC Client PFP), any of its forms.
  Bytes ima_log;    ///< Of the kernel, binary or ASCII.
};

/// `quoted` and `values` have been checked. A log that is not what was quoted makes no error here:
/// nothing of it is taken, and the record says why, for policy to judge.
[[nodiscard]] BootRecord boot_record_of(const TPMS_ATTEST& quoted, const PcrSelection& selection,
                                        const PcrValues& values, const Logs& logs);

}  // namespace mintmark::attest::tpm2
