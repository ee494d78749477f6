// Client attestations: the issuer's word that a client holds a key which was attested
// (draft-ietf-oauth-attestation-based-client-auth-10 §4, §7.1).
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "jose/key.h"

namespace mintmark::verify {

/// How far the attester's clock may run ahead of ours.
inline constexpr std::chrono::seconds attestation_future{5};

/// A client attestation whose signature and claims were checked; only check_client_attestation
/// makes one. That its sender holds the key is ProvenRequest's to say.
class ClientAttestation {
 public:
  [[nodiscard]] const std::string& client_id() const { return client_id_; }  ///< `sub`
  [[nodiscard]] const jose::PublicKey& key() const { return key_; }          ///< `cnf.jwk`
  [[nodiscard]] const std::string& jkt() const { return key_.thumbprint(); }
  [[nodiscard]] Moment issued_at() const { return issued_at_; }
  [[nodiscard]] Moment expires_at() const { return expires_at_; }

 private:
  friend class AttestationReader;
  explicit ClientAttestation(jose::PublicKey key) : key_(std::move(key)) {}
  std::string client_id_;
  jose::PublicKey key_;
  Moment issued_at_;
  Moment expires_at_;
};

/// The key of that kid whose purpose is client attestations, or null; the pointer must live as long
/// as the check.
using AttestationKeys = std::function<const jose::PublicKey*(std::string_view kid)>;

/// Thread-safe. `attestation_malformed`, `attestation_typ`, `attestation_key_unknown`,
/// `attestation_alg` (the key decides), `attestation_signature`, `attestation_sub`,
/// `attestation_exp_missing`, `attestation_expired`, `attestation_iat`,
/// `attestation_not_yet_valid`, `attestation_cnf`.
[[nodiscard]] Result<ClientAttestation> check_client_attestation(std::string_view jwt,
                                                                 const AttestationKeys& find_key,
                                                                 Moment now);

/// What time alone can change of a checked attestation: `attestation_expired`. The draft's error
/// for that is use_fresh_attestation (§7.4).
[[nodiscard]] Result<void> check_not_expired(const ClientAttestation& attestation, Moment now);

}  // namespace mintmark::verify
