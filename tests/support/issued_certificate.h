// Certificates of a test's own authorities, with any name, key and extension: what makers of
// devices have.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace mintmark::test {

using Pair = std::shared_ptr<EVP_PKEY>;
/// "P-256", "P-384", "RSA" (2048 bits), "RSA-wide" (the same, its exponent of 33), "RSA-short"
/// (1024), "ED25519", "ED448". Throws where OpenSSL fails, as all here.
[[nodiscard]] Pair new_pair(const std::string& kind);

struct IssuedCertificate {
  /// {"CN", "SEV-VCEK"}, …, as they stand in the certificate.
  std::vector<std::pair<std::string, std::string>> subject = {};
  Pair key = nullptr;
  bool ca = false;
  std::string key_usage = {};  ///< "critical,digitalSignature"; "": none.
  /// Dotted number and content.
  std::vector<std::pair<std::string, Bytes>> extensions = {};
  long serial = 1;
  Moment not_before = from_unix(1'700'000'000);
  Moment not_after = from_unix(2'000'000'000);
};

struct Issuer {
  std::shared_ptr<X509> certificate = nullptr;  ///< nullptr: self-signed.
  Pair key = nullptr;
  bool pss = false;  ///< RSASSA-PSS with SHA-384, as AMD signs; else the key's usual, SHA-256.
};

[[nodiscard]] std::shared_ptr<X509> issue(const IssuedCertificate& of, const Issuer& by);
[[nodiscard]] Bytes der_of(const X509* certificate);
[[nodiscard]] std::string pem_text_of(const X509* certificate);
/// DER of a CRL that lists those serial numbers.
[[nodiscard]] Bytes issue_crl(const Issuer& by, const std::vector<long>& revoked,
                              Moment this_update, Moment next_update);
/// DER encodings: INTEGER (one octet of content or two), IA5String, OCTET STRING, SEQUENCE of what
/// is given, OBJECT IDENTIFIER.
[[nodiscard]] Bytes der_integer(unsigned value);
[[nodiscard]] Bytes der_text(const std::string& text);
[[nodiscard]] Bytes der_octets(BytesView octets);
[[nodiscard]] Bytes der_sequence(const std::vector<Bytes>& parts);
[[nodiscard]] Bytes der_oid(const std::string& dotted);
/// ECDSA over the octets by the hash of the curve's size: r || s, big-endian.
[[nodiscard]] Bytes sign_raw(EVP_PKEY* key, BytesView octets);

}  // namespace mintmark::test
