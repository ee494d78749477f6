#include "hsm/tpm2/issuer_evidence.h"

#include "hsm/tpm2/endorsement.h"
#include "hsm/tpm2/octets.h"
#include "jose/base64url.h"

namespace mintmark::hsm::tpm2 {
namespace {

void append_field(Bytes& to, BytesView field) {
  const auto length = static_cast<std::uint32_t>(field.size());
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    to.push_back(static_cast<std::uint8_t>(length >> shift & 0xFFU));
  to.insert(to.end(), field.begin(), field.end());
}

Sha256 binding_of(const EvidenceOf& of) {
  Bytes all;
  for (const std::string_view field :
       {std::string_view("mintmark key evidence v1"), std::string_view(of.issuer),
        std::string_view(of.key.thumbprint())})
    append_field(all, as_bytes(field));
  return sha256(all);
}

// What is no secret for evidence may be one for an enrolment: it is not told.
Result<Secret> only_of_evidence(Result<Secret> opened) {
  if (!opened) return opened;
  const BytesView octets = opened->view();
  const BytesView label = as_bytes(activation_label);
  if (octets.size() > label.size() && equal_in_constant_time(octets.first(label.size()), label))
    return opened;
  return fail(Code::activation_secret_foreign,
              "the credential's secret is not one that is made to be given away: it must begin "
              "with \"" +
                  std::string(activation_label) + "\"");
}

Json json_of(const Statement& statement) {
  return {{"attest", jose::base64url(statement.attest)},
          {"signature", jose::base64url(statement.signature)}};
}

}  // namespace

Result<KeyEvidence> key_evidence(const Tpm& tpm, const Engagement& with, const Secret& auth,
                                 const EvidenceOf& of) {
  const auto alive = check_counter(tpm, with, auth, of.signing.policy);
  if (!alive) return tl::unexpected<Error>(alive.error());
  const Sha256 binding = binding_of(of);
  const auto certified = certify_with(tpm, with, auth, of.ak, of.signing.blobs, binding);
  if (!certified) return tl::unexpected<Error>(certified.error());
  const std::uint32_t index = of.signing.policy.counter_index;
  const auto counted = certify_counter(tpm, with, auth, of.ak, index, binding);
  if (!counted) return tl::unexpected<Error>(counted.error());
  const auto certificates = all_ek_certificates(tpm);
  if (!certificates) return tl::unexpected<Error>(certificates.error());
  const auto chain = ek_certificate_chain(tpm);
  if (!chain) return tl::unexpected<Error>(chain.error());

  Json eks = Json::array();
  for (const EkCertificate& ek : *certificates)
    eks.push_back({{"nv_index", ek.nv_index}, {"certificate", jose::base64url(ek.der)}});
  Json helpers = Json::array();
  for (const Bytes& certificate : *chain) helpers.push_back(jose::base64url(certificate));
  Json facts = {{"kid", of.key.thumbprint()},
                {"issuer", of.issuer},
                {"public", jose::base64url(of.signing.blobs.public_area)},
                {"ak_public", jose::base64url(of.ak.public_area)},
                {"certify", json_of(*certified)},
                {"counter",
                 {{"index", index},
                  {"value", of.signing.policy.counter_value},
                  {"certify", json_of(*counted)}}},
                {"ek", std::move(eks)},
                {"ek_chain", std::move(helpers)}};
  const Bytes& authority = of.signing.policy.boot_authority;
  if (with.boot != nullptr && with.boot->name() == authority) {
    facts["boot"] = {{"authority", jose::base64url(marshalled(with.boot->area(),
                                                              Tss2_MU_TPM2B_PUBLIC_Marshal))}};
  } else if (!authority.empty()) {
    return fail(Code::hsm_boot_policy,
                "the key demands a boot state whose authority is not configured");
  }
  return KeyEvidence{"tpm2-certify", std::move(facts)};
}

Result<Secret> activate_ak(const Tpm& tpm, const Engagement& with, const Secret& auth,
                           const KeyBlobs& ak_blobs, const SealedCredential& credential) {
  const auto certificates = all_ek_certificates(tpm);
  if (!certificates) return tl::unexpected<Error>(certificates.error());
  for (const EkCertificate& ek : *certificates) {
    if (ek.nv_index != credential.ek_index) continue;
    const auto ak = load_with_auth(tpm, with, auth, ak_blobs);
    if (!ak) return tl::unexpected<Error>(ak.error());
    return only_of_evidence(open_credential(
        tpm, ek, *ak, with.session.id(), credential.credential_blob, credential.encrypted_secret));
  }
  return fail(Code::activation_unavailable, "the TPM has no EK certificate at that NV index");
}

}  // namespace mintmark::hsm::tpm2
