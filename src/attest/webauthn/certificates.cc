#include "attest/webauthn/certificates.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "attest/tpm2/ek_profile.h"

namespace mintmark::attest::webauthn {
namespace {

constexpr const char* oid_aaguid = "1.3.6.1.4.1.45724.1.1.4";
constexpr const char* oid_apple_nonce = "1.2.840.113635.100.8.2";
constexpr const char* oid_key_description = "1.3.6.1.4.1.11129.2.1.17";
constexpr const char* arc_of_tcg = "2.23.133.";

struct AppleNonce {
  ASN1_OCTET_STRING* nonce;
};
// NOLINTBEGIN: OpenSSL's macros.
ASN1_SEQUENCE(AppleNonce) =
    {
        ASN1_EXP(AppleNonce, nonce, ASN1_OCTET_STRING, 1),
} static_ASN1_SEQUENCE_END(AppleNonce)
    // NOLINTEND

    struct Free {
  void operator()(ASN1_OCTET_STRING* octets) const { ASN1_OCTET_STRING_free(octets); }
  void operator()(AppleNonce* nonce) const {
    ASN1_item_free(reinterpret_cast<ASN1_VALUE*>(nonce), ASN1_ITEM_rptr(AppleNonce));
  }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> refused(const std::string& why) {
  return fail(Code::webauthn_certificate, "the attestation certificate " + why);
}

X509_EXTENSION* find_extension(const X509* certificate, const char* oid) {
  const auto found = x509::extensions_numbered(certificate, oid);
  return found.empty() ? nullptr : found.front();
}

BytesView view_of(const ASN1_STRING* text) {
  return {ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text))};
}

/// The one value of that kind in the subject; "" where there is none, or more than one.
std::string_view subject_value(const X509* leaf, int nid) {
  const X509_NAME* subject = X509_get_subject_name(leaf);
  const int at = X509_NAME_get_index_by_NID(subject, nid, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, nid, at) >= 0) return {};
  return as_text(view_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
}

}  // namespace

std::optional<BytesView> extension_of(const X509* certificate, const char* oid) {
  X509_EXTENSION* extension = find_extension(certificate, oid);
  if (extension == nullptr) return std::nullopt;
  return x509::content_of(extension);
}

EVP_PKEY* key_of(const Certificates& certificates) {
  return X509_get0_pubkey(certificates.leaf.get());
}

Result<Certificates> read_x5c(const cbor::Value& statement, Code malformed) {
  const auto x5c = statement.find("x5c");
  if (!x5c || !x5c->is_array() || x5c->size() == 0 || x5c->size() > x509::most_offered + 1)
    return fail(malformed, "\"x5c\" must be an array of 1 to 9 certificates");
  Certificates certificates;
  for (std::size_t i = 0; i < x5c->size(); ++i) {
    const cbor::Value one = x5c->at(i);
    const auto der = one.octets();
    if (!der) return fail(malformed, "\"x5c\" must hold octets");
    std::string why;
    x509::Certificate certificate = x509::parse_certificate(*der, &why);
    if (!certificate) return fail(malformed, "\"x5c\": " + why);
    if (!x509::has_bounded_key(certificate.get()))
      return fail(malformed, "\"x5c\": the key of a certificate is too large, or of no known kind");
    if (i == 0)
      certificates.leaf = std::move(certificate);
    else
      certificates.offered.push_back(std::move(certificate));
  }
  return certificates;
}

std::optional<Bytes> apple_nonce_of(const X509* certificate) {
  const auto content = extension_of(certificate, oid_apple_nonce);
  if (!content) return std::nullopt;
  const std::uint8_t* at = content->data();
  const Owned<AppleNonce> parsed(reinterpret_cast<AppleNonce*>(
      ASN1_item_d2i(nullptr, &at, static_cast<long>(content->size()), ASN1_ITEM_rptr(AppleNonce))));
  ERR_clear_error();
  if (!parsed || at != content->data() + content->size()) return std::nullopt;
  return to_bytes(view_of(parsed->nonce));
}

bool is_android_keys(const X509* leaf) {
  return find_extension(leaf, oid_key_description) != nullptr;
}

bool is_tpm_keys(const X509* leaf) {
  if (tpm2::tpm_names_of(leaf)) return true;
  const auto usages = x509::extended_key_usages(leaf);
  return usages && std::any_of(usages->begin(), usages->end(), [](const std::string& usage) {
           return usage.starts_with(arc_of_tcg);
         });
}

Result<void> check_attestation_certificate(X509* leaf) {
  if (X509_get_version(leaf) != X509_VERSION_3) return refused("must be of version 3");
  if (X509_get_ext_by_NID(leaf, NID_basic_constraints, -1) < 0 || x509::is_authority(leaf))
    return refused("must have basicConstraints that say it is no authority's");
  if (is_android_keys(leaf)) return refused("is an Android key's: such keys sign for any app");
  return {};
}

Result<void> check_packed_certificate(X509* leaf) {
  if (auto usual = check_attestation_certificate(leaf); !usual) return usual;
  if (is_tpm_keys(leaf)) return refused("is a TPM's: such keys attest for \"tpm\" alone");
  constexpr std::size_t country_code = 2;
  if (subject_value(leaf, NID_countryName).size() != country_code)
    return refused("must name a country of two letters (C)");
  if (subject_value(leaf, NID_organizationName).empty()) return refused("must name its maker (O)");
  if (subject_value(leaf, NID_organizationalUnitName) != "Authenticator Attestation")
    return refused("must have the unit \"Authenticator Attestation\" (OU)");
  if (subject_value(leaf, NID_commonName).empty()) return refused("must have a name (CN)");
  return {};
}

Result<bool> check_certified_aaguid(const X509* leaf, const Aaguid& aaguid) {
  X509_EXTENSION* extension = find_extension(leaf, oid_aaguid);
  if (extension == nullptr) return false;
  if (X509_EXTENSION_get_critical(extension) != 0)
    return refused("must not have a critical extension for the model (aaguid)");
  const BytesView content = x509::content_of(extension);
  const std::uint8_t* at = content.data();
  const Owned<ASN1_OCTET_STRING> certified(
      d2i_ASN1_OCTET_STRING(nullptr, &at, static_cast<long>(content.size())));
  ERR_clear_error();
  if (!certified || at != content.data() + content.size())
    return refused("has an extension for the model (aaguid) that cannot be read");
  const BytesView value = view_of(certified.get());
  if (!std::equal(value.begin(), value.end(), aaguid.begin(), aaguid.end()))
    return fail(Code::webauthn_aaguid, "the certificate is of another model than the credential");
  return true;
}

}  // namespace mintmark::attest::webauthn
