#include "attest/digest.h"

#include <openssl/hmac.h>

#include <new>

namespace mintmark::attest {

Bytes digest_by(const EVP_MD* algorithm, BytesView octets) {
  Bytes out(static_cast<std::size_t>(EVP_MD_get_size(algorithm)));
  if (EVP_Digest(octets.data(), octets.size(), out.data(), nullptr, algorithm, nullptr) != 1)
    throw std::bad_alloc();
  return out;
}

Bytes hmac_by(const EVP_MD* algorithm, BytesView key, BytesView octets) {
  Bytes out(static_cast<std::size_t>(EVP_MD_get_size(algorithm)));
  unsigned length = 0;
  if (HMAC(algorithm, key.data(), static_cast<int>(key.size()), octets.data(), octets.size(),
           out.data(), &length) == nullptr)
    throw std::bad_alloc();
  return out;
}

}  // namespace mintmark::attest
