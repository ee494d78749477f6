// Who asks for a token: the client, by attestation, by assertion or by the certificate of its
// connection, and the key that its DPoP proof shows. Nothing binds a token to a key that the
// device's own key did not vouch for.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "issuer/attestations.h"
#include "issuer/client_certificate.h"
#include "issuer/devices.h"
#include "issuer/services.h"
#include "keyring/keyring.h"
#include "verify/client_assertion.h"
#include "verify/nonces.h"
#include "verify/proof.h"
#include "verify/replay.h"

namespace mintmark::issuer {

/// What a request says of its sender, not yet believed: exactly one of attestation and assertion,
/// or neither, and the certificate speaks for it.
struct Credentials {
  std::optional<std::string> client_attestation;  ///< OAuth-Client-Attestation
  std::optional<std::string> client_assertion;    ///< private_key_jwt
  std::string proof;                              ///< DPoP; "": none.
  /// If given it must be the client's; with a certificate it says who the client is.
  std::optional<std::string> client_id;
  /// DER; its key was proven by the TLS handshake. Looked at where nothing else speaks for the
  /// client.
  std::shared_ptr<const Bytes> client_certificate;
};

/// The request that a proof must speak of. The views must live as long as the call.
struct ProvenTarget {
  std::string_view method;
  std::string_view url;
};

/// Only ClientAuthentication makes one.
class AuthenticatedClient {
 public:
  [[nodiscard]] const std::string& client_id() const { return client_id_; }
  /// Of the key by which it was recognised as the device.
  [[nodiscard]] const std::string& device_jkt() const { return device_jkt_; }
  /// Of the key that the proof is by, which the token is bound to; "": there is no proof.
  [[nodiscard]] std::string bound_jkt() const { return proof_ ? proof_->jkt() : std::string(); }
  /// x5t#S256 of the certificate that the token is bound to; "": to none.
  [[nodiscard]] std::string bound_certificate() const {
    return certificate_ ? certificate_->thumbprint : std::string();
  }
  /// When that certificate ends; nothing where the token is bound to none.
  [[nodiscard]] std::optional<Moment> certificate_until() const {
    return certificate_ ? std::optional(certificate_->until) : std::nullopt;
  }
  /// Bound to another key than the device's, which the device's key vouched for.
  [[nodiscard]] bool has_session_key() const { return proof_ && device_jkt_ != proof_->jkt(); }

 private:
  friend class ClientAuthentication;
  /// `proof` or `certificate` is there, or both.
  AuthenticatedClient(std::string client_id, std::string device_jkt,
                      std::optional<verify::ProvenRequest> proof,
                      std::optional<verify::ClientAssertion> assertion,
                      std::optional<ClientCertificate> certificate)
      : client_id_(std::move(client_id)),
        device_jkt_(std::move(device_jkt)),
        proof_(std::move(proof)),
        assertion_(std::move(assertion)),
        certificate_(std::move(certificate)) {}
  std::string client_id_;
  std::string device_jkt_;
  std::optional<verify::ProvenRequest> proof_;
  std::optional<verify::ClientAssertion> assertion_;
  std::optional<ClientCertificate> certificate_;
};

/// Thread-safe. References must outlive it.
class ClientAuthentication {
 public:
  struct Options {
    std::string issuer;
    std::string token_url;             ///< What `htu` must name.
    bool challenges_required = false;  ///< Proofs must bear one of our nonces.
    MutualTls mutual_tls = {};
  };

  /// `services`: who else may come by private_key_jwt; null: nobody.
  ClientAuthentication(Options options, const Clock& clock, const Devices& devices,
                       const Services* services = nullptr);

  /// Everything but whether it was used before. Errors of verify::check_client_attestation,
  /// check_client_assertion, check_proof and check_client_certificate; `client_unauthenticated`,
  /// `client_methods_mixed`, `mutual_tls_off`, `client_certificate_missing`, `client_id_mismatch`,
  /// `device_unknown`, `proof_key_mismatch`, `proof_key_unvouched`; `dpop_nonce_required`,
  /// `dpop_nonce_stale`, and with an attestation `attestation_challenge_required`,
  /// `attestation_challenge_stale`. The request is one to the token endpoint.
  [[nodiscard]] Result<AuthenticatedClient> check(const Credentials& credentials,
                                                  const keyring::Snapshot& keys, Moment now);
  /// The same for a request to another endpoint.
  [[nodiscard]] Result<AuthenticatedClient> check(const Credentials& credentials,
                                                  const ProvenTarget& target,
                                                  const keyring::Snapshot& keys, Moment now);

  /// By private_key_jwt alone, at endpoints that give out nothing that could be bound to a key (RFC
  /// 7009, RFC 7662). `client_unauthenticated` without an assertion, `client_methods_mixed`; errors
  /// of verify::check_client_assertion, `client_id_mismatch`, `device_unknown`, `service_unknown`.
  [[nodiscard]] Result<verify::ClientAssertion> check_assertion(const Credentials& credentials,
                                                                Moment now) const;
  /// Last, as below. No proof stands beside it, so that an earlier process may have taken what was
  /// made before this one started or, by a clock ahead of ours, shortly after. In the memory of all
  /// assertions. `assertion_replayed`, `assertion_before_start`, `replay_window_full`.
  [[nodiscard]] Result<void> use_up(const verify::ClientAssertion& assertion, Moment now);

  /// Last, when nothing else can refuse the request: what is refused for another reason may be sent
  /// again. `proof_replayed`, `assertion_replayed`, `assertion_before_start`, `replay_window_full`;
  /// a proof that may have been used in an earlier process is asked for again with a nonce, by the
  /// codes above.
  [[nodiscard]] Result<void> use_up(const AuthenticatedClient& client, Moment now);

  /// The clock is right now, and may have been ahead before (ReplayWindow): nonces that are out are
  /// good no more. An assertion that came alone and was used while the clock was ahead is refused
  /// when its time comes.
  void begin_again(Moment now);

  [[nodiscard]] verify::Nonces& nonces() { return nonces_; }
  [[nodiscard]] const Options& options() const { return options_; }

 private:
  [[nodiscard]] Result<AuthenticatedClient> check_attested(const Credentials& credentials,
                                                           const ProvenTarget& target,
                                                           const keyring::Snapshot& keys,
                                                           Moment now);
  [[nodiscard]] Result<AuthenticatedClient> check_asserted(const Credentials& credentials,
                                                           const ProvenTarget& target, Moment now);
  [[nodiscard]] Result<AuthenticatedClient> check_certified(const Credentials& credentials,
                                                            const ProvenTarget& target,
                                                            Moment now) const;
  [[nodiscard]] Result<verify::ClientAssertion> check_asserted_client(
      const Credentials& credentials, Moment now) const;
  [[nodiscard]] Result<jose::PublicKey> registered_key(const std::string& client_id) const;
  [[nodiscard]] static bool is_attested(const AuthenticatedClient& client);
  [[nodiscard]] Result<void> check_nonce(const AuthenticatedClient& client) const;

  Options options_;
  const Devices& devices_;
  const Services* services_;
  std::atomic<Moment> start_;
  Attestations attestations_;
  verify::Nonces nonces_;
  verify::ReplayWindow proofs_;
  verify::ReplayWindow assertions_;
};

}  // namespace mintmark::issuer
