#include "support/issued_certificate.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "jose/key.h"
#include "support/openssl_pair.h"

namespace mintmark::test {
namespace {

void must(bool held, const char* what) {
  if (!held) throw std::runtime_error(what);
}

struct Free {
  void operator()(ASN1_OBJECT* object) const { ASN1_OBJECT_free(object); }
  void operator()(ASN1_STRING* text) const { ASN1_STRING_free(text); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(X509_CRL* crl) const { X509_CRL_free(crl); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

void add_named(X509* certificate, int nid, const char* value) {
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
  must(extension && X509_add_ext(certificate, extension.get(), -1) == 1, value);
}

void add_raw(X509* certificate, const std::string& oid, BytesView content) {
  const Owned<ASN1_OBJECT> object(OBJ_txt2obj(oid.c_str(), 1));
  const Owned<ASN1_OCTET_STRING> value(ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(value.get(), content.data(), static_cast<int>(content.size()));
  const Owned<X509_EXTENSION> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, value.get()));
  must(extension && X509_add_ext(certificate, extension.get(), -1) == 1, oid.c_str());
}

// The context with which the issuer signs.
Owned<EVP_MD_CTX> signing(const Issuer& by) {
  Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key = nullptr;
  const EVP_MD* digest = by.pss ? EVP_sha384() : EVP_sha256();
  must(EVP_DigestSignInit(context.get(), &key, digest, nullptr, by.key.get()) == 1, "sign");
  if (by.pss)
    must(EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(key, RSA_PSS_SALTLEN_DIGEST) == 1,
         "pss");
  return context;
}

template <typename T>
Bytes encoded(const T* value, int (*encode)(const T*, unsigned char**)) {
  std::uint8_t* octets = nullptr;
  const int length = encode(value, &octets);
  must(length > 0, "encode");
  Bytes der = to_bytes({octets, static_cast<std::size_t>(length)});
  OPENSSL_free(octets);
  return der;
}

Bytes tagged(std::uint8_t tag, BytesView content) {
  Bytes der{tag};
  if (content.size() < 0x80) {
    der.push_back(static_cast<std::uint8_t>(content.size()));
  } else {
    der.push_back(0x82);
    der.push_back(static_cast<std::uint8_t>(content.size() >> 8U));
    der.push_back(static_cast<std::uint8_t>(content.size()));
  }
  der.insert(der.end(), content.begin(), content.end());
  return der;
}

// An exponent that costs those who verify more than they need to pay.
Pair new_wide_pair() {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), &EVP_PKEY_CTX_free);
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> exponent(BN_new(), &BN_free);
  BN_set_word(exponent.get(), 4'294'967'311);  // The first prime behind 2^32.
  EVP_PKEY* pair = nullptr;
  must(EVP_PKEY_keygen_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 2048) == 1 &&
           EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), exponent.get()) == 1 &&
           EVP_PKEY_generate(context.get(), &pair) == 1,
       "generate");
  return {pair, &EVP_PKEY_free};
}

}  // namespace

Pair new_pair(const std::string& kind) {
  if (kind == "RSA-wide") return new_wide_pair();
  EVP_PKEY* pair = kind == "RSA"            ? EVP_RSA_gen(2048)
                   : kind == "RSA-short"    ? EVP_RSA_gen(1024)
                   : kind.starts_with("ED") ? EVP_PKEY_Q_keygen(nullptr, nullptr, kind.c_str())
                                            : EVP_EC_gen(kind.c_str());
  must(pair != nullptr, "generate");
  return {pair, &EVP_PKEY_free};
}

std::shared_ptr<X509> issue(const IssuedCertificate& of, const Issuer& by) {
  std::shared_ptr<X509> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), of.serial);
  for (const auto& [type, text] : of.subject) {
    must(X509_NAME_add_entry_by_txt(
             X509_get_subject_name(certificate.get()), type.c_str(), MBSTRING_UTF8,
             reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0) == 1,
         "name");
  }
  const X509* issuer = by.certificate ? by.certificate.get() : certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), to_unix(of.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to_unix(of.not_after));
  X509_set_pubkey(certificate.get(), of.key.get());
  if (of.ca) add_named(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  if (!of.key_usage.empty()) add_named(certificate.get(), NID_key_usage, of.key_usage.c_str());
  for (const auto& [oid, content] : of.extensions) add_raw(certificate.get(), oid, content);
  must(X509_sign_ctx(certificate.get(), signing(by).get()) > 0, "sign");
  return certificate;
}

Bytes der_of(const X509* certificate) { return encoded(certificate, &i2d_X509); }

std::string pem_text_of(const X509* certificate) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509(bio.get(), certificate) == 1, "pem");
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

Bytes issue_crl(const Issuer& by, const std::vector<long>& revoked, Moment this_update,
                Moment next_update) {
  const Owned<X509_CRL> crl(X509_CRL_new());
  X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(by.certificate.get()));
  const Owned<ASN1_TIME> begin(ASN1_TIME_set(nullptr, to_unix(this_update)));
  const Owned<ASN1_TIME> end(ASN1_TIME_set(nullptr, to_unix(next_update)));
  X509_CRL_set1_lastUpdate(crl.get(), begin.get());
  X509_CRL_set1_nextUpdate(crl.get(), end.get());
  for (const long serial : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    ASN1_INTEGER* number = ASN1_INTEGER_new();
    ASN1_INTEGER_set(number, serial);
    X509_REVOKED_set_serialNumber(entry, number);
    ASN1_INTEGER_free(number);
    X509_REVOKED_set_revocationDate(entry, begin.get());
    X509_CRL_add0_revoked(crl.get(), entry);
  }
  must(X509_CRL_sign_ctx(crl.get(), signing(by).get()) > 0, "sign");
  return encoded<X509_CRL>(crl.get(), &i2d_X509_CRL);
}

Bytes der_integer(unsigned value) {
  Bytes content;
  if (value > 0x7FFF) content.push_back(0);
  if (value > 0x7F) content.push_back(static_cast<std::uint8_t>(value >> 8U));
  content.push_back(static_cast<std::uint8_t>(value));
  return tagged(0x02, content);
}
Bytes der_text(const std::string& text) { return tagged(0x16, as_bytes(text)); }
Bytes der_octets(BytesView octets) { return tagged(0x04, octets); }
Bytes der_sequence(const std::vector<Bytes>& parts) {
  Bytes content;
  for (const Bytes& part : parts) content.insert(content.end(), part.begin(), part.end());
  return tagged(0x30, content);
}
Bytes der_oid(const std::string& dotted) {
  const Owned<ASN1_OBJECT> object(OBJ_txt2obj(dotted.c_str(), 1));
  return encoded<ASN1_OBJECT>(object.get(), &i2d_ASN1_OBJECT);
}

Bytes sign_raw(EVP_PKEY* key, BytesView octets) {
  const auto algorithm =
      EVP_PKEY_get_bits(key) == 384 ? jose::Algorithm::es384 : jose::Algorithm::es256;
  return sign_as_jws(key, algorithm, octets);
}

}  // namespace mintmark::test
