// Attestation certificates as a YubiHSM makes them, under a chain of a test's own.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace mintmark::test::vendor {

using Pair = std::shared_ptr<EVP_PKEY>;
inline Pair new_pair() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

inline Bytes spki_of(EVP_PKEY* pair) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_PUBKEY(pair, &octets);
  Bytes spki(octets, octets + length);
  OPENSSL_free(octets);
  return spki;
}

using Extensions = std::map<unsigned, Bytes>;

/// As a device of firmware 2.4.1 says it of a key that it made and that cannot leave it.
inline Extensions good_extensions() {
  return {{1, {4, 3, 2, 4, 1}},
          {2, {2, 4, 2, 11, 217, 253}},
          {3, {3, 2, 0, 1}},
          {4, {3, 3, 0, 0, 1}},
          {5, {3, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0x80}},
          {6, {2, 1, 3}},
          {9, {12, 0}}};
}

struct Certificate {
  std::string subject;
  EVP_PKEY* key = nullptr;
  bool ca = false;
  Extensions extensions;
  std::optional<unsigned> twice;  ///< This one stands twice.
  std::int64_t not_after = 2'000'000'000;
};

inline void add_extension(X509* certificate, unsigned last, const Bytes& octets) {
  const std::string oid = "1.3.6.1.4.1.41482.4." + std::to_string(last);
  const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> object(
      OBJ_txt2obj(oid.c_str(), 1), &ASN1_OBJECT_free);
  const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> value(
      ASN1_OCTET_STRING_new(), &ASN1_OCTET_STRING_free);
  ASN1_OCTET_STRING_set(value.get(), octets.data(), static_cast<int>(octets.size()));
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, value.get()), &X509_EXTENSION_free);
  X509_add_ext(certificate, extension.get(), -1);
}

/// DER.
inline Bytes issue(const Certificate& of, const std::string& issuer, EVP_PKEY* by) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
  const auto name = [](X509_NAME* to, const std::string& text) {
    X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
  };
  name(X509_get_subject_name(certificate.get()), of.subject);
  name(X509_get_issuer_name(certificate.get()), issuer);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), 1'500'000'000);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), of.not_after);
  X509_set_pubkey(certificate.get(), of.key);
  if (of.ca) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> basic(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE"),
        &X509_EXTENSION_free);
    X509_add_ext(certificate.get(), basic.get(), -1);
  }
  for (const auto& [last, octets] : of.extensions) {
    add_extension(certificate.get(), last, octets);
    if (of.twice == last) add_extension(certificate.get(), last, octets);
  }
  X509_sign(certificate.get(), by, EVP_sha256());
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509(certificate.get(), &octets);
  Bytes der(octets, octets + length);
  OPENSSL_free(octets);
  return der;
}

inline std::string pem_of(const Bytes& der) {
  std::string base64(4 * ((der.size() + 2) / 3) + 1, '\0');
  base64.resize(static_cast<std::size_t>(EVP_EncodeBlock(
      reinterpret_cast<unsigned char*>(base64.data()), der.data(), static_cast<int>(der.size()))));
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t i = 0; i < base64.size(); i += 64) pem += base64.substr(i, 64) + "\n";
  return pem + "-----END CERTIFICATE-----\n";
}

}  // namespace mintmark::test::vendor
