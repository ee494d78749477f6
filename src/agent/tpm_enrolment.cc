#include <openssl/x509.h>

#include <memory>

#include "agent/enrolment.h"
#include "agent/proof.h"
#include "agent/tpm_key.h"
#include "attest/tpm2/binding.h"
#include "hsm/tpm2/public_area.h"

namespace mintmark::agent {
namespace {

using hsm::tpm2::Device;
using hsm::tpm2::EkCertificate;
using hsm::tpm2::KeyBlobs;

struct Material {
  EkCertificate ek;
  Bytes ek_spki;
  KeyBlobs ak;
  Bytes ak_name;
  KeyBlobs device_key;
  Bytes device_name;

  [[nodiscard]] Presented presented() const {
    return {ek.der, ak.public_area, device_key.public_area};
  }
};

// As it stands in the certificate: that is what the issuer hashes too.
Result<Bytes> spki_of(BytesView certificate_der) {
  const std::uint8_t* position = certificate_der.data();
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      d2i_X509(nullptr, &position, static_cast<long>(certificate_der.size())), &X509_free);
  std::uint8_t* encoded = nullptr;
  const int size =
      certificate ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &encoded) : -1;
  if (size <= 0)
    return fail(Code::tpm_no_ek_certificate, "the EK certificate in the TPM cannot be read");
  Bytes spki(encoded, encoded + size);
  OPENSSL_free(encoded);
  return spki;
}

Result<Material> gather(Device& device, std::optional<hsm::tpm2::EkKind> wanted) {
  auto ek = device.ek_certificate(wanted);
  if (!ek) return pass_on(ek);
  auto spki = spki_of(ek->der);
  if (!spki) return pass_on(spki);
  auto ak = device.create_attestation_key();
  if (!ak) return pass_on(ak);
  auto ak_name = hsm::tpm2::name_of_public(ak->public_area);
  if (!ak_name) return pass_on(ak_name);
  auto key = device.create_device_key();
  if (!key) return pass_on(key);
  auto key_name = hsm::tpm2::name_of_public(key->public_area);
  if (!key_name) return pass_on(key_name);
  return Material{std::move(*ek),      std::move(*spki), std::move(*ak),
                  std::move(*ak_name), std::move(*key),  std::move(*key_name)};
}

Result<ChallengeAnswer> answer_challenge(Device& device, const std::string& issuer,
                                         const Material& material, const Challenge& challenge) {
  auto secret = device.activate_credential(material.ek, material.ak, challenge.credential_blob,
                                           challenge.encrypted_secret);
  if (!secret) return pass_on(secret);
  const Sha256 binding = attest::tpm2::binding_of(issuer, challenge.ticket, material.ek_spki,
                                                  material.ak_name, material.device_name);
  auto certify = device.certify(material.device_key, material.ak, binding);
  if (!certify) return pass_on(certify);
  auto quote = device.quote(material.ak, challenge.pcr_bank, challenge.pcr_selection, binding);
  if (!quote) return pass_on(quote);
  return ChallengeAnswer{challenge.ticket, std::move(*secret), std::move(*certify),
                         std::move(*quote)};
}

Result<Admission> attempt(Device& device, IssuerClient& issuer, const Material& material,
                          const Clock& clock) {
  const auto challenge = issuer.begin(material.presented());
  if (!challenge) return tl::unexpected<Error>(challenge.error());
  const auto answer = answer_challenge(device, issuer.issuer(), material, *challenge);
  if (!answer) return tl::unexpected<Error>(answer.error());
  auto key = TpmDeviceKey::in(device, material.device_key);
  if (!key) return pass_on(key);
  const auto proof = make_proof(*key, {"POST", issuer.finish_url(tpm2_format), ""}, clock.now());
  if (!proof) return tl::unexpected<Error>(proof.error());
  return issuer.finish(material.presented(), *answer, *proof);
}

}  // namespace

Result<Enrolment> enrol_by_tpm(Device& device, const ByTpm& way, IssuerClient& issuer,
                               const Clock& clock) {
  auto material = gather(device, way.ek);
  if (!material) return pass_on(material);
  const auto key = hsm::tpm2::key_of_public(material->device_key.public_area);
  if (!key) return tl::unexpected<Error>(key.error());

  auto admission = attempt(device, issuer, *material, clock);
  if (!admission && may_pass_with_a_fresh_ticket(admission.error()))
    admission = attempt(device, issuer, *material, clock);
  std::string fingerprint = to_hex(sha256(material->ek_spki));
  if (!admission && admission.error().code == Code::enrolment_pending)
    return PendingEnrolment{std::move(fingerprint)};
  if (!admission) return pass_on(admission);

  const Moment now = clock.now();
  return Identity{.issuer = issuer.issuer(),
                  .ca_file = "",
                  .key = TpmKey{.tcti = way.tcti,
                                .ek = material->ek.kind,
                                .ek_fingerprint = std::move(fingerprint),
                                .ak = std::move(material->ak),
                                .device_key = std::move(material->device_key)},
                  .jkt = key->thumbprint(),
                  .client_id = std::move(admission->client_id),
                  .attestation = Attestation{.text = std::move(admission->client_attestation),
                                             .attested_at = now,
                                             .expires_at = now + admission->expires_in}};
}

}  // namespace mintmark::agent
