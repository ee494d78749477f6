#include "issuer/client_authentication.h"

namespace mintmark::issuer {
namespace {

// An assertion is remembered by its exp, until then and no longer. Whether an earlier process took
// it is asked of the second of the start alone: it is nothing without a proof by the key that it
// names, and that the proof is new is known.
constexpr verify::ReplayLimits assertion_window{.past = std::chrono::seconds(0),
                                                .future = std::chrono::seconds(0)};

Result<void> check_client_id(const Credentials& credentials, const std::string& client_id) {
  if (!credentials.client_id || *credentials.client_id == client_id) return {};
  return fail(Code::client_id_mismatch,
              "client_id is not the client that the attestation or assertion names in sub");
}

Result<verify::ProvenRequest> check_proof(const std::string& proof, const ProvenTarget& target,
                                          Moment now) {
  return verify::check_proof(proof, {.method = target.method, .url = target.url, .now = now});
}

Result<jose::PublicKey> device_key(const Devices& devices, const std::string& client_id) {
  const auto device = devices.find(client_id);
  if (!device)
    return fail(Code::device_unknown, "this client is not known here; enrol it or add its key");
  // Named by an operator before it came.
  if (device->jkt.empty())
    return fail(Code::evidence_stale, "this device is approved and has to attest first");
  const auto jwk = parse_json(device->public_jwk);
  auto key = jwk ? jose::PublicKey::from_jwk(*jwk) : tl::unexpected<Error>(jwk.error());
  if (!key) return fail(Code::store_failed, "the key of device " + client_id + " cannot be read");
  return key;
}

}  // namespace

ClientAuthentication::ClientAuthentication(Options options, const Clock& clock,
                                           const Devices& devices, const Services* services)
    : options_(std::move(options)),
      devices_(devices),
      services_(services),
      start_(clock.now()),
      nonces_(clock),
      proofs_(clock.now()),
      assertions_(clock.now(), assertion_window) {}

Result<AuthenticatedClient> ClientAuthentication::check(const Credentials& credentials,
                                                        const keyring::Snapshot& keys, Moment now) {
  return check(credentials, {"POST", options_.token_url}, keys, now);
}

Result<AuthenticatedClient> ClientAuthentication::check(const Credentials& credentials,
                                                        const ProvenTarget& target,
                                                        const keyring::Snapshot& keys, Moment now) {
  if (credentials.client_attestation && credentials.client_assertion) {
    return fail(Code::client_methods_mixed,
                "the request authenticates its client twice (RFC 6749 §2.3): send either "
                "OAuth-Client-Attestation or client_assertion");
  }
  auto client = credentials.client_attestation ? check_attested(credentials, target, keys, now)
                : credentials.client_assertion ? check_asserted(credentials, target, now)
                                               : check_certified(credentials, target, now);
  if (!client) return client;
  if (auto fresh = check_nonce(*client); !fresh) return pass_on(fresh);
  return client;
}

Result<AuthenticatedClient> ClientAuthentication::check_attested(const Credentials& credentials,
                                                                 const ProvenTarget& target,
                                                                 const keyring::Snapshot& keys,
                                                                 Moment now) {
  const auto attestation = attestations_.recognise(*credentials.client_attestation, keys, now);
  if (!attestation) return tl::unexpected<Error>(attestation.error());
  const std::string& client_id = (*attestation)->client_id();
  if (auto named = check_client_id(credentials, client_id); !named) return pass_on(named);
  auto proof = check_proof(credentials.proof, target, now);
  if (!proof) return pass_on(proof);
  if (proof->jkt() != (*attestation)->jkt()) {
    return fail(Code::proof_key_mismatch,
                "the DPoP proof is by another key than the client attestation's cnf.jwk");
  }
  return AuthenticatedClient(client_id, (*attestation)->jkt(), std::move(*proof), std::nullopt,
                             std::nullopt);
}

Result<jose::PublicKey> ClientAuthentication::registered_key(const std::string& client_id) const {
  if (services_ != nullptr && services_->knows(client_id)) return services_->key_of(client_id);
  return device_key(devices_, client_id);
}

Result<verify::ClientAssertion> ClientAuthentication::check_asserted_client(
    const Credentials& credentials, Moment now) const {
  auto assertion = verify::check_client_assertion(
      *credentials.client_assertion,
      [this](const std::string& client_id) { return registered_key(client_id); }, options_.issuer,
      now);
  if (!assertion) return assertion;
  if (auto named = check_client_id(credentials, assertion->client_id()); !named)
    return pass_on(named);
  return assertion;
}

Result<AuthenticatedClient> ClientAuthentication::check_asserted(const Credentials& credentials,
                                                                 const ProvenTarget& target,
                                                                 Moment now) {
  auto assertion = check_asserted_client(credentials, now);
  if (!assertion) return pass_on(assertion);
  auto proof = check_proof(credentials.proof, target, now);
  if (!proof) return pass_on(proof);
  std::string client_id = assertion->client_id();
  std::string device_jkt = assertion->key().thumbprint();
  if (proof->jkt() != device_jkt && proof->jkt() != assertion->vouched_jkt()) {
    return fail(Code::proof_key_unvouched,
                "the DPoP proof is neither by the registered key nor by one that the client "
                "assertion names in cnf.jkt");
  }
  return AuthenticatedClient(std::move(client_id), std::move(device_jkt), std::move(*proof),
                             std::move(*assertion), std::nullopt);
}

Result<AuthenticatedClient> ClientAuthentication::check_certified(const Credentials& credentials,
                                                                  const ProvenTarget& target,
                                                                  Moment now) const {
  if (!credentials.client_id) {
    return fail(Code::client_unauthenticated,
                "the client is not authenticated: send OAuth-Client-Attestation, or "
                "client_assertion (private_key_jwt), and a DPoP proof; or, by mutual TLS, "
                "client_id");
  }
  const std::string& client_id = *credentials.client_id;
  if (!options_.mutual_tls.is_on()) {
    return fail(Code::mutual_tls_off,
                "a client_id alone authenticates no client: mutual TLS (RFC 8705) is off here; "
                "send OAuth-Client-Attestation, or client_assertion, and a DPoP proof");
  }
  if (!credentials.client_certificate) {
    return fail(Code::client_certificate_missing,
                "the client came without a certificate: show one on the device key in the TLS "
                "handshake (mint-agent token --mtls, curl --cert)");
  }
  const auto key = device_key(devices_, client_id);
  if (!key) return tl::unexpected<Error>(key.error());
  auto certificate = check_client_certificate(*credentials.client_certificate, client_id, *key,
                                              options_.mutual_tls, now);
  if (!certificate) return pass_on(certificate);
  if (credentials.proof.empty())
    return AuthenticatedClient(client_id, key->thumbprint(), std::nullopt, std::nullopt,
                               std::move(*certificate));
  // Who shows both gets a token that is good with both alone.
  auto proof = check_proof(credentials.proof, target, now);
  if (!proof) return pass_on(proof);
  if (proof->jkt() != key->thumbprint()) {
    return fail(Code::proof_key_mismatch,
                "the DPoP proof is by another key than the client's certificate");
  }
  return AuthenticatedClient(client_id, key->thumbprint(), std::move(*proof), std::nullopt,
                             std::move(*certificate));
}

Result<verify::ClientAssertion> ClientAuthentication::check_assertion(
    const Credentials& credentials, Moment now) const {
  if (credentials.client_attestation) {
    return fail(Code::client_methods_mixed,
                "this request is authenticated by client_assertion (private_key_jwt) alone; leave "
                "OAuth-Client-Attestation out");
  }
  if (credentials.client_assertion) return check_asserted_client(credentials, now);
  return fail(Code::client_unauthenticated,
              "the client is not authenticated: send client_assertion (private_key_jwt)");
}

bool ClientAuthentication::is_attested(const AuthenticatedClient& client) {
  return !client.assertion_ && !client.certificate_;
}

Result<void> ClientAuthentication::check_nonce(const AuthenticatedClient& client) const {
  if (!client.proof_) return {};  // A handshake is fresh by itself.
  const bool attested = is_attested(client);
  const auto& nonce = client.proof_->nonce();
  if (!nonce) {
    if (!options_.challenges_required) return {};
    return fail(attested ? Code::attestation_challenge_required : Code::dpop_nonce_required,
                "the DPoP proof needs the nonce that this answer's header gives");
  }
  if (nonces_.is_good(*nonce)) return {};
  return fail(
      attested ? Code::attestation_challenge_stale : Code::dpop_nonce_stale,
      "the DPoP proof's nonce is too old or not ours; take the one in this answer's header");
}

void ClientAuthentication::begin_again(Moment now) {
  nonces_.begin_again();
  start_ = now;
  proofs_.begin_again(now);
  assertions_.begin_again(now);
}

Result<void> ClientAuthentication::use_up(const verify::ClientAssertion& assertion, Moment now) {
  const Moment made =
      assertion.issued_at().value_or(assertion.expires_at() - verify::assertion_life);
  if (made > start_.load() + verify::assertion_future) return assertions_.remember(assertion, now);
  return fail(Code::assertion_before_start,
              "the client assertion was made before this service started, or less than " +
                  std::to_string(verify::assertion_future.count()) +
                  " s after, or does not say when (iat); make a new one");
}

Result<void> ClientAuthentication::use_up(const AuthenticatedClient& client, Moment now) {
  if (!client.proof_) return {};
  // A nonce that is given was found good.
  auto first = proofs_.remember(*client.proof_, now, client.proof_->nonce().has_value());
  if (first) return client.assertion_ ? assertions_.remember(*client.assertion_, now, true) : first;
  if (first.error().code != Code::proof_before_start) return first;
  return fail(
      is_attested(client) ? Code::attestation_challenge_required : Code::dpop_nonce_required,
      "the proof may have been used before this service started; make a new one, with the nonce "
      "that "
      "this answer's header gives");
}

}  // namespace mintmark::issuer
