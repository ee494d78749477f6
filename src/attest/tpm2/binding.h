// What ties evidence to one enrolment: the extraData of TPM2_Certify and TPM2_Quote.
#pragma once

#include <string_view>

#include "attest/binding.h"
#include "base/bytes.h"

namespace mintmark::attest::tpm2 {

/// SHA-256 over label, issuer, ticket, EK SubjectPublicKeyInfo (DER), AK name and device key name,
/// each preceded by its length (u32, big-endian), so that no two different inputs run together.
/// Device and issuer compute it alike (docs/http-api.md).
[[nodiscard]] Sha256 binding_of(std::string_view issuer, std::string_view ticket, BytesView ek_spki,
                                BytesView ak_name, BytesView device_name);

}  // namespace mintmark::attest::tpm2
