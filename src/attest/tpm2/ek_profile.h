// What a certificate must say to be an EK's, and what a public area must have to be an EK's (TCG EK
// Credential Profile 2.5, 3.2 and B.3, B.4). For attest alone.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include <optional>
#include <string>

#include "attest/tpm2/endorsement.h"

namespace mintmark::attest::tpm2 {

/// RSA of 2048, 3072 or 4096 bits with exponent 65537, ECC on P-256 or P-384: what TCG's templates
/// have and OpenSSL can encrypt to. `ek_key_unsupported`.
[[nodiscard]] Result<EkKind> kind_of(const EVP_PKEY* key);

/// `ek_is_ca`, `ek_key_usage`, `ek_eku`, `ek_policies` (they cannot be read).
[[nodiscard]] Result<void> check_ek_usage(X509* leaf, EkKind kind);

/// Manufacturer, model and version as TCG's attributes 2.23.133.2.1 to .3 name them.
struct TpmNames {
  std::string manufacturer;  ///< "id:53544D20"
  std::string model;
  std::string version;
};
/// From the directory names of the subject alternative name; nothing where one of the three is
/// missing. A Google Compute Engine certificate of its private CA names the machine in an extension
/// of Google's own instead: then manufacturer and model are those of Google's other certificates.
[[nodiscard]] std::optional<TpmNames> tpm_names_of(const X509* certificate);

/// The machine that a Google Compute Engine certificate is for
/// (extension 1.3.6.1.4.1.11129.2.1.21).
[[nodiscard]] bool names_gce_instance(const X509* certificate);

/// "L-1", "L-2", "H-1" to "H-4", "H-6", "H-7": the template whose attributes, policy and parameters
/// the public area has, whatever its key; "" for none. Part B.3.3, B.4.
[[nodiscard]] std::string ek_template_of(const TPMT_PUBLIC& area);

}  // namespace mintmark::attest::tpm2
