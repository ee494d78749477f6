#include "attest/tpm2/endorsement.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstring>

#include "base/text.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr std::size_t longest_certificate = 8192;
constexpr std::size_t most_offered = 8;
constexpr int deepest_chain = 6;
constexpr int longest_offered_rsa = 4096;
constexpr int longest_offered_exponent = 32;
constexpr std::size_t longest_name = 300;
constexpr std::size_t longest_attribute = 128;
// OpenSSL's security level: 112 bits, so no SHA-1 and no RSA below 2048.
constexpr int auth_level = 2;
constexpr const char* eku_ek_certificate = "2.23.133.8.1";
constexpr const char* oid_manufacturer = "2.23.133.2.1";
constexpr const char* oid_model = "2.23.133.2.2";
constexpr const char* oid_version = "2.23.133.2.3";

struct Free {
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(EXTENDED_KEY_USAGE* usage) const { EXTENDED_KEY_USAGE_free(usage); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIGNUM> exponent_of(const EVP_PKEY* rsa) {
  BIGNUM* exponent = nullptr;
  EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_E, &exponent);
  return Owned<BIGNUM>(exponent);
}

std::string hex_digest(const X509* certificate) {
  std::array<std::uint8_t, 32> digest{};
  unsigned length = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &length);
  return to_hex(digest);
}

std::string text_of(const X509_NAME* name) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0,
                     XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  if (length <= 0) return "(empty name)";
  const std::string_view printed(text, static_cast<std::size_t>(length));
  return is_utf8(printed) ? printable(printed, longest_name) : "(a name that is no UTF-8)";
}

// The outer SEQUENCE says where the certificate ends; behind it NV indexes have 0xFF or zeros.
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

Result<Certificate> parse_certificate(BytesView der) {
  if (der.empty() || der.size() > longest_certificate)
    return fail(Code::ek_certificate_malformed, "the certificate has an impossible size");
  const std::uint8_t* at = der.data();
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  const bool whole = certificate && at == der.data() + der.size();
  // OpenSSL finds no issuer for such a certificate, which would send people to look for a root.
  const bool readable =
      whole && (X509_get_extension_flags(certificate.get()) & EXFLAG_INVALID) == 0;
  ERR_clear_error();
  if (!whole) return fail(Code::ek_certificate_malformed, "not one DER certificate");
  if (!readable)
    return fail(Code::ek_certificate_malformed,
                "an extension stands twice in the certificate or cannot be read");
  return certificate;
}

// OpenSSL refuses RSA only beyond 16,384 bits: what a stranger offers is bounded before arithmetic.
bool has_bounded_key(const X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr || EVP_PKEY_is_a(key, "RSA") != 1) return key != nullptr;
  const Owned<BIGNUM> exponent = exponent_of(key);
  return EVP_PKEY_get_bits(key) <= longest_offered_rsa && exponent &&
         BN_num_bits(exponent.get()) <= longest_offered_exponent;
}

Result<std::vector<Certificate>> parse_offered(const std::vector<Bytes>& chain) {
  if (chain.size() > most_offered)
    return fail(Code::ek_certificate_malformed,
                "more than " + std::to_string(most_offered) + " certificates offered");
  std::vector<Certificate> offered;
  for (const Bytes& octets : chain) {
    auto certificate = parse_certificate(without_padding(octets));
    if (!certificate) return pass_on(certificate);
    const bool bounded = has_bounded_key(certificate->get());
    ERR_clear_error();
    if (!bounded)
      return fail(Code::ek_chain_invalid, "an offered certificate has a key that is too large");
    offered.push_back(std::move(*certificate));
  }
  return offered;
}

tl::unexpected<Error> chain_error(X509_STORE_CTX* context) {
  const int error = X509_STORE_CTX_get_error(context);
  const X509* at = X509_STORE_CTX_get_current_cert(context);
  const std::string which =
      at == nullptr ? "the chain" : "\"" + text_of(X509_get_subject_name(at)) + "\"";
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return fail(Code::ek_untrusted_root,
                  "no trusted root vouches for this EK certificate: its chain ends at issuer \"" +
                      (at == nullptr ? "?" : text_of(X509_get_issuer_name(at))) +
                      "\"; the operator can add that issuer to enrolment.tpm2.roots");
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fail(Code::ek_expired, which + " has expired");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fail(Code::ek_not_yet_valid, which + " is not valid yet");
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return fail(Code::ek_signature, "the signature on " + which + " is wrong");
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return fail(Code::ek_unhandled_critical,
                  which + " has a critical extension that is not known here");
    default:
      return fail(Code::ek_chain_invalid, which + ": " + X509_verify_cert_error_string(error));
  }
}

// Gives the anchor's certificate.
Result<Certificate> check_chain(X509* leaf, const std::vector<Certificate>& offered,
                                const EkTrust& trust, Moment now) {
  const Owned<STACK_OF(X509)> helpers(sk_X509_new_null());
  for (const auto* certificates : {&trust.intermediates(), &offered}) {
    for (const Certificate& certificate : *certificates)
      sk_X509_push(helpers.get(), certificate.get());
  }
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), trust.anchors(), leaf, helpers.get()) != 1) {
    return fail(Code::internal, "OpenSSL could not begin a verification");
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, static_cast<time_t>(to_unix(now)));
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_depth(parameters, deepest_chain);
  X509_VERIFY_PARAM_set_auth_level(parameters, auth_level);
  const int verified = X509_verify_cert(context.get());
  ERR_clear_error();
  if (verified != 1) return chain_error(context.get());
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  X509* root = sk_X509_value(chain, sk_X509_num(chain) - 1);
  X509_up_ref(root);
  return Certificate(root);
}

