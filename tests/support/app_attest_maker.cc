#include "support/app_attest_maker.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdexcept>

#include "attest/x509/certificate.h"
#include "jose/base64url.h"

namespace mintmark::test {
namespace {

Bytes spki_of(EVP_PKEY* key) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_PUBKEY(key, &octets);
  if (length <= 0) throw std::runtime_error("spki");
  Bytes spki(octets, octets + length);
  OPENSSL_free(octets);
  return spki;
}

Bytes point_of(EVP_PKEY* key) { return jose::PublicKey::from_spki(spki_of(key))->to_point(); }

// Each has a name of its own, so that another's root is another issuer and no wrong signature.
std::shared_ptr<X509> authority(const std::string& name, const Pair& key, const Issuer& by) {
  IssuedCertificate of;
  of.subject = {{"CN", name + " " + jose::random_name(6)}};
  of.key = key;
  of.ca = true;
  of.key_usage = "critical,keyCertSign";
  of.not_before = from_unix(1'600'000'000);
  of.not_after = from_unix(2'100'000'000);
  return issue(of, by);
}

Bytes fixed_part(const std::string& app_id, std::uint8_t flags, std::uint32_t counter) {
  Bytes data = to_bytes(sha256(app_id));
  data.push_back(flags);
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    data.push_back(static_cast<std::uint8_t>(counter >> shift));
  return data;
}

std::shared_ptr<const attest::x509::Trust> trust_in(const std::vector<std::shared_ptr<X509>>& all) {
  std::vector<attest::x509::Certificate> roots;
  for (const auto& one : all) {
    X509_up_ref(one.get());
    roots.emplace_back(one.get());
  }
  return std::make_shared<const attest::x509::Trust>(
      *attest::x509::Trust::from_certificates(std::move(roots), {}));
}

}  // namespace

AppAttestMaker::AppAttestMaker()
    : root_key_(new_pair("P-384")),
      intermediate_key_(new_pair("P-384")),
      key_(new_pair("P-256")),
      root_(authority("Test App Attestation Root", root_key_, {nullptr, root_key_})),
      intermediate_(authority("Test App Attestation 1", intermediate_key_, {root_, root_key_})) {}

Bytes AppAttestMaker::key_id() const { return to_bytes(sha256(point_of(key_.get()))); }
Bytes AppAttestMaker::spki() const { return spki_of(key_.get()); }

Bytes AppAttestMaker::attestation(BytesView client_data_hash) const {
  constexpr std::size_t aaguid_size = 16;
  Bytes data = fixed_part(app_id, 0x40, counter);
  std::string model = aaguid;
  model.resize(aaguid_size, '\0');
  data = cbor::joined(std::move(data), as_bytes(model));
  const Bytes id = credential_id.value_or(key_id());
  data.push_back(0);
  data.push_back(static_cast<std::uint8_t>(id.size()));
  data = cbor::joined(std::move(data), id);
  const Bytes point = point_of(key_.get());
  const BytesView view(point);
  data = cbor::joined(std::move(data),
                      cbor::map({{cbor::number(1), cbor::number(2)},
                                 {cbor::number(3), cbor::number(-7)},
                                 {cbor::number(-1), cbor::number(1)},
                                 {cbor::number(-2), cbor::octets(view.subspan(1, 32))},
                                 {cbor::number(-3), cbor::octets(view.subspan(33, 32))}}));
  const Bytes nonce = der_octets(sha256(cbor::joined(data, client_data_hash)));
  Bytes explicit_tag{0xA1, static_cast<std::uint8_t>(nonce.size())};
  IssuedCertificate leaf;
  leaf.subject = {{"CN", to_hex(key_id())}, {"OU", "AAA Certification"}, {"O", "Apple Inc."}};
  leaf.key = leaf_is_of_another_key ? new_pair("P-256") : key_;
  leaf.key_usage = "critical,digitalSignature";
  leaf.extensions = {
      {"1.2.840.113635.100.8.2", der_sequence({cbor::joined(std::move(explicit_tag), nonce)})}};
  if (change_leaf) change_leaf(leaf);
  const auto certificate = issue(leaf, {intermediate_, intermediate_key_});
  cbor::Members statement = {
      {cbor::text("x5c"), cbor::array({cbor::octets(der_of(certificate.get())),
                                       cbor::octets(der_of(intermediate_.get()))})}};
  if (receipt) statement.emplace_back(cbor::text("receipt"), cbor::octets(*receipt));
  return cbor::map({{cbor::text("fmt"), cbor::text(format)},
                    {cbor::text("attStmt"), cbor::map(statement)},
                    {cbor::text("authData"), cbor::octets(data)}});
}

Bytes AppAttestMaker::assertion(BytesView client_data_hash, std::uint32_t count) const {
  Bytes data = fixed_part(app_id, 0x40, count);
  if (change_assertion) change_assertion(data);
  const Sha256 nonce = sha256(cbor::joined(data, client_data_hash));
  const auto signature =
      jose::signature_to_der(jose::Algorithm::es256, sign_raw(key_.get(), nonce));
  return cbor::map({{cbor::text("signature"), cbor::octets(*signature)},
                    {cbor::text("authenticatorData"), cbor::octets(data)}});
}

Json AppAttestMaker::evidence(const Sha256& binding, const jose::PublicKey& /*key*/) const {
  return {{"key_id", jose::base64url(key_id())},
          {"attestation_object", jose::base64url(attestation(binding))}};
}

Json AppAttestMaker::known_evidence(const Sha256& binding, const std::string& client_id,
                                    std::uint32_t count) const {
  return {{"client_id", client_id}, {"assertion", jose::base64url(assertion(binding, count))}};
}

Bytes AppAttestMaker::root_pem() const { return to_bytes(as_bytes(pem_text_of(root_.get()))); }
std::string AppAttestMaker::root_digest() const { return attest::x509::digest_of(root_.get()); }
std::shared_ptr<const attest::x509::Trust> AppAttestMaker::trust() const {
  return trust_in({root_});
}
std::shared_ptr<const attest::x509::Trust> AppAttestMaker::trust_in_both() const {
  return trust_in({root_, intermediate_});
}

}  // namespace mintmark::test
