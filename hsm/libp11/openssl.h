// OpenSSL's objects, owned. For this folder's sources.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "base/bytes.h"

namespace mintmark::hsm::libp11 {

struct Free {
  void operator()(ASN1_STRING* string) const { ASN1_STRING_free(string); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(GENERAL_NAME* name) const { GENERAL_NAME_free(name); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSIONS* extensions) const {
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  }
  void operator()(X509_NAME* name) const { X509_NAME_free(name); }
  void operator()(X509_REQ* request) const { X509_REQ_free(request); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

/// What was written into a memory BIO.
[[nodiscard]] inline std::string content_of(BIO* memory) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(memory, &start);
  return size > 0 ? std::string(start, static_cast<std::size_t>(size)) : std::string();
}

/// i2d functions' results as octets.
template <typename T, typename Encode>
[[nodiscard]] Bytes der_of(const T* object, Encode encode) {
  unsigned char* encoded = nullptr;
  const int size = object != nullptr ? encode(object, &encoded) : -1;
  Bytes der;
  if (size > 0) der.assign(encoded, encoded + size);
  OPENSSL_free(encoded);
  return der;
}

}  // namespace mintmark::hsm::libp11
