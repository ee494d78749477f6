// Intel's certificates of platforms: SGX PCK certificates and what their extension says (Intel SGX
// PCK Certificate and CRL Profile Specification, §1.3.5). Pure; thread-safe.
#pragma once

#include <array>
#include <string>

#include "attest/x509/certificate.h"
#include "base/bytes.h"

namespace mintmark::attest::tdx {

struct Pck {
  std::array<std::uint8_t, 6> fmspc{};  ///< Family, model, stepping, platform, custom SKU.
  std::array<std::uint8_t, 2> pce_id{};
  std::array<std::uint8_t, 16> components{};  ///< SVNs of the SGX TCB.
  std::uint16_t pce_svn = 0;
  std::array<std::uint8_t, 16> cpu_svn{};
};

/// `tdx_pck_certificate`: no extension 1.2.840.113741.1.13.1, two of them, or one without these
/// fields; an authority's certificate.
[[nodiscard]] Result<Pck> read_pck(X509* certificate);

}  // namespace mintmark::attest::tdx
