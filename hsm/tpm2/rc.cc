#include "hsm/tpm2/rc.h"

#include <tss2/tss2_rc.h>
#include <tss2/tss2_tpm2_types.h>

#include <string>

namespace mintmark::hsm::tpm2 {
namespace {

constexpr TSS2_RC layer_mask = 0xFF0000;
constexpr TSS2_RC format_one = TPM2_RC_FMT1;
constexpr TSS2_RC parameter_bit = TPM2_RC_P;

// A resource manager passes the TPM's answers on with a layer of its own.
bool is_from_tpm(TSS2_RC rc) {
  const TSS2_RC layer = rc & layer_mask;
  return layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER;
}

bool is_memory_full(TSS2_RC rc) {
  switch (bare(rc)) {
    case TPM2_RC_OBJECT_MEMORY:
    case TPM2_RC_SESSION_MEMORY:
    case TPM2_RC_OBJECT_HANDLES:
    case TPM2_RC_SESSION_HANDLES:
      return true;
    default:
      return false;
  }
}

Code code_of(TSS2_RC rc, Code otherwise) {
  if ((rc & layer_mask) == TSS2_TCTI_RC_LAYER) return Code::tpm_unavailable;
  // The connection was lost in an earlier call that could tell nobody: nothing was sent now.
  if (rc == TSS2_ESYS_RC_BAD_SEQUENCE) return Code::tpm_unavailable;
  if (is_from_tpm(rc) && is_memory_full(rc)) return Code::tpm_memory_full;
  return otherwise;
}

}  // namespace

TSS2_RC bare(TSS2_RC rc) {
  if (!is_from_tpm(rc)) return rc;
  return (rc & format_one) != 0 ? rc & (format_one | 0x3FU) : rc & 0xFFFU;
}

bool spoils_connection(TSS2_RC rc) {
  return rc != TSS2_RC_SUCCESS && !is_from_tpm(rc) && (rc & layer_mask) != TSS2_RESMGR_RC_LAYER;
}

bool is_of_spoilt_connection(const Error& error) {
  return error.code == Code::tpm_failed && spoils_connection(static_cast<TSS2_RC>(error.native));
}

bool is_about_parameter(TSS2_RC rc) {
  return is_from_tpm(rc) && (rc & format_one) != 0 && (rc & parameter_bit) != 0;
}

tl::unexpected<Error> tpm_refusal(const char* command, TSS2_RC rc, Code code) {
  const Code precise = code_of(rc, code);
  std::string detail = std::string(command) + ": " + Tss2_RC_Decode(rc);
  if (precise == Code::tpm_memory_full) {
    detail +=
        "; other programs left objects in the TPM: use a resource manager (/dev/tpmrm0), or see "
        "tpm2_flushcontext";
  }
  return fail(precise, std::move(detail), rc);
}

}  // namespace mintmark::hsm::tpm2
