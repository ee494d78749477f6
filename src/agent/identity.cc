#include "agent/identity.h"

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
    return {{"kind", "tpm"},
            {"tcti", key.tcti},
            {"ek", hsm::tpm2::name_of(key.ek)},
            {"ek_fingerprint", key.ek_fingerprint},
            {"ak", to_json(key.ak)},
            {"device_key", to_json(key.device_key)}};
  }
  Json operator()(const FileKey& /*key*/) const { return {{"kind", "file"}}; }
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

TpmKey tpm_key_in(Members& members) {
  return {.tcti = members.text("tcti"),
          .ek = ek_in(members, "ek"),
          .ek_fingerprint = members.non_empty("ek_fingerprint"),
          .ak = blobs_in(members, "ak"),
          .device_key = blobs_in(members, "device_key")};
}

KeyRecord record_in(Members& outer) {
  Members members = outer.below("key");
  KeyRecord record = FileKey{};
  const std::string kind = members.text("kind");
  if (kind == "tpm") {
    record = tpm_key_in(members);
  } else if (kind != "file") {
    members.refuse("kind", "\"tpm\" or \"file\"");
  }
  outer.adopt(members);
  return record;
}

}  // namespace

Json to_json(const Identity& identity) {
  Json json = {{"issuer", identity.issuer},
               {"ca_file", identity.ca_file},
               {"key", std::visit(RecordWriter{}, identity.key)},
               {"jkt", identity.jkt},
               {"client_id", identity.client_id}};
  if (identity.attestation) {
    json["client_attestation"] = identity.attestation->text;
    json["attested_at"] = to_unix(identity.attestation->attested_at);
    json["expires_at"] = to_unix(identity.attestation->expires_at);
  }
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
  // Evidence is what a TPM's key lives by.
  if (std::holds_alternative<TpmKey>(identity.key) || members.has("client_attestation")) {
    identity.attestation = Attestation{.text = members.non_empty("client_attestation"),
                                       .attested_at = members.moment("attested_at"),
                                       .expires_at = members.moment("expires_at")};
  }
  if (members.error()) return tl::unexpected<Error>(*members.error());
  return identity;
}

}  // namespace mintmark::agent
