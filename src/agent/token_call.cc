// One token from the issuer, or its verdict on this device, with the nonce that it wants.
#include "agent/agent.h"
#include "agent/asking.h"
#include "agent/proof.h"

namespace mintmark::agent {

// A client attestation vouches for its own key alone; for another one the key itself has to speak
// (docs/adr/0011). The issuer knows the key of an attested device too.
Result<ClientCredential> Agent::credential_for(const Identity& identity, DeviceKey& key,
                                               const SessionKey* session) {
  if (identity.attestation && session == nullptr)
    return ClientCredential::attestation(identity.attestation->text);
  const auto assertion =
      make_assertion(key, identity.client_id, identity.issuer, surroundings_.clock.now(),
                     session == nullptr ? "" : session->jkt());
  if (!assertion) return tl::unexpected<Error>(assertion.error());
  return ClientCredential::assertion(*assertion);
}

Result<std::string> Agent::nonce_for(IssuerClient& issuer, const Endpoints& endpoints) {
  std::string kept = state_.nonce(issuer.issuer());
  if (!kept.empty() || endpoints.challenge.empty()) return kept;
  return issuer.challenge(endpoints.challenge);
}

Result<TokenAnswer> Agent::ask(const Identity& identity, const TokenRequest& request,
                               SessionKey* session) {
  if (request.by_certificate) return ask_by_certificate(identity, request);
  auto issuer = IssuerClient::at(identity.issuer, transport(identity.ca_file));
  if (!issuer) return pass_on(issuer);
  const auto endpoints = issuer->endpoints();
  if (!endpoints) return tl::unexpected<Error>(endpoints.error());
  const auto key = open_key(identity);
  if (!key) return tl::unexpected<Error>(key.error());
  const auto nonce = nonce_for(*issuer, *endpoints);
  if (!nonce) return tl::unexpected<Error>(nonce.error());

  DeviceKey& bound = session == nullptr ? **key : *session;
  auto reply = ask_with_nonce<TokenAnswer>(*nonce, [&](const std::string& with) -> TokenReply {
    const auto credential = credential_for(identity, **key, session);
    if (!credential) return {tl::unexpected<Error>(credential.error()), ""};
    const auto proof =
        make_proof(bound, {"POST", endpoints->token, "", with}, surroundings_.clock.now());
    if (!proof) return {tl::unexpected<Error>(proof.error()), ""};
    return issuer->token(endpoints->token, request, *credential, *proof);
  });
  if (auto kept = keep_nonce(identity.issuer, reply.nonce); !kept) return pass_on(kept);
  return std::move(reply.answer);
}

Result<std::string> Agent::ask_result(const Identity& identity, const std::string& echoed) {
  auto issuer = IssuerClient::at(identity.issuer, transport(identity.ca_file));
  if (!issuer) return pass_on(issuer);
  const auto endpoints = issuer->endpoints();
  if (!endpoints) return tl::unexpected<Error>(endpoints.error());
  const auto key = open_key(identity);
  if (!key) return tl::unexpected<Error>(key.error());
  const auto nonce = nonce_for(*issuer, *endpoints);
  if (!nonce) return tl::unexpected<Error>(nonce.error());

  const std::string url = issuer->result_url(identity.client_id);
  const auto credential = ClientCredential::attestation(identity.attestation->text);
  auto reply = ask_with_nonce<std::string>(*nonce, [&](const std::string& with) -> ResultReply {
    const auto proof = make_proof(**key, {"GET", url, "", with}, surroundings_.clock.now());
    if (!proof) return {tl::unexpected<Error>(proof.error()), ""};
    return issuer->result(url, echoed, credential, *proof);
  });
  if (auto kept = keep_nonce(identity.issuer, reply.nonce); !kept) return pass_on(kept);
  return std::move(reply.answer);
}

// RFC 9449 §8.2: used until another one comes, also where this answer brought none.
Result<void> Agent::keep_nonce(const std::string& issuer, const std::string& nonce) {
  if (nonce.empty() || nonce == state_.nonce(issuer)) return {};
  return state_.save_nonce(issuer, nonce);
}

}  // namespace mintmark::agent
