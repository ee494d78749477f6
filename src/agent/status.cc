#include "agent/agent.h"
#include "agent/tokens.h"

namespace mintmark::agent {

Result<Json> Agent::status() const {
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  const auto tokens = state_.tokens();
  if (!tokens) return tl::unexpected<Error>(tokens.error());
  const Moment now = surroundings_.clock.now();

  Json cached = Json::array();
  for (const CachedToken& token : *tokens) {
    cached.push_back({{"audience", token.audience},
                      {"scope", token.scope},
                      {"expires_at", to_unix(token.expires_at)},
                      {"usable", token.jkt == identity->jkt && is_fresh(token, now)}});
  }
  return Json{
      {"issuer", identity->issuer},
      {"ca_file", identity->ca_file},
      {"client_id", identity->client_id},
      {"key", {{"kind", "tpm"}, {"tcti", identity->tcti}, {"jkt", identity->jkt}}},
      {"ek",
       {{"kind", hsm::tpm2::name_of(identity->ek)}, {"spki_sha256", identity->ek_fingerprint}}},
      {"attestation",
       {{"attested_at", to_unix(identity->attested_at)},
        {"expires_at", to_unix(identity->expires_at)},
        {"valid", now < identity->expires_at}}},
      {"tokens", std::move(cached)}};
}

}  // namespace mintmark::agent
