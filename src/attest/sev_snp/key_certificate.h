// Certificates of the keys that sign reports (AMD 57230, VCEK Certificate and KDS Interface), and
// the table that a host hands its guest (AMD 56421, GHCB, SNP Extended Guest Request). Pure;
// thread-safe.
#pragma once

#include <vector>

#include "attest/sev_snp/report.h"
#include "attest/x509/certificate.h"

namespace mintmark::attest::sev_snp {

inline constexpr std::size_t longest_table = 64U << 10U;

/// The certificates of a GUID table, DER, in its order; entries of other GUIDs are passed over, and
/// so is what stands behind the table's end. `snp_certificates_malformed`.
[[nodiscard]] Result<std::vector<Bytes>> certificates_in_table(BytesView table);
/// Whether the octets begin as such a table does.
[[nodiscard]] bool looks_like_table(BytesView octets);

/// A VCEK's or VLEK's certificate, and what its extensions say.
struct KeyCertificate {
  x509::Certificate certificate;
  SigningKey kind = SigningKey::vcek;
  std::string product;  ///< The line: "Milan", "Genoa", "Turin".
  Tcb tcb{};            ///< In the order that this product's reports have.
  Bytes hwid;           ///< VCEK: 64 octets, 8 from Turin on.
  std::string csp_id;   ///< VLEK: the provider that it was made for.
};

/// Whether it has the product's name that both kinds have: no authority's has.
[[nodiscard]] bool is_key_certificate(const X509* certificate);
/// `snp_key_certificate` (an extension is missing, stands twice, or is none of AMD's; no P-384 key;
/// subject), `snp_product` (of no product whose TCB is known here).
[[nodiscard]] Result<KeyCertificate> read_key_certificate(x509::Certificate certificate);

/// What the report's processor is, by its family and model; "" where it is not known.
[[nodiscard]] std::string product_of(const Report& report);

}  // namespace mintmark::attest::sev_snp
