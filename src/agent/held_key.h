// The device key as OpenSSL has keys: for certificates and TLS handshakes, wherever it lives.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "jose/key.h"

struct evp_pkey_st;

namespace mintmark::agent {

struct HeldDeviceKey {
  std::shared_ptr<evp_pkey_st> key;  ///< Of hsm::tls::library().
  /// What the key said when it did not sign: OpenSSL knows only that it did not. One thread's.
  std::shared_ptr<std::optional<Error>> trouble;
};

/// `public_key`: EC P-256. `sign` as DeviceKey::sign; called on the thread that signs or shakes
/// hands, as often as it does. `agent_certificate_failed` where OpenSSL takes no such key.
[[nodiscard]] Result<HeldDeviceKey> hold(const jose::PublicKey& public_key,
                                         std::function<Result<Bytes>(BytesView)> sign);

}  // namespace mintmark::agent
