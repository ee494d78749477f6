#include "agent/agent.h"
#include "agent/tokens.h"

namespace mintmark::agent {
namespace {

// What the status says of a key: where it lives, and what keeps it there.
struct KeyStatus {
  Json operator()(const TpmKey& key) const {
    return {{"kind", "tpm"}, {"protection", "hardware"}, {"tcti", key.tcti}};
  }
  Json operator()(const FileKey& /*key*/) const {
    return {{"kind", "file"}, {"protection", "none"}, {"file", key_file.string()}};
  }
  const std::filesystem::path& key_file;
};

}  // namespace

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
  const std::filesystem::path key_file = state_.key_file();
  Json key = std::visit(KeyStatus{key_file}, identity->key);
  key["jkt"] = identity->jkt;
  Json status = {{"issuer", identity->issuer},
                 {"ca_file", identity->ca_file},
                 {"client_id", identity->client_id},
                 {"key", std::move(key)},
                 {"tokens", std::move(cached)}};
  if (const auto* tpm = std::get_if<TpmKey>(&identity->key))
    status["ek"] = {{"kind", hsm::tpm2::name_of(tpm->ek)}, {"spki_sha256", tpm->ek_fingerprint}};
  if (identity->attestation) {
    status["attestation"] = {{"attested_at", to_unix(identity->attestation->attested_at)},
                             {"expires_at", to_unix(identity->attestation->expires_at)},
                             {"valid", now < identity->attestation->expires_at}};
  }
  return status;
}

}  // namespace mintmark::agent
