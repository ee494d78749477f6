#include "support/identity_maker.h"

#include <openssl/asn1t.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "jose/base64url.h"
#include "support/openssl_pair.h"

namespace mintmark::test {
namespace {

using jose::Algorithm;

constexpr int rsa_bits = 2048;

void must(bool done, const std::string& what) {
  if (!done) throw std::runtime_error("OpenSSL: " + what);
}

std::shared_ptr<X509> begin_certificate(long serial, EVP_PKEY* key, Moment not_before,
                                        Moment not_after) {
  std::shared_ptr<X509> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), static_cast<time_t>(to_unix(not_before)));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), static_cast<time_t>(to_unix(not_after)));
  must(X509_set_pubkey(certificate.get(), key) == 1, "key");
  return certificate;
}

void add_name(X509* certificate, int nid, const std::string& text) {
  if (text.empty()) return;
  must(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), nid, MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(text.data()),
                                  static_cast<int>(text.size()), -1, 0) == 1,
       text);
}

void add_extension(X509* certificate, int nid, const std::string& value, X509* issuer = nullptr) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, value);
  X509_EXTENSION_free(extension);
}

void add_unknown_critical(X509* certificate) {
  ASN1_OBJECT* oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
  ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(value, reinterpret_cast<const unsigned char*>("\x05\x00"), 2);
  X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, oid, 1, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(value);
  ASN1_OBJECT_free(oid);
}

void add_policies(X509* certificate, const std::vector<std::string>& names) {
  CERTIFICATEPOLICIES* policies = CERTIFICATEPOLICIES_new();
  for (const std::string& name : names) {
    POLICYINFO* policy = POLICYINFO_new();
    ASN1_OBJECT_free(policy->policyid);
    policy->policyid = OBJ_txt2obj(name.c_str(), 1);
    sk_POLICYINFO_push(policies, policy);
  }
  must(X509_add1_ext_i2d(certificate, NID_certificate_policies, policies, 0, X509V3_ADD_DEFAULT) ==
           1,
       "policies");
  CERTIFICATEPOLICIES_free(policies);
}

Bytes sequence_of(const Bytes& content) {
  Bytes out(content.size() + 4);
  std::uint8_t* at = out.data();
  ASN1_put_object(&at, 1, static_cast<int>(content.size()), V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
  out.resize(static_cast<std::size_t>(at - out.data()));
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

// RFC 4108 §5: HardwareModuleName, as an otherName of the subject's alternative names.
void add_module(X509* certificate, const IdentityOptions& options) {
  ASN1_OBJECT* type = OBJ_txt2obj(options.module_type.c_str(), 1);
  ASN1_OCTET_STRING* serial = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(serial,
                        reinterpret_cast<const unsigned char*>(options.module_serial.data()),
                        static_cast<int>(options.module_serial.size()));
  std::uint8_t* of_type = nullptr;
  std::uint8_t* of_serial = nullptr;
  const int type_size = i2d_ASN1_OBJECT(type, &of_type);
  const int serial_size = i2d_ASN1_OCTET_STRING(serial, &of_serial);
  must(type_size > 0 && serial_size > 0, "hardwareModuleName");
  Bytes content(of_type, of_type + type_size);
  content.insert(content.end(), of_serial, of_serial + serial_size);
  const Bytes der = sequence_of(content);

  ASN1_TYPE* value = ASN1_TYPE_new();
  ASN1_STRING* sequence = ASN1_STRING_new();
  ASN1_STRING_set(sequence, der.data(), static_cast<int>(der.size()));
  ASN1_TYPE_set(value, V_ASN1_SEQUENCE, sequence);
  GENERAL_NAME* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_othername(name, OBJ_txt2obj("1.3.6.1.5.5.7.8.4", 1), value);
  GENERAL_NAMES* names = GENERAL_NAMES_new();
  sk_GENERAL_NAME_push(names, name);
  must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1,
       "names");
  GENERAL_NAMES_free(names);
  OPENSSL_free(of_type);
  OPENSSL_free(of_serial);
  ASN1_OCTET_STRING_free(serial);
  ASN1_OBJECT_free(type);
}

std::shared_ptr<X509> make_ca(EVP_PKEY* key, const char* subject, X509* issuer,
                              EVP_PKEY* issuer_key) {
  auto ca = begin_certificate(1, key, from_unix(1'600'000'000), from_unix(2'100'000'000));
  add_name(ca.get(), NID_commonName, subject);
  X509_set_issuer_name(ca.get(), X509_get_subject_name(issuer == nullptr ? ca.get() : issuer));
  add_extension(ca.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(ca.get(), NID_subject_key_identifier, "hash");
  if (issuer != nullptr) add_extension(ca.get(), NID_authority_key_identifier, "keyid", issuer);
  must(X509_sign(ca.get(), issuer_key, EVP_sha256()) > 0, "sign");
  return ca;
}

template <typename T>
Bytes der_of(T* object, int (*encode)(const T*, unsigned char**)) {
  unsigned char* der = nullptr;
  const int length = encode(object, &der);
  must(length > 0, "DER");
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

template <typename T>
Bytes pem_of(T* object, int (*write)(BIO*, const T*)) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  must(write(bio.get(), object) == 1, "PEM");
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return to_bytes(as_bytes(std::string_view(text, static_cast<std::size_t>(length))));
}

}  // namespace

IdentityMaker::IdentityMaker()
    : root_key_(make_openssl_pair(Algorithm::es384)),
      authority_key_(make_openssl_pair(Algorithm::es256)),
      root_(make_ca(root_key_.get(), "Test Maker root", nullptr, root_key_.get())),
      authority_(
          make_ca(authority_key_.get(), "Test Maker IDevID CA", root_.get(), root_key_.get())) {}

Bytes IdentityMaker::root() const { return der_of<X509>(root_.get(), &i2d_X509); }
Bytes IdentityMaker::authority() const { return der_of<X509>(authority_.get(), &i2d_X509); }
Bytes IdentityMaker::root_pem() const { return pem_of<X509>(root_.get(), &PEM_write_bio_X509); }
Bytes IdentityMaker::authority_pem() const {
  return pem_of<X509>(authority_.get(), &PEM_write_bio_X509);
}

Bytes IdentityMaker::crl_pem(const std::vector<long>& revoked, Moment next_update) const {
  const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> crl(X509_CRL_new(), &X509_CRL_free);
  X509_CRL_set_version(crl.get(), 1);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(authority_.get()));
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> time(
      ASN1_TIME_set(nullptr, 1'700'000'000), &ASN1_TIME_free);
  X509_CRL_set1_lastUpdate(crl.get(), time.get());
  for (const long serial : revoked) {
    X509_REVOKED* one = X509_REVOKED_new();
    const std::unique_ptr<ASN1_INTEGER, decltype(&ASN1_INTEGER_free)> number(ASN1_INTEGER_new(),
                                                                             &ASN1_INTEGER_free);
    ASN1_INTEGER_set(number.get(), serial);
    X509_REVOKED_set_serialNumber(one, number.get());
    X509_REVOKED_set_revocationDate(one, time.get());
    X509_CRL_add0_revoked(crl.get(), one);
  }
  ASN1_TIME_set(time.get(), static_cast<time_t>(to_unix(next_update)));
  X509_CRL_set1_nextUpdate(crl.get(), time.get());
  must(X509_CRL_sign(crl.get(), authority_key_.get(), EVP_sha256()) > 0, "CRL");
  return pem_of<X509_CRL>(crl.get(), &PEM_write_bio_X509_CRL);
}

Bytes IdentityMaker::certify(BytesView spki, const IdentityOptions& options) const {
  const std::uint8_t* at = spki.data();
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())), &EVP_PKEY_free);
  must(key != nullptr, "SubjectPublicKeyInfo");
  const auto certificate =
      begin_certificate(options.serial, key.get(), options.not_before, options.not_after);
  if (!options.common_name.empty()) {
    add_name(certificate.get(), NID_organizationName, options.organisation);
    add_name(certificate.get(), NID_commonName, options.common_name);
  }
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(authority_.get()));
  add_extension(certificate.get(), NID_basic_constraints, options.basic_constraints);
  if (options.key_usage != nullptr)
    add_extension(certificate.get(), NID_key_usage, options.key_usage);
  add_extension(certificate.get(), NID_authority_key_identifier, "keyid", authority_.get());
  if (!options.policies.empty()) add_policies(certificate.get(), options.policies);
  if (!options.module_type.empty()) add_module(certificate.get(), options);
  if (options.unknown_critical) add_unknown_critical(certificate.get());
  must(X509_sign(certificate.get(), authority_key_.get(), EVP_sha256()) > 0, "sign");
  return der_of<X509>(certificate.get(), &i2d_X509);
}

