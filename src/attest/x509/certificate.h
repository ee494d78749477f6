// One X.509 certificate as strangers send it: bounded, whole; what it says in words.
#pragma once

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace mintmark::attest::x509 {

struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_CRL* crl) const { X509_CRL_free(crl); }
  void operator()(STACK_OF(X509_CRL) * crls) const { sk_X509_CRL_free(crls); }
};
using Certificate = std::unique_ptr<X509, FreeX509>;
using Crl = std::unique_ptr<X509_CRL, FreeX509>;

inline constexpr std::size_t longest_certificate = 8192;
/// Certificates that may be offered beside a leaf.
inline constexpr std::size_t most_offered = 8;

/// Up to the end that the outer SEQUENCE names, where all behind it is 0xFF or all is 0x00: NV
/// indexes are filled so. Otherwise the octets as they are.
[[nodiscard]] BytesView without_padding(BytesView der);

/// One certificate of at most `longest_certificate` octets, padding apart, and nothing behind it;
/// an extension that stands twice or cannot be read makes it none. `why` gets the reason, if asked.
[[nodiscard]] Certificate parse_certificate(BytesView der, std::string* why = nullptr);

/// Of a kind that some profile has, on a curve with a name, RSA to 4,096 bits with an exponent of
/// 32: so that verifying with a stranger's key costs little. OpenSSL bounds RSA at 16,384 bits, and
/// DSA hardly at all.
[[nodiscard]] bool has_bounded_key(const X509* certificate);

/// RFC 4514, bounded and printable; "(empty name)", "(a name that cannot be shown)". For people.
[[nodiscard]] std::string name_text(const X509_NAME* name);
/// hex SHA-256 of the DER.
[[nodiscard]] std::string digest_of(const X509* certificate);
/// SubjectPublicKeyInfo, DER; empty if OpenSSL cannot encode it.
[[nodiscard]] Bytes spki_of(const X509* certificate);
/// Where its issuer's certificate is published (authorityInfoAccess, caIssuers); "" if it does not
/// say. Never fetched: a stranger would choose whom we call.
[[nodiscard]] std::string issuer_url(const X509* certificate);
/// The extended key usages as dotted numbers; nothing where the extension is absent, none where it
/// cannot be read.
[[nodiscard]] std::optional<std::vector<std::string>> extended_key_usages(const X509* certificate);
[[nodiscard]] std::string dotted(const ASN1_OBJECT* object);
/// Whether the object is the one of that dotted number. Needs no memory of OpenSSL's, nor does what
/// follows: what must not stand in a certificate is not overlooked for lack of it.
[[nodiscard]] bool is_numbered(const ASN1_OBJECT* object, const std::string& oid);
/// Its extensions of that number, in their order; views into the certificate.
[[nodiscard]] std::vector<X509_EXTENSION*> extensions_numbered(const X509* certificate,
                                                               const std::string& oid);
/// An extension's content; a view into the certificate.
[[nodiscard]] BytesView content_of(X509_EXTENSION* extension);
/// basicConstraints or key usage make it an authority's.
[[nodiscard]] bool is_authority(X509* certificate);

}  // namespace mintmark::attest::x509
