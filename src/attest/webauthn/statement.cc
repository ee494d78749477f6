#include "attest/webauthn/statement.h"

#include "attest/tpm2/ak_certificate.h"
#include "jose/key.h"

namespace mintmark::attest::webauthn {
namespace {

Result<void> check_none(const Ceremony& ceremony) {
  if (ceremony.object.statement.size() != 0)
    return fail(Code::webauthn_statement, "a statement of format \"none\" must be empty");
  return fail(Code::webauthn_none,
              "the authenticator attests nothing (\"none\"): ask for attestation \"direct\"");
}

/// The uncompressed point of a key on P-256; empty for any other.
Bytes p256_point_of(BytesView spki) {
  const auto key = jose::PublicKey::from_spki(spki);
  return key && key->algorithm() == jose::Algorithm::es256 ? key->to_point() : Bytes();
}

std::string organisation_of(const X509* leaf) {
  const X509_NAME* subject = X509_get_subject_name(leaf);
  const int at = X509_NAME_get_index_by_NID(subject, NID_organizationName, -1);
  if (at < 0) return {};
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  return printable(
      as_text({ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text))}));
}

Result<Proof> check_self(const Ceremony& ceremony, std::int64_t algorithm, BytesView signature) {
  const cbor::CoseKey& key = ceremony.credential().key;
  if (key.algorithm != algorithm)
    return fail(Code::webauthn_alg, "self attestation must use the algorithm of the credential");
  if (auto good = check_signed_by(key.key.get(), algorithm, ceremony.signed_octets(), signature);
      !good)
    return pass_on(good);
  Proof proof{algorithm, std::nullopt, std::nullopt, {}, {}, {}};
  proof.attested_model = proof.attested_flags = false;
  return proof;
}

}  // namespace

Bytes Ceremony::signed_octets() const {
  Bytes octets = object.octets;
  octets.insert(octets.end(), client_data_hash.begin(), client_data_hash.end());
  return octets;
}

Result<std::int64_t> algorithm_in(const cbor::Value& statement) {
  const auto found = statement.find("alg");
  if (!found || !found->integer())
    return fail(Code::webauthn_statement, "the statement must have a number \"alg\"");
  return *found->integer();
}

Result<BytesView> octets_in(const cbor::Value& statement, const char* name) {
  const auto found = statement.find(name);
  if (!found || !found->octets())
    return fail(Code::webauthn_statement,
                std::string("the statement must have octets \"") + name + "\"");
  return *found->octets();
}

Result<void> check_signed_by(EVP_PKEY* key, std::int64_t algorithm, BytesView signed_octets,
                             BytesView signature) {
  auto good = cbor::check_signature(algorithm, key, signed_octets, signature, /*raw=*/false);
  if (good) return {};
  if (good.error().code == Code::cose_alg_refused)
    return fail(Code::webauthn_alg, "\"alg\": " + good.error().detail);
  return fail(Code::webauthn_signature, "the attestation key did not make this signature");
}

Result<Proof> check_packed(const Ceremony& ceremony) {
  const cbor::Value& statement = ceremony.object.statement;
  const auto algorithm = algorithm_in(statement);
  if (!algorithm) return tl::unexpected<Error>(algorithm.error());
  const auto signature = octets_in(statement, "sig");
  if (!signature) return tl::unexpected<Error>(signature.error());
  if (!statement.find("x5c")) return check_self(ceremony, *algorithm, *signature);
  auto certificates = read_x5c(statement, Code::webauthn_statement);
  if (!certificates) return pass_on(certificates);
  X509* leaf = certificates->leaf.get();
  if (auto good =
          check_signed_by(key_of(*certificates), *algorithm, ceremony.signed_octets(), *signature);
      !good)
    return pass_on(good);
  if (auto usual = check_packed_certificate(leaf); !usual) return pass_on(usual);
  if (auto model = check_certified_aaguid(leaf, ceremony.credential().aaguid); !model)
    return pass_on(model);
  std::string maker = organisation_of(leaf);
  return Proof{*algorithm, std::move(*certificates), std::nullopt, std::move(maker), {}, {}};
}

