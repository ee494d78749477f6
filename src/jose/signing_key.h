// A private key of our own as its users see it, wherever it lives.
#pragma once

#include "base/bytes.h"
#include "jose/key.h"

namespace mintmark::jose {

/// Not thread-safe.
class SigningKey {
 public:
  virtual ~SigningKey() = default;

  [[nodiscard]] virtual const PublicKey& public_key() const = 0;
  /// r || s over the hash of `octets`, by the public key's own algorithm. Errors: those of the
  /// place where the key lives.
  [[nodiscard]] virtual Result<Bytes> sign(BytesView octets) = 0;
};

}  // namespace mintmark::jose
