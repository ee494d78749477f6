#include "hsm/tls/certificate_key.h"

namespace mintmark::hsm::tls {
namespace {

// As `openssl pkey -pubout -outform DER | sha256sum` shows it.
std::string fingerprint_of(const jose::PublicKey& key) { return to_hex(sha256(key.to_spki())); }

std::string missing(const std::vector<KeyInfo>& keys, const jose::PublicKey& wanted,
                    const std::string& store) {
  std::string text = "key store \"" + store +
                     "\" has no key of purpose tls with the certificate's public key (SHA-256 of "
                     "its SubjectPublicKeyInfo: " +
                     fingerprint_of(wanted) + "); ";
  for (const KeyInfo& key : keys) {
    // By far the likeliest mistake: a certificate for a key that signs tokens.
    if (key.public_key == wanted) {
      return text + "a key of purpose " + std::string(name_of(key.purpose)) +
             " has it, which never signs a handshake. Make one with: mintctl keys generate "
             "--purpose tls";
    }
  }
  return text +
         "is this the right token, and the right certificate? A new key is made by: mintctl keys "
         "generate --purpose tls, and wants a certificate of its own";
}

}  // namespace

bool serves_tls(jose::Algorithm algorithm) {
  return algorithm == jose::Algorithm::es256 || algorithm == jose::Algorithm::es384;
}

Result<jose::PublicKey> certificate_key(BytesView spki) {
  auto key = jose::PublicKey::from_spki(spki);
  if (!key || !serves_tls(key->algorithm())) {
    return fail(Code::tls_certificate_unusable,
                "a TLS key in a key store is one of ECDSA with P-256 or P-384, and this "
                "certificate has another");
  }
  return key;
}

Result<KeyInfo> find_key(const std::vector<KeyInfo>& keys, const jose::PublicKey& wanted,
                         const std::string& store) {
  for (const KeyInfo& key : keys) {
    if (key.purpose != Purpose::tls || !(key.public_key == wanted)) continue;
    if (key.unfit.empty()) return key;
    return fail(Code::hsm_key_unfit, "the TLS key " + to_string(key.id) + " in key store \"" +
                                         store + "\": " + key.unfit);
  }
  return fail(Code::tls_key_missing, missing(keys, wanted, store));
}

}  // namespace mintmark::hsm::tls
