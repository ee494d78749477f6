#include "attest/x509/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "attest/x509/extension.h"
#include "base/text.h"

namespace mintmark::attest::x509 {
namespace {

constexpr int longest_rsa = 4096;
constexpr int longest_exponent = 32;
constexpr std::size_t longest_name = 300;
constexpr std::size_t longest_url = 200;
constexpr int most_usages = 32;
constexpr std::size_t longest_oid = 64;  // In DER.

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

bool is_known_kind(const EVP_PKEY* key) {
  constexpr std::array kinds = {"RSA",   "RSA-PSS",   "EC",        "ED25519",
                                "ED448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"};
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const char* kind) { return EVP_PKEY_is_a(key, kind) == 1; });
}

// A curve of the sender's own making, whose generator makes any public key his (CVE-2020-0601).
bool has_own_curve(const EVP_PKEY* key) {
  int explicitly = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                                 &explicitly) != 1 ||
          explicitly != 0);
}

}  // namespace

BytesView without_padding(BytesView der) {
  if (der.size() < 4 || der[0] != 0x30 || der[1] != 0x82) return der;
  const std::size_t length = 4 + (static_cast<std::size_t>(der[2]) << 8U | der[3]);
  if (length >= der.size()) return der;
  const std::uint8_t filler = der[length];
  if (filler != 0xFF && filler != 0x00) return der;
  for (const std::uint8_t octet : der.subspan(length)) {
    if (octet != filler) return der;
  }
  return der.first(length);
}

Certificate parse_certificate(BytesView padded, std::string* why) {
  std::string ignored;
  std::string& reason = why == nullptr ? ignored : *why;
  const BytesView der = without_padding(padded);
  if (der.empty() || der.size() > longest_certificate) {
    reason = "the certificate has an impossible size";
    return nullptr;
  }
  const std::uint8_t* at = der.data();
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  const bool whole = certificate && at == der.data() + der.size();
  // OpenSSL finds no issuer for such a certificate, which would send people to look for a root.
  const bool readable =
      whole && (X509_get_extension_flags(certificate.get()) & EXFLAG_INVALID) == 0;
  ERR_clear_error();
  if (readable) return certificate;
  reason = whole ? "an extension stands twice in the certificate or cannot be read"
                 : "not one DER certificate";
  return nullptr;
}

bool has_bounded_key(const X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  // No profile of ours has keys of other kinds, and OpenSSL bounds some of them loosely (DSA).
  bool bounded = key != nullptr && is_known_kind(key) && !has_own_curve(key);
  if (bounded && (EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1)) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &number);
    const Owned<BIGNUM> exponent(number);
    bounded = EVP_PKEY_get_bits(key) <= longest_rsa && exponent &&
              BN_num_bits(exponent.get()) <= longest_exponent;
  }
  ERR_clear_error();
  return bounded;
}

std::string name_text(const X509_NAME* name) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  if (!bio ||
      X509_NAME_print_ex(bio.get(), name, 0,
                         XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB)) < 0)
    return "(a name that cannot be shown)";
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  if (length <= 0) return "(empty name)";
  const std::string_view printed(text, static_cast<std::size_t>(length));
  return is_utf8(printed) ? printable(printed, longest_name) : "(a name that is no UTF-8)";
}

std::string digest_of(const X509* certificate) {
  // X509_digest needs memory, and what was refused by its digest would go unknown without.
  Bytes der(static_cast<std::size_t>(std::max(0, i2d_X509(certificate, nullptr))));
  std::uint8_t* at = der.data();
  i2d_X509(certificate, &at);
  return to_hex(sha256(der));
}

Bytes spki_of(const X509* certificate) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &octets);
  Bytes spki;
  if (length > 0) spki.assign(octets, octets + length);
  OPENSSL_free(octets);
  return spki;
}

std::string issuer_url(const X509* certificate) {
  const auto access = extension<AUTHORITY_INFO_ACCESS>(certificate, NID_info_access);
  for (int i = 0; access && i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
    const ACCESS_DESCRIPTION* one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
    if (OBJ_obj2nid(one->method) != NID_ad_ca_issuers || one->location->type != GEN_URI) continue;
    const ASN1_STRING* url = one->location->d.uniformResourceIdentifier;
    return printable(
        as_text({ASN1_STRING_get0_data(url), static_cast<std::size_t>(ASN1_STRING_length(url))}),
        longest_url);
  }
  return {};
}

std::string dotted(const ASN1_OBJECT* object) {
  std::array<char, 128> text{};
  OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  return text.data();
}

bool is_numbered(const ASN1_OBJECT* object, const std::string& oid) {
  std::array<std::uint8_t, longest_oid> wanted{};
  const int length =
      a2d_ASN1_OBJECT(wanted.data(), static_cast<int>(wanted.size()), oid.c_str(), -1);
  return length > 0 && OBJ_length(object) == static_cast<std::size_t>(length) &&
         std::equal(wanted.begin(), wanted.begin() + length, OBJ_get0_data(object));
}

std::vector<X509_EXTENSION*> extensions_numbered(const X509* certificate, const std::string& oid) {
  std::vector<X509_EXTENSION*> found;
  for (int i = 0; i < X509_get_ext_count(certificate); ++i) {
    X509_EXTENSION* one = X509_get_ext(certificate, i);
    if (is_numbered(X509_EXTENSION_get_object(one), oid)) found.push_back(one);
  }
  return found;
}

BytesView content_of(X509_EXTENSION* extension) {
  const ASN1_OCTET_STRING* octets = X509_EXTENSION_get_data(extension);
  return {ASN1_STRING_get0_data(octets), static_cast<std::size_t>(ASN1_STRING_length(octets))};
}

std::optional<std::vector<std::string>> extended_key_usages(const X509* certificate) {
  const auto usages = extension<EXTENDED_KEY_USAGE>(certificate, NID_ext_key_usage);
  if (!usages && X509_get_ext_by_NID(certificate, NID_ext_key_usage, -1) < 0) return std::nullopt;
  std::vector<std::string> found;
  for (int i = 0; usages && i < sk_ASN1_OBJECT_num(usages.get()) && i < most_usages; ++i)
    found.push_back(dotted(sk_ASN1_OBJECT_value(usages.get(), i)));
  return found;
}

bool is_authority(X509* certificate) {
  // Both: X509_check_ca lets basicConstraints say CA where key usage does not say keyCertSign.
  return X509_check_ca(certificate) != 0 ||
         (X509_get_extension_flags(certificate) & EXFLAG_CA) != 0;
}

}  // namespace mintmark::attest::x509
