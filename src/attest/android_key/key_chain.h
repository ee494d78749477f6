// The certificates of an Android key as KeyStore.getCertificateChain() gives them: the key's own
// first, each issued by the next, a root last. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/android_key/key_description.h"
#include "attest/x509/chain.h"

namespace mintmark::attest::android_key {

inline constexpr std::size_t most_certificates = 8;
/// What Google's provisioning server says of the device (CBOR): in the attestation certificate of
/// remotely provisioned keys alone.
inline constexpr const char* provisioning_info_oid = "1.3.6.1.4.1.11129.2.1.30";

/// How the key that signs attestations came into the device.
enum class Provisioning : std::uint8_t {
  factory,  ///< Once for ever: its certificates cannot be renewed.
  remote,   ///< By Google's servers, for weeks at a time (RKP).
};

struct KeyChain {
  std::vector<x509::Certificate> certificates;

  [[nodiscard]] X509* leaf() const { return certificates.front().get(); }
};

/// Two to eight certificates, DER without anything behind it. Keys of authorities are bounded; the
/// leaf's must be one that this OpenSSL knows. Errors: `android_chain_malformed`,
/// `android_key_unsupported`.
[[nodiscard]] Result<KeyChain> parse_key_chain(const std::vector<Bytes>& certificates);

/// The KeyDescription of the leaf, and of no other certificate: whoever holds an attested key can
/// sign a certificate for another one, and what would be believed then is an attestation that the
/// holder made up. Errors: `android_extension_missing`, `android_extension_misplaced`, those of
/// parse_key_description.
[[nodiscard]] Result<KeyDescription> description_of(const KeyChain& chain);

/// Whether each certificate's signature is by the key of the next (of bounded size); one entry
/// fewer than there are certificates.
[[nodiscard]] std::vector<bool> link_signatures(const std::vector<x509::Certificate>& certificates);

/// Names and signatures of every link, and a root at the end that signed itself. Errors:
/// `android_chain_malformed`, `certificate_signature`.
[[nodiscard]] Result<void> check_links(const KeyChain& chain);

/// That what was submitted is what was verified, certificate for certificate: verification ends at
/// the first anchor and would leave others aside, and rules read from those would be their
/// makers'. The last may be another certificate of the anchor's name and key: Google issued its
/// root anew several times. `trust` is what `verified` was verified by. Error:
/// `android_chain_malformed`.
[[nodiscard]] Result<void> check_verified(const KeyChain& chain, const x509::Chain& verified,
                                          const x509::Trust& trust);

/// As Google's verifier tells them apart: the authority below the root of a factory's keys has a
/// serial number in its name. `android_provisioning` where the provisioning server's extension
/// stands elsewhere than in the certificate above the leaf.
[[nodiscard]] Result<Provisioning> provisioning_of(const KeyChain& chain);

/// The level that the names of the authorities claim (O, title or CN: "StrongBox", "TEE"); nothing
/// where they claim none, as the oldest TEEs do.
[[nodiscard]] std::optional<SecurityLevel> claimed_level(const KeyChain& chain);

}  // namespace mintmark::attest::android_key
