// Device identity certificates (IEEE 802.1AR-2018 §8: IDevID, LDevID; TCG TPM 2.0 Keys for Device
// Identity and Attestation). Pure; thread-safe.
#pragma once

#include "attest/x509/chain.h"
#include "base/time.h"

namespace mintmark::attest::x509 {

/// hardwareModuleName (RFC 4108 §5): who made the module, and which one it is.
struct HardwareModule {
  std::string type;    ///< Dotted number.
  std::string serial;  ///< As text where it is printable, else hexadecimal.
};

/// A checked device identity.
struct DeviceIdentity {
  Bytes spki;               ///< SubjectPublicKeyInfo, DER.
  std::string certificate;  ///< hex SHA-256
  std::string subject;      ///< RFC 4514
  /// Its first organizationName, bounded and printable; "" where it has none.
  std::string organisation;
  Chain chain;
  std::optional<HardwareModule> module;
  std::vector<std::string> policies;  ///< Dotted numbers of its certificate policies.
};

/// A leaf with padding or without, `offered` to help to a root. Errors: `certificate_chain_invalid`
/// (no certificate, too many, too large a key), `certificate_untrusted_root`,
/// `certificate_expired`, `certificate_not_yet_valid`, `certificate_signature`,
/// `certificate_unhandled_critical`, `certificate_revoked`, `certificate_is_ca`,
/// `certificate_usage` (key usage must hold digitalSignature), `certificate_names` (neither a
/// subject nor a hardwareModuleName), `certificate_key_unsupported`.
[[nodiscard]] Result<DeviceIdentity> check_device_identity(BytesView der,
                                                           const std::vector<Bytes>& offered,
                                                           const Trust& trust, Moment now);

/// Nothing where the certificate has none, or one that cannot be read.
[[nodiscard]] std::optional<HardwareModule> hardware_module_of(const X509* certificate);
[[nodiscard]] std::vector<std::string> policies_of(const X509* certificate);

}  // namespace mintmark::attest::x509
