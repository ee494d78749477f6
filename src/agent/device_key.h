// A device's key as the agent uses it, wherever it lives.
#pragma once

#include "base/bytes.h"
#include "jose/key.h"

namespace mintmark::agent {

/// Opened for a few signatures, then dropped. Not thread-safe.
class DeviceKey {
 public:
  virtual ~DeviceKey() = default;

  [[nodiscard]] virtual const jose::PublicKey& public_key() const = 0;
  /// r || s over the hash of `octets`, by the public key's own algorithm. Errors: those of the
  /// place where the key lives.
  [[nodiscard]] virtual Result<Bytes> sign(BytesView octets) = 0;
};

}  // namespace mintmark::agent
