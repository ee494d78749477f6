#include "agent/identity.h"

#include "agent/ak_certificate.h"
#include "jose/base64url.h"
#include "jose/members.h"

namespace mintmark::agent {
namespace {

using jose::Members;

Json to_json(const hsm::tpm2::KeyBlobs& blobs) {
  return {{"public", jose::base64url(blobs.public_area)},
          {"private", jose::base64url(blobs.private_area)}};
}

struct RecordWriter {
  Json operator()(const TpmKey& key) const {
    Json json = {{"kind", "tpm"},
                 {"tcti", key.tcti},
                 {"ek_fingerprint", key.ek_fingerprint},
                 {"device_key", to_json(key.device_key)}};
    if (const auto* persistent = std::get_if<hsm::tpm2::PersistentKey>(&key.ak)) {
      json["certified_ak"] = {{"handle", hsm::tpm2::name_of_handle(persistent->handle)},
                              {"certificate", key.ak_certificate}};
    } else {
      json["ek"] = hsm::tpm2::name_of(key.ek);
      json["ak"] = to_json(std::get<hsm::tpm2::KeyBlobs>(key.ak));
    }
    if (!key.logs.event_log.empty()) json["event_log"] = key.logs.event_log;
    if (!key.logs.ima_log.empty()) json["ima_log"] = key.logs.ima_log;
    return json;
  }
  Json operator()(const FileKey& /*key*/) const { return {{"kind", "file"}}; }
  Json operator()(const Pkcs11Key& key) const {
    return {{"kind", "pkcs11"},
            {"uri", key.uri},
            {"identity_id", jose::base64url(key.identity_id)},
            {"device_id", jose::base64url(key.device_id)},
            {"device_key", key.device_key},
            {"certificate", key.certificate},
            {"fingerprint", key.fingerprint}};
  }
};

hsm::tpm2::KeyBlobs blobs_in(Members& outer, const char* name) {
  Members members = outer.below(name);
  hsm::tpm2::KeyBlobs blobs{members.octets("public"), members.octets("private")};
  outer.adopt(members);
  return blobs;
}

hsm::tpm2::EkKind ek_in(Members& members, const char* name) {
  const auto kind = hsm::tpm2::ek_kind_named(members.text(name));
  if (!kind) members.refuse(name, "\"rsa\" or \"ecc\"");
  return kind.value_or(hsm::tpm2::EkKind::rsa);
}

// Not there in what was written before it was known.
std::string text_or_none(Members& members, const char* name) {
  return members.has(name) ? members.text(name) : std::string();
}

struct CertifiedAk {
  hsm::tpm2::PersistentKey key;
  std::string certificate;
};

CertifiedAk certified_ak_in(Members& outer) {
  Members members = outer.below("certified_ak");
  const auto handle = persistent_handle_in(members.text("handle"));
  if (!handle) members.refuse("handle", "a handle such as \"0x81000003\"");
  CertifiedAk ak{{handle.value_or(0)}, members.non_empty("certificate")};
  outer.adopt(members);
  return ak;
}

TpmKey tpm_key_in(Members& members) {
  const bool certified = members.has("certified_ak");
  const CertifiedAk ak = certified ? certified_ak_in(members) : CertifiedAk{};
  return {.tcti = members.text("tcti"),
          .ek = certified ? hsm::tpm2::EkKind::rsa : ek_in(members, "ek"),
          .ek_fingerprint = members.non_empty("ek_fingerprint"),
          .ak = certified ? hsm::tpm2::AttestationKey(ak.key) : blobs_in(members, "ak"),
          .device_key = blobs_in(members, "device_key"),
          .logs = {.event_log = text_or_none(members, "event_log"),
                   .ima_log = text_or_none(members, "ima_log")},
          .ak_certificate = ak.certificate};
}

Pkcs11Key pkcs11_key_in(Members& members) {
  return {.uri = members.non_empty("uri"),
          .identity_id = members.octets("identity_id"),
          .device_id = members.octets("device_id"),
          .device_key = members.object("device_key"),
          .certificate = members.text("certificate"),
          .fingerprint = members.non_empty("fingerprint")};
}

KeyRecord record_in(Members& outer) {
  Members members = outer.below("key");
  KeyRecord record = FileKey{};
  const std::string kind = members.text("kind");
  if (kind == "tpm") {
    record = tpm_key_in(members);
  } else if (kind == "pkcs11") {
    record = pkcs11_key_in(members);
  } else if (kind != "file") {
    members.refuse("kind", "\"tpm\" or \"file\" or \"pkcs11\"");
  }
  outer.adopt(members);
  return record;
}

Attestation attestation_in(Members& members) {
  return {.text = members.non_empty("client_attestation"),
          .attested_at = members.moment("attested_at"),
          .expires_at = members.moment("expires_at"),
          .boot_id = text_or_none(members, "boot_id")};
}

void write(const Attestation& attestation, Json& json) {
  json["client_attestation"] = attestation.text;
  json["attested_at"] = to_unix(attestation.attested_at);
  json["expires_at"] = to_unix(attestation.expires_at);
  if (!attestation.boot_id.empty()) json["boot_id"] = attestation.boot_id;
}

}  // namespace

Json to_json(const Identity& identity) {
  Json json = {{"issuer", identity.issuer},
               {"ca_file", identity.ca_file},
               {"key", std::visit(RecordWriter{}, identity.key)},
               {"jkt", identity.jkt},
               {"client_id", identity.client_id}};
  if (identity.attestation) write(*identity.attestation, json);
  return json;
}

Result<Identity> identity_from(const Json& json, const std::filesystem::path& file) {
  Members members(json, Code::agent_state_invalid, file.string() + ": ");
  Identity identity{.issuer = members.non_empty("issuer"),
                    .ca_file = members.text("ca_file"),
                    .key = record_in(members),
                    .jkt = members.non_empty("jkt"),
                    .client_id = members.non_empty("client_id"),
                    .attestation = std::nullopt};
  // Evidence is what such a key lives by.
  if (!std::holds_alternative<FileKey>(identity.key) || members.has("client_attestation"))
    identity.attestation = attestation_in(members);
  if (members.error()) return tl::unexpected<Error>(*members.error());
  return identity;
}

}  // namespace mintmark::agent