Result<Proof> check_fido_u2f(const Ceremony& ceremony) {
  const cbor::Value& statement = ceremony.object.statement;
  const AttestedCredential& credential = ceremony.credential();
  const auto signature = octets_in(statement, "sig");
  if (!signature) return tl::unexpected<Error>(signature.error());
  auto certificates = read_x5c(statement, Code::webauthn_statement);
  if (!certificates) return pass_on(certificates);
  X509* leaf = certificates->leaf.get();
  if (!certificates->offered.empty())
    return fail(Code::webauthn_statement, "\"x5c\" of U2F holds one certificate");
  if (is_android_keys(leaf) || is_tpm_keys(leaf) || x509::is_authority(leaf) ||
      p256_point_of(x509::spki_of(leaf)).empty())
    return fail(Code::webauthn_certificate,
                "a U2F token's certificate has a key on P-256, and is neither an authority's nor "
                "an Android key's nor a TPM's");
  const Bytes point = p256_point_of(credential.spki);
  if (point.empty())
    return fail(Code::webauthn_key_malformed, "a U2F credential has a key on P-256");
  if (credential.aaguid != Aaguid{})
    return fail(Code::webauthn_aaguid, "U2F tokens name no model: aaguid must be zero");
  // §8.6, 5.
  Bytes octets{0x00};
  const Sha256& rp = ceremony.object.data.rp_id_hash;
  for (const BytesView part : {BytesView(rp), BytesView(ceremony.client_data_hash),
                               BytesView(credential.id), BytesView(point)})
    octets.insert(octets.end(), part.begin(), part.end());
  constexpr auto es256 = static_cast<std::int64_t>(cbor::CoseAlgorithm::es256);
  if (auto good = check_signed_by(key_of(*certificates), es256, octets, *signature); !good)
    return pass_on(good);
  std::string maker = organisation_of(leaf);
  Proof proof{std::nullopt, std::move(*certificates), std::nullopt, std::move(maker), {}, {}};
  proof.attested_flags = false;
  return proof;
}

Result<Proof> check_apple(const Ceremony& ceremony) {
  auto certificates = read_x5c(ceremony.object.statement, Code::webauthn_statement);
  if (!certificates) return pass_on(certificates);
  X509* leaf = certificates->leaf.get();
  if (x509::is_authority(leaf))
    return fail(Code::webauthn_certificate, "the credential's certificate is an authority's");
  const auto nonce = apple_nonce_of(leaf);
  if (!nonce || !equal_in_constant_time(*nonce, sha256(ceremony.signed_octets())))
    return fail(Code::webauthn_nonce,
                "extension 1.2.840.113635.100.8.2 must hold SHA-256(authData || clientDataHash)");
  if (!tpm2::same_key(key_of(*certificates), ceremony.credential().key.key.get()))
    return fail(Code::webauthn_key_mismatch, "the certificate is of another key");
  return Proof{std::nullopt, std::move(*certificates), std::nullopt, "Apple", {}, {}};
}

Result<Proof> check_statement(const Ceremony& ceremony) {
  const std::string& format = ceremony.object.format;
  if (format == "packed") return check_packed(ceremony);
  if (format == "tpm") return check_tpm(ceremony);
  if (format == "android-key") return check_android_key(ceremony);
  if (format == "fido-u2f") return check_fido_u2f(ceremony);
  if (format == "apple") return check_apple(ceremony);
  if (format == "none") return tl::unexpected<Error>(check_none(ceremony).error());
  return fail(Code::webauthn_format_unknown,
              "attestation statements of format " + printable(format) +
                  " are not taken; packed, tpm, android-key, apple and fido-u2f are");
}

}  // namespace mintmark::attest::webauthn
