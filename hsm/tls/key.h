// A TLS key that lives in a key store: to OpenSSL a private key like any other, whose only
// operation is a call to its Signer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "hsm/key_store.h"

struct evp_pkey_st;
struct ossl_lib_ctx_st;

namespace mintmark::hsm::tls {

/// What stands behind the OpenSSL key. Immutable; lives as long as any OpenSSL object uses it.
struct HeldKey {
  std::shared_ptr<Signer> signer;
  KeyInfo info;                          ///< Of an algorithm that serves_tls().
  std::chrono::milliseconds patience{};  ///< Of one signature: then the handshake fails.
  /// Told how each signature ended, on the thread that asked for it; may be empty.
  std::function<void(const Result<void>&)> observe;
};

/// The OpenSSL library context that such keys live in: the default provider and the one of this
/// folder, which nothing else of the process sees. One a process, made at the first call and never
/// freed, because connections hold what was fetched from it. Null where OpenSSL refuses.
[[nodiscard]] ossl_lib_ctx_st* library();

/// How algorithms are to be fetched from library(): the default provider's first, so that ours is
/// asked only for what its own keys do.
inline constexpr const char* library_properties = "?provider=default";

/// An OpenSSL key for SSL_CTX_use_PrivateKey in library(). Signing with it blocks the calling
/// thread until the signer has answered, `patience` and a little at most: never call it (so never
/// shake hands with it) on a thread that the signer's answer needs. It signs messages, not digests,
/// certificates among them (X509_sign), and has no private half to show. Thread-safe. `tls_failed`
/// where OpenSSL refuses.
[[nodiscard]] Result<std::shared_ptr<evp_pkey_st>> make_key(HeldKey key);

}  // namespace mintmark::hsm::tls
