#include "fake_device.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "jose/key.h"

namespace mintmark::agent {
namespace {

using OwnedKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

OwnedKey make_p256() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

Bytes point_of(const EVP_PKEY* key) {
  Bytes point(65);
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, "pub", point.data(), point.size(), &size) != 1 ||
      size != 65) {
    throw std::runtime_error("no point");
  }
  return point;
}

// TPM2B_PUBLIC of an ECC P-256 key that signs with ECDSA-SHA256.
Bytes public_area_of(const EVP_PKEY* key, std::string_view attributes) {
  const std::string point = to_hex(point_of(key));
  const std::string area = "0023000b" + std::string(attributes) + "0000" + "0010" + "0018000b" +
                           "0003" + "0010" + "0020" + point.substr(2, 64) + "0020" +
                           point.substr(66, 64);
  const std::size_t size = area.size() / 2;
  Bytes octets = {static_cast<std::uint8_t>(size >> 8U), static_cast<std::uint8_t>(size)};
  const Bytes content = from_hex(area).value();
  octets.insert(octets.end(), content.begin(), content.end());
  return octets;
}

Bytes pkcs8_of(const EVP_PKEY* key) {
  std::uint8_t* encoded = nullptr;
  const int size = i2d_PrivateKey(key, &encoded);
  Bytes octets(encoded, encoded + size);
  OPENSSL_free(encoded);
  return octets;
}

hsm::tpm2::KeyBlobs make_key(FakeTpm& tpm, std::string_view attributes) {
  ++tpm.keys_made;
  const OwnedKey key = make_p256();
  const Bytes area = public_area_of(key.get(), attributes);
  tpm.private_keys[area] = pkcs8_of(key.get());
  return {area, to_bytes(as_bytes("sealed"))};
}

Result<void> check_known(const FakeTpm& tpm, const hsm::tpm2::KeyBlobs& key) {
  if (tpm.private_keys.contains(key.public_area)) return {};
  return fail(Code::tpm_key_lost, "no storage root of this TPM opens the key");
}

}  // namespace

Bytes self_signed_certificate() {
  const OwnedKey key = make_p256();
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  std::uint8_t* encoded = nullptr;
  const int size = i2d_X509(certificate.get(), &encoded);
  Bytes der(encoded, encoded + size);
  OPENSSL_free(encoded);
  return der;
}

FakeTpm::FakeTpm() : ek_certificate(self_signed_certificate()) {}

void FakeTpm::persist_attestation_key(std::uint32_t handle) {
  persistent[handle] = public_area_of(make_p256().get(), "00050072");
}

Result<hsm::tpm2::EkCertificate> FakeDevice::ek_certificate(
    std::optional<hsm::tpm2::EkKind> wanted) {
  tpm_.wanted_ek = wanted;
  return hsm::tpm2::EkCertificate{0x01C00016, hsm::tpm2::EkKind::ecc, tpm_.ek_certificate};
}

Result<Bytes> FakeDevice::ak_certificate(std::uint32_t nv_index) {
  const auto found = tpm_.certificates.find(nv_index);
  if (found == tpm_.certificates.end()) return fail(Code::not_found, "no such NV index");
  return found->second;
}

Result<Bytes> FakeDevice::public_area(const hsm::tpm2::PersistentKey& key) {
  const auto found = tpm_.persistent.find(key.handle);
  if (found == tpm_.persistent.end()) return fail(Code::tpm_key_lost, "no key persists there");
  return found->second;
}

Result<hsm::tpm2::KeyBlobs> FakeDevice::create_attestation_key() {
  return make_key(tpm_, "00050072");
}

Result<hsm::tpm2::KeyBlobs> FakeDevice::create_device_key() { return make_key(tpm_, "00040072"); }

Result<Secret> FakeDevice::activate_credential(const hsm::tpm2::EkCertificate& /*ek*/,
                                               const hsm::tpm2::KeyBlobs& ak,
                                               BytesView credential_blob,
                                               BytesView /*encrypted_secret*/) {
  if (auto known = check_known(tpm_, ak); !known) return pass_on(known);
  Bytes secret = to_bytes(credential_blob);
  std::reverse(secret.begin(), secret.end());
  return Secret(BytesView(secret));
}

Result<hsm::tpm2::Statement> FakeDevice::certify(const hsm::tpm2::KeyBlobs& key,
                                                 const hsm::tpm2::AttestationKey& /*ak*/,
                                                 BytesView qualifying_data) {
  if (auto known = check_known(tpm_, key); !known) return pass_on(known);
  tpm_.last_certify_binding = to_bytes(qualifying_data);
  return hsm::tpm2::Statement{to_bytes(as_bytes("certify")), to_bytes(as_bytes("signature"))};
}

Result<hsm::tpm2::Quote> FakeDevice::quote(const hsm::tpm2::AttestationKey& /*ak*/,
                                           const std::string& /*bank*/,
                                           const std::vector<unsigned>& selection,
                                           BytesView qualifying_data) {
  if (tpm_.quote_error) {
    const Error error = *tpm_.quote_error;
    tpm_.quote_error.reset();
    return tl::unexpected<Error>(error);
  }
  tpm_.last_quote_binding = to_bytes(qualifying_data);
  hsm::tpm2::Quote quote{{to_bytes(as_bytes("quote")), to_bytes(as_bytes("signature"))}, {}};
  for (const unsigned index : selection)
    quote.pcrs[index] = Bytes(32, static_cast<std::uint8_t>(index));
  if (tpm_.on_quote) tpm_.on_quote();
  return quote;
}

Result<Bytes> FakeDevice::sign(const hsm::tpm2::KeyBlobs& key, const Sha256& digest) {
  if (tpm_.sign_error) return tl::unexpected<Error>(*tpm_.sign_error);
  if (auto known = check_known(tpm_, key); !known) return pass_on(known);
  ++tpm_.signatures;
  const Bytes& pkcs8 = tpm_.private_keys.at(key.public_area);
  const std::uint8_t* position = pkcs8.data();
  const OwnedKey private_key(
      d2i_AutoPrivateKey(nullptr, &position, static_cast<long>(pkcs8.size())), &EVP_PKEY_free);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new(private_key.get(), nullptr), &EVP_PKEY_CTX_free);
  Bytes der(80);
  std::size_t size = der.size();
  if (EVP_PKEY_sign_init(context.get()) != 1 ||
      EVP_PKEY_sign(context.get(), der.data(), &size, digest.data(), digest.size()) != 1) {
    throw std::runtime_error("cannot sign");
  }
  der.resize(size);
  return jose::signature_from_der(jose::Algorithm::es256, der);
}

}  // namespace mintmark::agent