Result<EkKind> kind_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    const Owned<BIGNUM> exponent = exponent_of(key);
    // The TCG templates L-1 and H-1: 2048 bits, default exponent.
    if (EVP_PKEY_get_bits(key) == 2048 && exponent && BN_is_word(exponent.get(), 65537) == 1)
      return EkKind::rsa2048;
  } else if (EVP_PKEY_is_a(key, "EC") == 1) {
    std::array<char, 64> group{};
    EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                   nullptr);
    if (std::strcmp(group.data(), SN_X9_62_prime256v1) == 0) return EkKind::ecc_p256;
    if (std::strcmp(group.data(), SN_secp384r1) == 0) return EkKind::ecc_p384;
  }
  return fail(Code::ek_key_unsupported,
              "the EK is neither RSA-2048 (exponent 65537) nor ECC P-256 nor P-384");
}

Result<void> check_usage(X509* leaf, EkKind kind) {
  // Both: X509_check_ca lets basicConstraints say CA where key usage does not say keyCertSign.
  if (X509_check_ca(leaf) != 0 || (X509_get_extension_flags(leaf) & EXFLAG_CA) != 0)
    return fail(Code::ek_is_ca, "an EK certificate is no CA's");
  const std::uint32_t wanted = kind == EkKind::rsa2048 ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
  if ((X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(leaf) & wanted) == 0) {
    return fail(Code::ek_key_usage,
                std::string("key usage must hold ") +
                    (kind == EkKind::rsa2048 ? "keyEncipherment" : "keyAgreement"));
  }
  const Owned<EXTENDED_KEY_USAGE> usages(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(leaf, NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; usages && i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    std::array<char, 80> oid{};
    OBJ_obj2txt(oid.data(), static_cast<int>(oid.size()), sk_ASN1_OBJECT_value(usages.get(), i), 1);
    if (std::strcmp(oid.data(), eku_ek_certificate) == 0) return {};
  }
  return fail(Code::ek_eku, "extended key usage must hold tcg-kp-EKCertificate (2.23.133.8.1)");
}

std::string attribute(const X509_NAME* name, const char* oid) {
  const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> object(OBJ_txt2obj(oid, 1),
                                                                         &ASN1_OBJECT_free);
  const int index = X509_NAME_get_index_by_OBJ(name, object.get(), -1);
  if (index < 0) return {};
  unsigned char* text = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (length < 0) return {};
  const std::string value(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
  OPENSSL_free(text);
  return value.size() <= longest_attribute && is_utf8(value) ? printable(value, longest_attribute)
                                                             : std::string();
}

// TCG EK Credential Profile §3.2.9: the names stand in a subject alternative name, critical where
// the subject is empty. OpenSSL counts that extension among those it handles and reads no directory
// name in it, so it must be read here; what else is critical and unknown OpenSSL has refused.
Result<void> read_names(X509* leaf, Endorsement& endorsement) {
  const Owned<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DIRNAME) continue;
    endorsement.manufacturer = attribute(name->d.directoryName, oid_manufacturer);
    endorsement.model = attribute(name->d.directoryName, oid_model);
    endorsement.version = attribute(name->d.directoryName, oid_version);
    if (!endorsement.manufacturer.empty() && !endorsement.model.empty() &&
        !endorsement.version.empty())
      return {};
  }
  return fail(Code::ek_names_missing,
              "the subject alternative name must give the TPM's manufacturer, model and version "
              "(2.23.133.2.1 to .3)");
}

}  // namespace

Result<Endorsement> check_endorsement(BytesView der, const std::vector<Bytes>& chain,
                                      const EkTrust& trust, Moment now) {
  auto leaf = parse_certificate(without_padding(der));
  if (!leaf) return pass_on(leaf);
  auto offered = parse_offered(chain);
  if (!offered) return pass_on(offered);
  // Sizes first: no arithmetic on a modulus that a stranger made enormous.
  const EVP_PKEY* key = X509_get0_pubkey(leaf->get());
  ERR_clear_error();
  if (key == nullptr)
    return fail(Code::ek_key_unsupported, "the EK certificate's key cannot be read");
  auto kind = kind_of(key);
  if (!kind) return pass_on(kind);
  auto root = check_chain(leaf->get(), *offered, trust, now);
  if (!root) return pass_on(root);
  if (auto usage = check_usage(leaf->get(), *kind); !usage) return pass_on(usage);

  Endorsement endorsement;
  if (auto names = read_names(leaf->get(), endorsement); !names) return pass_on(names);
  endorsement.kind = *kind;
  std::uint8_t* spki = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf->get()), &spki);
  if (length <= 0) return fail(Code::internal, "OpenSSL could not encode a key");
  endorsement.spki.assign(spki, spki + length);
  OPENSSL_free(spki);
  endorsement.key = std::shared_ptr<const EVP_PKEY>(
      X509_get_pubkey(leaf->get()),
      [](const EVP_PKEY* owned) { EVP_PKEY_free(const_cast<EVP_PKEY*>(owned)); });
  endorsement.certificate = hex_digest(leaf->get());
  endorsement.root = hex_digest(root->get());
  endorsement.root_subject = text_of(X509_get_subject_name(root->get()));
  return endorsement;
}

}  // namespace mintmark::attest::tpm2
