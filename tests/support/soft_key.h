// A key in memory, for tests and benchmarks: what a device's TPM or an issuer's HSM would do.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/time.h"
#include "jose/key.h"

namespace mintmark::test {

/// A fresh key pair. Copies share; thread-safe. Throws where OpenSSL fails.
class SoftKey {
 public:
  explicit SoftKey(jose::Algorithm algorithm = jose::Algorithm::es256);

  [[nodiscard]] const jose::PublicKey& public_key() const { return public_key_; }
  /// The thumbprint: `kid` of an issuer's key, `jkt` of a device's.
  [[nodiscard]] const std::string& jkt() const { return public_key_.thumbprint(); }
  /// As a JWS has it.
  [[nodiscard]] Bytes sign(BytesView octets) const;
  /// ECDSA in DER.
  [[nodiscard]] Bytes sign_der(BytesView octets) const;
  /// Compact form; the header is taken as it is.
  [[nodiscard]] std::string sign_jws(const Json& header, const Json& claims) const;

 private:
  jose::Algorithm algorithm_;
  std::shared_ptr<EVP_PKEY> pair_;
  jose::PublicKey public_key_;
};

/// What a DPoP proof says (RFC 9449 §4.2).
struct ProofContent {
  std::string method = "GET";
  std::string url;
  Moment at;
  std::optional<std::string> access_token = std::nullopt;  ///< For `ath`.
  std::optional<std::string> nonce = std::nullopt;
  std::optional<std::string> jti = std::nullopt;  ///< Random where absent.
};

[[nodiscard]] Json proof_header(const SoftKey& key);
[[nodiscard]] Json proof_claims(const ProofContent& content);
[[nodiscard]] std::string make_proof(const SoftKey& key, const ProofContent& content);

}  // namespace mintmark::test
