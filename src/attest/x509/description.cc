#include "attest/x509/description.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "attest/x509/conformance.h"

namespace mintmark::attest::x509 {
namespace {

constexpr std::size_t longest_text = 400;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

std::string content_of(BIO* bio) {
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio, &text);
  return length <= 0 ? std::string()
                     : printable({text, static_cast<std::size_t>(length)}, longest_text);
}

std::string name(const X509_NAME* of) {
  return X509_NAME_entry_count(of) == 0 ? std::string() : name_text(of);
}

std::string time_text(const ASN1_TIME* time) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  return content_of(bio.get());
}

std::string serial_text(const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  const std::string hex =
      to_hex({ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial))});
  std::string text = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? "-" : "";
  for (const char digit : hex) text += static_cast<char>(std::toupper(digit));
  return printable(text, longest_text);
}

Json extension_text(const X509* certificate, int nid) {
  Json texts = Json::array();
  const int at = X509_get_ext_by_NID(certificate, nid, -1);
  if (at < 0) return texts;
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  if (X509V3_EXT_print(bio.get(), X509_get_ext(certificate, at), 0, 0) == 1) {
    const std::string text = content_of(bio.get());
    if (!text.empty()) texts.push_back(text);
  }
  return texts;
}

Json key_of(const X509* certificate) {
  ASN1_OBJECT* algorithm = nullptr;
  X509_PUBKEY_get0_param(&algorithm, nullptr, nullptr, nullptr, X509_get_X509_PUBKEY(certificate));
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  Json described = {OBJ_nid2ln(OBJ_obj2nid(algorithm))};
  if (key != nullptr) described.push_back(std::to_string(EVP_PKEY_get_bits(key)));
  return described;
}

}  // namespace

Json describe(const X509* certificate) {
  Json described = {{"subject", name(X509_get_subject_name(certificate))},
                    {"issuer", name(X509_get_issuer_name(certificate))},
                    {"serial", serial_text(certificate)},
                    {"notBefore", time_text(X509_get0_notBefore(certificate))},
                    {"notAfter", time_text(X509_get0_notAfter(certificate))},
                    {"sigalg", OBJ_nid2ln(X509_get_signature_nid(certificate))},
                    {"key", key_of(certificate)},
                    {"eku", extension_text(certificate, NID_ext_key_usage)},
                    {"ku", extension_text(certificate, NID_key_usage)},
                    {"sha256", digest_of(certificate)}};
  if (const std::string url = issuer_url(certificate); !url.empty()) described["aia"] = url;
  if (auto odd = oddities_of(certificate); !odd.empty()) described["oddities"] = std::move(odd);
  ERR_clear_error();
  return described;
}

}  // namespace mintmark::attest::x509
