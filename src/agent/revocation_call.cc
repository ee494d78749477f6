// Tokens that are not wanted any more.
#include <algorithm>

#include "agent/agent.h"
#include "agent/asking.h"
#include "agent/proof.h"

namespace mintmark::agent {

Result<std::size_t> Agent::revoke(const std::string& token) {
  const auto lock = state_.lock();
  if (!lock) return tl::unexpected<Error>(lock.error());
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  auto kept = state_.tokens();
  if (!kept) return pass_on(kept);
  auto issuer = IssuerClient::at(identity->issuer, transport(identity->ca_file));
  if (!issuer) return pass_on(issuer);
  const auto endpoints = issuer->endpoints();
  if (!endpoints) return tl::unexpected<Error>(endpoints.error());
  if (endpoints->revocation.empty()) {
    return fail(Code::issuer_metadata_invalid,
                "the issuer's metadata names no revocation_endpoint; its tokens end by themselves");
  }
  std::vector<std::string> wanted{token};
  if (token.empty()) {
    wanted.clear();
    for (const CachedToken& one : *kept) wanted.push_back(one.token);
  }
  for (const std::string& one : wanted) {
    if (auto done = take_back(*identity, *issuer, *endpoints, one); !done) return pass_on(done);
    std::erase_if(*kept, [&](const CachedToken& old) { return old.token == one; });
    if (auto saved = state_.save(*kept); !saved) return pass_on(saved);
  }
  return wanted.size();
}

Result<void> Agent::take_back(const Identity& identity, IssuerClient& issuer,
                              const Endpoints& endpoints, const std::string& token) {
  const auto key = open_key(identity);
  if (!key) return tl::unexpected<Error>(key.error());
  const auto nonce = nonce_for(issuer, endpoints);
  if (!nonce) return tl::unexpected<Error>(nonce.error());
  auto reply = ask_with_nonce<void>(*nonce, [&](const std::string& with) -> RevocationReply {
    const Moment now = surroundings_.clock.now();
    const auto assertion = make_assertion(**key, identity.client_id, identity.issuer, now, "");
    if (!assertion) return {tl::unexpected<Error>(assertion.error()), ""};
    const auto proof = make_proof(**key, {"POST", endpoints.revocation, "", with}, now);
    if (!proof) return {tl::unexpected<Error>(proof.error()), ""};
    return issuer.revoke(endpoints.revocation, token, ClientCredential::assertion(*assertion),
                         *proof);
  });
  if (auto saved = keep_nonce(identity.issuer, reply.nonce); !saved) return saved;
  return std::move(reply.answer);
}

}  // namespace mintmark::agent
