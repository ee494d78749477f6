#include "agent/agent.h"
#include "agent/renewal.h"
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
  // What keeps it there is the module's word.
  Json operator()(const Pkcs11Key& key) const {
    return {{"kind", "pkcs11"},
            {"protection", "token"},
            {"uri", key.uri},
            {"id", to_hex(key.device_id)}};
  }
  const std::filesystem::path& key_file;
};

// Which key of the TPM the issuer knows it by.
void write_voucher(const TpmKey& key, Json& status) {
  const auto* persistent = std::get_if<hsm::tpm2::PersistentKey>(&key.ak);
  if (persistent == nullptr) {
    status["ek"] = {{"kind", hsm::tpm2::name_of(key.ek)}, {"spki_sha256", key.ek_fingerprint}};
    return;
  }
  status["ak"] = {{"handle", hsm::tpm2::name_of_handle(persistent->handle)},
                  {"certificate", key.ak_certificate},
                  {"spki_sha256", key.ek_fingerprint}};
}

void write_voucher(const Pkcs11Key& key, Json& status) {
  status["identity"] = {{"id", to_hex(key.identity_id)},
                        {"certificate", key.certificate},
                        {"spki_sha256", key.fingerprint}};
}

Json to_json(const Attestation& attestation, const std::string& boot_id, Moment now) {
  Json json = {{"attested_at", to_unix(attestation.attested_at)},
               {"expires_at", to_unix(attestation.expires_at)},
               {"valid", now < attestation.expires_at}};
  if (const auto due = renewal_reason(attestation, boot_id, now)) json["due"] = *due;
  return json;
}

Json to_json(const RenewalRecord& record, Moment now) {
  return {{"at", to_unix(record.tried_at)},
          {"ago", std::max<std::int64_t>((now - record.tried_at).count(), 0)},
          {"code", record.failure->code},
          {"detail", record.failure->detail},
          {"in_a_row", record.failures}};
}

// Where nothing is enrolled, why not is the best that can be told.
Error with_last_failure(Error error, const RenewalRecord& record) {
  if (error.code == Code::agent_not_enrolled && record.failure)
    error.detail += "; the last try: " + record.failure->code + ": " + record.failure->detail;
  return error;
}

}  // namespace

Result<Json> Agent::status() const {
  const RenewalRecord record = state_.renewal();
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(with_last_failure(identity.error(), record));
  const auto tokens = state_.tokens();
  if (!tokens) return tl::unexpected<Error>(tokens.error());
  const Moment now = surroundings_.clock.now();

  Json cached = Json::array();
  for (const CachedToken& token : *tokens) {
    cached.push_back({{"audience", token.audience},
                      {"scope", token.scope},
                      {"bound_to", token.certificate.empty() ? "key" : "certificate"},
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
  if (const auto* tpm = std::get_if<TpmKey>(&identity->key)) write_voucher(*tpm, status);
  if (const auto* element = std::get_if<Pkcs11Key>(&identity->key)) write_voucher(*element, status);
  if (identity->attestation)
    status["attestation"] = to_json(*identity->attestation, surroundings_.boot_id(), now);
  if (record.failure)
    status[record.failure->refused ? "refusal" : "failure"] = to_json(record, now);
  return status;
}

}  // namespace mintmark::agent