IdentityDevice::IdentityDevice(const IdentityMaker& maker, const IdentityOptions& options,
                               Algorithm algorithm)
    : IdentityDevice(maker, make_openssl_pair(algorithm), algorithm, options) {}

IdentityDevice::IdentityDevice(const IdentityMaker& maker, std::shared_ptr<EVP_PKEY> key,
                               Algorithm algorithm, const IdentityOptions& options)
    : key_(std::move(key)),
      algorithm_(algorithm),
      spki_(der_of<EVP_PKEY>(key_.get(), &i2d_PUBKEY)),
      certificate_(maker.certify(spki_, options)),
      authority_(maker.authority()) {}

Bytes IdentityDevice::sign(BytesView octets) const {
  return sign_as_jws(key_.get(), algorithm_, octets);
}

Json IdentityDevice::evidence(const Sha256& binding, const jose::PublicKey& /*key*/) const {
  return {{"certificate", jose::base64url(certificate_)},
          {"chain", {jose::base64url(authority_)}},
          {"alg", jose::name_of(algorithm_)},
          {"signature", jose::base64url(sign(binding))}};
}

Bytes pem_of(BytesView certificate) {
  const std::uint8_t* at = certificate.data();
  const std::unique_ptr<X509, decltype(&X509_free)> read(
      d2i_X509(nullptr, &at, static_cast<long>(certificate.size())), &X509_free);
  must(read != nullptr, "certificate");
  return pem_of<X509>(read.get(), &PEM_write_bio_X509);
}

std::shared_ptr<EVP_PKEY> make_pss_pair(PssParameters parameters) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr), &EVP_PKEY_CTX_free);
  must(EVP_PKEY_keygen_init(context.get()) == 1, "RSA-PSS");
  EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), rsa_bits);
  if (parameters != PssParameters::none) {
    const EVP_MD* md = parameters == PssParameters::sha384 ? EVP_sha384() : EVP_sha256();
    EVP_PKEY_CTX_set_rsa_pss_keygen_md(context.get(), md);
    EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(context.get(), md);
    EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(context.get(),
                                            parameters == PssParameters::long_salt ? 64 : 32);
  }
  EVP_PKEY* key = nullptr;
  must(EVP_PKEY_generate(context.get(), &key) == 1, "RSA-PSS");
  return {key, &EVP_PKEY_free};
}

}  // namespace mintmark::test
