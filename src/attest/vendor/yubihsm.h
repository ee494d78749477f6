// Attestation certificates of a YubiHSM 2: X.509 over the key's public half, signed by the device's
// attestation key, with what the device says of the key in extensions of Yubico's arc
// 1.3.6.1.4.1.41482.4 (developers.yubico.com/YubiHSM2/Concepts/Attestation.html):
//
//   .1 firmware version  OCTET STRING, 3 octets: major, minor, patch
//   .2 serial number     INTEGER
//   .3 origin            BIT STRING, 8 bits: 0x01 generated, 0x02 imported, 0x10 imported wrapped
//   .4 domains           BIT STRING, 16 bits
//   .5 capabilities      BIT STRING, 64 bits, big-endian; bit 16: exportable-under-wrap
//   .6 object id         INTEGER
//   .9 label             UTF8String
//
// As seen on certificates of firmware 2.4; not tried by us on a device.
#pragma once

#include "attest/vendor/vendor.h"

namespace mintmark::attest::vendor {

inline constexpr std::string_view yubihsm_kind = "yubihsm-attestation";

/// See Verifier. `facts`: {"certificates": [DER, base64url; the key's own first]}. All seven
/// extensions must stand, once and readable: what is not said is not taken as good. The origin must
/// be "generated" alone.
[[nodiscard]] Result<Statement> verify_yubihsm(const Json& facts, std::string_view kid,
                                               const tpm2::EkTrust& roots, Moment now);

}  // namespace mintmark::attest::vendor
