// One extension of a certificate, as OpenSSL reads it.
#pragma once

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <memory>

namespace mintmark::attest::x509 {

struct FreeExtension {
  void operator()(AUTHORITY_INFO_ACCESS* access) const { AUTHORITY_INFO_ACCESS_free(access); }
  void operator()(CERTIFICATEPOLICIES* policies) const { CERTIFICATEPOLICIES_free(policies); }
  void operator()(EXTENDED_KEY_USAGE* usage) const { EXTENDED_KEY_USAGE_free(usage); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(NAME_CONSTRAINTS* constraints) const { NAME_CONSTRAINTS_free(constraints); }
};
template <typename T>
using Extension = std::unique_ptr<T, FreeExtension>;

/// nullptr where it is absent, stands twice or cannot be read. T is what the number stands for.
template <typename T>
[[nodiscard]] Extension<T> extension(const X509* certificate, int nid) {
  Extension<T> value(static_cast<T*>(X509_get_ext_d2i(certificate, nid, nullptr, nullptr)));
  ERR_clear_error();
  return value;
}

}  // namespace mintmark::attest::x509
