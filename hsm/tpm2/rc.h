// TSS2_RC in our words.
#pragma once

#include <tss2/tss2_common.h>

#include "base/error.h"

namespace mintmark::hsm::tpm2 {

/// A TPM's answer without its layer and without the number of the handle, session or parameter that
/// it is about (TPM 2.0 Part 2, 6.6), to compare with TPM2_RC_….
[[nodiscard]] TSS2_RC bare(TSS2_RC rc);
/// True if it is no answer of the TPM (or of a resource manager in its name): ESAPI's context is of
/// no use after it.
[[nodiscard]] bool spoils_connection(TSS2_RC rc);
/// True if that is what the error tells. The same response code may be of octets that a stranger
/// sent and that cannot be read (the error's code is another then): no harm to the connection.
[[nodiscard]] bool is_of_spoilt_connection(const Error& error);
/// True if the TPM itself refused one of the command's parameters.
[[nodiscard]] bool is_about_parameter(TSS2_RC rc);

/// `tpm_memory_full` and `tpm_unavailable` where rc says so, else `code`. `command` as the standard
/// names it.
[[nodiscard]] tl::unexpected<Error> tpm_refusal(const char* command, TSS2_RC rc,
                                                Code code = Code::tpm_failed);

}  // namespace mintmark::hsm::tpm2
