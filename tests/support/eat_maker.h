// Results as a foreign attester signs them: an EAR by default, as JWT or CWT.
#pragma once

#include "support/soft_key.h"

namespace mintmark::test {

/// A verifier with a key of its own. Open to a test's hand: by default all is as it should be.
class EatMaker {
 public:
  explicit EatMaker(jose::Algorithm algorithm = jose::Algorithm::es256);

  Moment at = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  /// Without binding, iat and exp, which are written unless they stand here.
  Json claims;
  Json header;  ///< Of the JWT.
  /// "sevsnpvm", "tdxvm" or "sgx": as Azure Attestation signs it, bound where the TEE signed that
  /// and without eat_nonce. "": another verifier.
  std::string azure;
  std::string issuer;  ///< That `keys` binds the key to; "": none.
  bool as_cwt = false;
  std::int64_t cose_algorithm = -7;
  bool cwt_tag = false;

  [[nodiscard]] const SoftKey& key() const { return key_; }
  /// A JWK set: configuration's `keys`.
  [[nodiscard]] std::string keys() const;
  /// The one of the set.
  [[nodiscard]] Json jwk() const;
  /// All claims, bound to it.
  [[nodiscard]] Json bound_claims(BytesView nonce) const;
  [[nodiscard]] std::string jwt(const Json& all) const;
  /// A CWT of these claims by their CWT labels; what has none is written under its name.
  [[nodiscard]] Bytes cwt(const Json& all) const;
  /// Of a payload that is CBOR already.
  [[nodiscard]] Bytes cwt_of(const Bytes& payload, const Bytes& protected_header) const;
  /// POST /attest/eat/finish's `evidence`; the key is bound by the binding alone.
  [[nodiscard]] Json evidence(const Sha256& binding, const jose::PublicKey& key) const;

 private:
  SoftKey key_;
};

}  // namespace mintmark::test
