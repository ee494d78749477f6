// TPM structures as strangers send them: bounded, whole, canonical. tss2-mu does the parsing.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "base/bytes.h"
#include "base/error.h"

namespace mintmark::attest::tpm2 {

/// The longest octets of any structure taken here; the largest real one (RSA-4096 with its
/// certificate) stays far below.
inline constexpr std::size_t longest_structure = 4096;

/// A public area and its name (TPM 2.0 Part 1, 16: nameAlg || digest of TPMT_PUBLIC).
struct PublicArea {
  TPMT_PUBLIC area{};
  Bytes name;
};

/// TPM2B_PUBLIC (Part 2, 12.2.5): the size must be that of what follows, and what follows must be
/// what marshalling gives back. `tpm_structure` names which.
[[nodiscard]] Result<PublicArea> parse_public(BytesView tpm2b, const char* what);
/// TPMS_ATTEST (Part 2, 10.12.8), without a size before it.
[[nodiscard]] Result<TPMS_ATTEST> parse_attest(BytesView octets, const char* what);
/// TPMT_SIGNATURE (Part 2, 11.3.4).
[[nodiscard]] Result<TPMT_SIGNATURE> parse_signature(BytesView octets, const char* what);

struct CreationData {
  TPMS_CREATION_DATA data{};
  Bytes octets;  ///< TPMS_CREATION_DATA, which the creation hash is over.
};
/// TPMS_CREATION_DATA (Part 2, 15.1), or TPM2B_CREATION_DATA around it.
[[nodiscard]] Result<CreationData> parse_creation(BytesView octets, const char* what);

[[nodiscard]] inline BytesView view_of(const TPM2B_DATA& data) { return {data.buffer, data.size}; }
[[nodiscard]] inline BytesView view_of(const TPM2B_NAME& name) { return {name.name, name.size}; }
[[nodiscard]] inline BytesView view_of(const TPM2B_DIGEST& digest) {
  return {digest.buffer, digest.size};
}

}  // namespace mintmark::attest::tpm2
