#include "attest/apple_appattest/attestation.h"

#include <algorithm>

#include "attest/apple_appattest/app.h"
#include "attest/tpm2/ak_certificate.h"
#include "jose/key.h"

namespace mintmark::attest::apple_appattest {
namespace {

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(Code::appattest_object_malformed, "the attestation object " + why);
}

webauthn::Aaguid aaguid_named(std::string_view text) {
  webauthn::Aaguid aaguid{};
  std::copy(text.begin(), text.end(), aaguid.begin());
  return aaguid;
}

/// The attested key: on P-256, and the certificate's, the credential's and the key id's alike.
Result<void> check_key(const Attestation& attestation, const Expected& expected) {
  const EVP_PKEY* certified = webauthn::key_of(attestation.certificates);
  const webauthn::AttestedCredential& credential = attestation.credential();
  if (!tpm2::same_key(certified, credential.key.key.get()))
    return fail(Code::appattest_key_mismatch, "the certificate is of another key");
  const auto key = jose::PublicKey::from_spki(credential.spki);
  if (!key || key->algorithm() != jose::Algorithm::es256)
    return fail(Code::appattest_certificate, "an attested key is on P-256");
  const Sha256 id = sha256(key->to_point());
  if (expected.key_id && !equal_in_constant_time(*expected.key_id, id))
    return fail(Code::appattest_key_id, "the key id must be SHA-256 of the attested key's point");
  if (!equal_in_constant_time(credential.id, id))
    return fail(Code::appattest_credential_id,
                "the credential id must be SHA-256 of the attested key's point");
  return {};
}

}  // namespace

const char* name_of(Environment environment) {
  return environment == Environment::production ? "production" : "development";
}

std::optional<Environment> environment_of(const webauthn::Aaguid& aaguid) {
  if (aaguid == aaguid_named("appattest")) return Environment::production;
  if (aaguid == aaguid_named("appattestdevelop")) return Environment::development;
  return std::nullopt;
}

Result<Attestation> parse_attestation(BytesView octets) {
  auto whole = cbor::parse(octets);
  if (!whole) return pass_on(whole);
  const auto format = whole->find("fmt");
  const auto statement = whole->find("attStmt");
  const auto data = whole->find("authData");
  if (!format || format->text() != "apple-appattest")
    return malformed("must have \"fmt\": \"apple-appattest\"");
  if (!statement || !statement->is_map()) return malformed("must have a map \"attStmt\"");
  if (!data || !data->octets()) return malformed("must have octets \"authData\"");
  auto parsed = webauthn::parse_authenticator_data(*data->octets());
  if (!parsed) return malformed("cannot be read: " + parsed.error().detail);
  if (!parsed->credential) return malformed("has no attested credential (flag AT)");
  auto certificates = webauthn::read_x5c(*statement, Code::appattest_object_malformed);
  if (!certificates) return pass_on(certificates);
  const auto receipt = statement->find("receipt");
  if (receipt && !receipt->octets()) return malformed("has a receipt that is no octets");
  return Attestation{to_bytes(*data->octets()), std::move(*parsed), std::move(*certificates),
                     receipt ? to_bytes(*receipt->octets()) : Bytes()};
}

Result<std::string> app_of(const Sha256& rp_id_hash, const Expected& expected) {
  if (expected.app_ids.empty()) return std::string();
  for (const std::string& id : expected.app_ids) {
    if (equal_in_constant_time(sha256(id), rp_id_hash)) return id;
  }
  return fail(Code::appattest_app_id, "it is of no app that is known here (TEAMID.bundle.id)");
}

Result<std::string> check_attestation(const Attestation& attestation, const Expected& expected) {
  X509* leaf = attestation.certificates.leaf.get();
  if (x509::is_authority(leaf))
    return fail(Code::appattest_certificate, "the key's certificate is an authority's");
  if (expected.client_data_hash) {
    Bytes octets = attestation.octets;
    octets.insert(octets.end(), expected.client_data_hash->begin(),
                  expected.client_data_hash->end());
    const auto nonce = webauthn::apple_nonce_of(leaf);
    if (!nonce || !equal_in_constant_time(*nonce, sha256(octets)))
      return fail(Code::appattest_nonce,
                  "extension 1.2.840.113635.100.8.2 must hold SHA-256(authData || "
                  "clientDataHash): attest with the binding of this ticket as clientDataHash");
  }
  if (auto key = check_key(attestation, expected); !key) return pass_on(key);
  auto app = app_of(attestation.data.rp_id_hash, expected);
  if (!app) return app;
  if (attestation.data.sign_count != 0)
    return fail(Code::appattest_counter, "the counter of an attestation is 0");
  if (!environment_of(attestation.credential().aaguid))
    return fail(Code::appattest_environment, "aaguid is of no environment of App Attest");
  return app;
}

Result<x509::Chain> check_chain(const Attestation& attestation, const x509::Trust& trust,
                                const std::string& root_digest, Moment at) {
  auto chain =
      x509::check_chain(attestation.certificates.leaf.get(), attestation.certificates.offered,
                        trust, at, x509::ExpiredAuthorities::refuse);
  if (!chain) {
    const x509::ChainRefusal& refusal = chain.error();
    const bool root = refusal.fault == x509::ChainFault::untrusted_root ||
                      refusal.fault == x509::ChainFault::refused_root;
    return fail(root ? Code::appattest_root : x509::code_of(refusal.fault), refusal.reason);
  }
  if (chain->root != root_digest)
    return fail(Code::appattest_root,
                "the chain ends at another certificate than the root whose digest is pinned");
  return std::move(*chain);
}

}  // namespace mintmark::attest::apple_appattest
