// Statements of format "android-key" (WebAuthn Level 3 §8.4).
#include "attest/android_key/key_description.h"
#include "attest/tpm2/ak_certificate.h"
#include "attest/webauthn/statement.h"

namespace mintmark::attest::webauthn {
namespace {

using android_key::AuthorizationList;
using android_key::KeyDescription;
using android_key::SecurityLevel;
using android_key::Tag;

bool is_software(const KeyDescription& key) {
  return key.attestation_security_level == SecurityLevel::software ||
         key.keymint_security_level == SecurityLevel::software;
}

/// §8.4.1: what a keystore in hardware enforces; of one in software, what it says it does, so that
/// the refusal is for being software.
Result<void> check_authorizations(const KeyDescription& key) {
  const AuthorizationList& hardware = key.hardware_enforced;
  const AuthorizationList& software = key.software_enforced;
  const bool weak = is_software(key);
  if (hardware.has(Tag::all_applications) || software.has(Tag::all_applications))
    return fail(Code::webauthn_certificate, "the key is for all applications, and not for one");
  const auto origin = hardware.has(Tag::origin) || !weak ? hardware.number(Tag::origin)
                                                         : software.number(Tag::origin);
  if (origin != android_key::origin_generated)
    return fail(Code::android_key_origin, "the keystore must have generated the key");
  if (!hardware.holds(Tag::purpose, android_key::purpose_sign) &&
      !(weak && software.holds(Tag::purpose, android_key::purpose_sign)))
    return fail(Code::android_key_purpose, "the key must be for signing");
  return {};
}

}  // namespace

Result<void> check_android_chain(const std::vector<const X509*>& verified,
                                 const android_key::RevocationList* revocations) {
  using android_key::CertificateStatus;
  for (std::size_t i = 0; i < verified.size(); ++i) {
    const std::string name = x509::name_text(X509_get_subject_name(verified[i]));
    if (i != 0 && is_android_keys(verified[i]))
      return fail(Code::android_extension_misplaced,
                  "\"" + name + "\" is itself an attested key: what it signed attests nothing");
    if (revocations == nullptr) continue;
    const auto status = revocations->status_of(verified[i]);
    if (status == CertificateStatus::good) continue;
    const bool revoked = status == CertificateStatus::revoked;
    return fail(revoked ? Code::android_revoked : Code::android_suspended,
                "Google's list has \"" + name + "\" as " + (revoked ? "revoked" : "suspended"));
  }
  return {};
}

Result<Proof> check_android_key(const Ceremony& ceremony) {
  const cbor::Value& statement = ceremony.object.statement;
  const auto algorithm = algorithm_in(statement);
  if (!algorithm) return tl::unexpected<Error>(algorithm.error());
  const auto signature = octets_in(statement, "sig");
  if (!signature) return tl::unexpected<Error>(signature.error());
  auto certificates = read_x5c(statement, Code::webauthn_statement);
  if (!certificates) return pass_on(certificates);
  X509* leaf = certificates->leaf.get();
  if (x509::is_authority(leaf))
    return fail(Code::webauthn_certificate, "the credential's certificate is an authority's");
  if (auto good =
          check_signed_by(key_of(*certificates), *algorithm, ceremony.signed_octets(), *signature);
      !good)
    return pass_on(good);
  if (!tpm2::same_key(key_of(*certificates), ceremony.credential().key.key.get()))
    return fail(Code::webauthn_key_mismatch, "the certificate is of another key");
  const auto content = android_key::key_description_in(leaf);
  if (!content)
    return fail(Code::android_extension_missing, "the certificate has no KeyDescription");
  const auto key = android_key::parse_key_description(*content);
  if (!key) return tl::unexpected<Error>(key.error());
  if (!equal_in_constant_time(key->attestation_challenge, ceremony.client_data_hash))
    return fail(Code::android_challenge, "attestationChallenge must be SHA-256 of the client data");
  if (auto authorized = check_authorizations(*key); !authorized) return pass_on(authorized);
  auto model = check_certified_aaguid(leaf, ceremony.credential().aaguid);
  if (!model) return pass_on(model);
  Proof proof{*algorithm, std::move(*certificates), std::nullopt, {}, {}, {}};
  proof.attested_model = *model;
  proof.attested_flags = false;
  if (is_software(*key))
    proof.rule = Error{Code::android_software, "the key is in a software keystore"};
  return proof;
}

}  // namespace mintmark::attest::webauthn
