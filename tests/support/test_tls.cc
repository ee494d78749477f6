#include "support/test_tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace mintmark::test {
namespace {

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("test certificate: ") + what);
}

std::string text_of(BIO* memory) {
  char* octets = nullptr;
  const long length = BIO_get_mem_data(memory, &octets);
  return {octets, static_cast<std::size_t>(length)};
}

std::string pem_of(X509* certificate) {
  const Owned<BIO> memory(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_X509(memory.get(), certificate) == 1, "no PEM");
  return text_of(memory.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Owned<BIO> memory(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "no PEM");
  return text_of(memory.get());
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

Owned<X509> new_certificate(const std::string& common_name, EVP_PKEY* key,
                            std::chrono::seconds not_before, std::chrono::seconds not_after) {
  Owned<X509> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  std::int64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate.get()), serial & INT64_MAX);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), static_cast<long>(not_before.count()));
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), static_cast<long>(not_after.count()));
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  return certificate;
}

bool is_ip_address(const std::string& name) {
  in6_addr address{};
  return inet_pton(AF_INET, name.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    text += text.empty() ? "" : ",";
    text += (is_ip_address(name) ? "IP:" : "DNS:") + name;
  }
  return text;
}

}  // namespace

struct TestCa::Parts {
  Owned<EVP_PKEY> key;
  Owned<X509> certificate;

  void sign(X509* certificate_to_sign) const {
    X509_set_issuer_name(certificate_to_sign, X509_get_subject_name(certificate.get()));
    require(X509_sign(certificate_to_sign, key.get(), EVP_sha256()) > 0, "no signature");
  }
  Owned<X509> certify(EVP_PKEY* public_half, const CertificateRequest& request) const;
};

TestCa::TestCa(const std::string& name) : parts_(std::make_unique<Parts>()) {
  parts_->key.reset(EVP_EC_gen("P-256"));
  parts_->certificate = new_certificate(name, parts_->key.get(), std::chrono::seconds{-3600},
                                        std::chrono::seconds{86400});
  X509* own = parts_->certificate.get();
  add_extension(own, own, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(own, own, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(own, own, NID_subject_key_identifier, "hash");
  parts_->sign(own);
}

TestCa::~TestCa() = default;
TestCa::TestCa(TestCa&&) noexcept = default;

std::string TestCa::certificate_pem() const { return pem_of(parts_->certificate.get()); }

TestCertificate TestCa::issue(const CertificateRequest& request) const {
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  return {pem_of(parts_->certify(key.get(), request).get()), pem_of(key.get())};
}

std::string TestCa::certify(const std::vector<std::uint8_t>& public_key,
                            const CertificateRequest& request) const {
  const unsigned char* octets = public_key.data();
  const Owned<EVP_PKEY> key(d2i_PUBKEY(nullptr, &octets, static_cast<long>(public_key.size())));
  require(key != nullptr, "no public key");
  return pem_of(parts_->certify(key.get(), request).get());
}

Owned<X509> TestCa::Parts::certify(EVP_PKEY* public_half, const CertificateRequest& request) const {
  auto signed_one =
      new_certificate(request.common_name, public_half, request.not_before, request.not_after);
  X509* issuer = certificate.get();
  add_extension(signed_one.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(signed_one.get(), issuer, NID_key_usage, "critical,digitalSignature");
  add_extension(signed_one.get(), issuer, NID_ext_key_usage,
                request.for_server ? "serverAuth" : "clientAuth");
  add_extension(signed_one.get(), issuer, NID_authority_key_identifier, "keyid");
  if (!request.names.empty()) {
    add_extension(signed_one.get(), issuer, NID_subject_alt_name, alternative_names(request.names));
  }
  sign(signed_one.get());
  return signed_one;
}

}  // namespace mintmark::test
