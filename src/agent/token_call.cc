// One token from the issuer, with the nonce that it wants.
#include "agent/agent.h"
#include "agent/proof.h"

namespace mintmark::agent {
namespace {

bool asks_for_nonce(const Error& error) {
  const std::string_view oauth = facts_of(error.code).oauth_error;
  return oauth == "use_dpop_nonce" || oauth == "use_attestation_challenge";
}

bool another_proof_may_pass(const TokenReply& reply) {
  if (reply.answer) return false;
  const Error& error = reply.answer.error();
  return is_about_proof(error) || (asks_for_nonce(error) && !reply.nonce.empty());
}

}  // namespace

Result<ClientCredential> Agent::credential_of(const Identity& identity, DeviceKey& key) {
  if (identity.attestation) return ClientCredential::attestation(identity.attestation->text);
  const auto assertion =
      make_assertion(key, identity.client_id, identity.issuer, surroundings_.clock.now());
  if (!assertion) return tl::unexpected<Error>(assertion.error());
  return ClientCredential::assertion(*assertion);
}

Result<std::string> Agent::nonce_for(IssuerClient& issuer, const Endpoints& endpoints) {
  std::string kept = state_.nonce(issuer.issuer());
  if (!kept.empty() || endpoints.challenge.empty()) return kept;
  return issuer.challenge(endpoints.challenge);
}

Result<TokenAnswer> Agent::ask(const Identity& identity, const TokenRequest& request) {
  auto issuer = IssuerClient::at(identity.issuer, transport(identity.ca_file));
  if (!issuer) return pass_on(issuer);
  const auto endpoints = issuer->endpoints();
  if (!endpoints) return tl::unexpected<Error>(endpoints.error());
  const auto key = open_key(identity);
  if (!key) return tl::unexpected<Error>(key.error());
  auto nonce = nonce_for(*issuer, *endpoints);
  if (!nonce) return pass_on(nonce);

  const auto ask_once = [&]() -> TokenReply {
    const auto credential = credential_of(identity, **key);
    if (!credential) return {tl::unexpected<Error>(credential.error()), ""};
    const auto proof =
        make_proof(**key, {"POST", endpoints->token, "", *nonce}, surroundings_.clock.now());
    if (!proof) return {tl::unexpected<Error>(proof.error()), ""};
    return issuer->token(endpoints->token, request, *credential, *proof);
  };
  TokenReply reply = ask_once();
  if (another_proof_may_pass(reply)) {
    if (!reply.nonce.empty()) nonce = reply.nonce;
    TokenReply second = ask_once();
    if (second.nonce.empty()) second.nonce = std::move(reply.nonce);
    reply = std::move(second);
  }
  // RFC 9449 §8.2: used until another one comes, also where this answer brought none.
  if (!reply.nonce.empty() && reply.nonce != state_.nonce(identity.issuer)) {
    if (auto saved = state_.save_nonce(identity.issuer, reply.nonce); !saved) return pass_on(saved);
  }
  return std::move(reply.answer);
}

}  // namespace mintmark::agent
