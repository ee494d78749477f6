// Public keys: JWK in and out (RFC 7517, 7518 §6, 8037), thumbprint (RFC 7638), verification
// (RFC 7518 §3, RFC 8037 §3.1).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::jose {

/// `ed25519` is EdDSA with Ed25519 and nothing else (RFC 9864 §2.2).
enum class Algorithm : std::uint8_t { es256, es384, rs256, ps256, ed25519 };

inline constexpr std::array all_algorithms{Algorithm::es256, Algorithm::es384, Algorithm::rs256,
                                           Algorithm::ps256, Algorithm::ed25519};

/// Which names are taken for Ed25519. We write "Ed25519" alone; a device's library may still write
/// "EdDSA", which leaves the curve to the key (RFC 9864 §1).
enum class AlgorithmNames : std::uint8_t { fully_specified, polymorphic_too };

/// "ES256", "ES384", "RS256", "PS256", "Ed25519".
[[nodiscard]] std::string_view name_of(Algorithm algorithm);
/// `jws_alg_refused` for anything that is not signed with a key pair we know, `none` and HMAC
/// included.
[[nodiscard]] Result<Algorithm> algorithm_named(
    std::string_view name, AlgorithmNames names = AlgorithmNames::fully_specified);
/// The names for a message: "ES256, ES384, RS256, PS256 and Ed25519".
[[nodiscard]] const std::string& all_algorithm_names();

struct KeyParts;

/// An immutable public key of one algorithm, proven to be sound: a point on its curve, an RSA
/// modulus of 2048 to 8192 bits with a fair exponent. Copies share; thread-safe.
class PublicKey {
 public:
  /// `jwk_malformed`, `jwk_unsupported`, `jwk_weak`, `key_off_curve`; `jwk_private` if it has a
  /// private member (d, p, q, dp, dq, qi, oth, k). What `use`, `alg` and `key_ops` say, where they
  /// are given, must fit signatures of the key's algorithm (`jwk_unsupported`).
  ///
  /// An RSA key verifies RS256 or PS256, never both (RFC 8725 §3.1): what its `alg` says; where it
  /// has none, `used_with` (the header's alg, which the caller has found to be allowed); with
  /// neither it is `jwk_unsupported`. For the other kinds `used_with` means nothing: the curve
  /// decides.
  [[nodiscard]] static Result<PublicKey> from_jwk(
      const Json& jwk, std::optional<Algorithm> used_with = std::nullopt);
  /// SubjectPublicKeyInfo, DER; `used_with` as above, an RSA key without it is `jwk_unsupported`.
  [[nodiscard]] static Result<PublicKey> from_spki(
      BytesView der, std::optional<Algorithm> used_with = std::nullopt);
  /// Uncompressed point 04 || X || Y on the curve of ES256 or ES384 (SEC 1 §2.3.3).
  [[nodiscard]] static Result<PublicKey> from_point(Algorithm algorithm, BytesView point);
  /// Modulus and exponent, big-endian, leading zeros allowed (as CKA_MODULUS may have them), for
  /// RS256 or PS256.
  [[nodiscard]] static Result<PublicKey> from_rsa(BytesView modulus, BytesView exponent,
                                                  Algorithm algorithm);
  /// The 32 octets of RFC 8032 §5.1.5.
  [[nodiscard]] static Result<PublicKey> from_ed25519(BytesView point);

  /// The one algorithm this key verifies (RFC 8725 §3.1).
  [[nodiscard]] Algorithm algorithm() const;
  /// Public members only: kty, crv, x, y; of an RSA key kty, alg, n, e: without alg it would not
  /// say which algorithm is its own.
  [[nodiscard]] Json to_jwk() const;
  /// The uncompressed point of an EC key; empty for the other kinds.
  [[nodiscard]] Bytes to_point() const;
  [[nodiscard]] Bytes to_spki() const;
  /// base64url of SHA-256 over the canonical JWK: `jkt` and our `kid`. The algorithm of an RSA key
  /// is no part of it.
  [[nodiscard]] const std::string& thumbprint() const;

  /// `signature` as JWS has it: r || s of exactly twice the curve's field length (RFC 7518 §3.4);
  /// exactly as long as the modulus, for PS256 with a salt of exactly 32 octets (RFC 7518 §3.3,
  /// §3.5); the 64 octets of Ed25519.
  [[nodiscard]] bool verify(BytesView signed_octets, BytesView signature) const;

  /// The same key, for the same algorithm.
  [[nodiscard]] bool operator==(const PublicKey& other) const {
    return thumbprint() == other.thumbprint() && algorithm() == other.algorithm();
  }

 private:
  explicit PublicKey(std::shared_ptr<const KeyParts> parts) : parts_(std::move(parts)) {}
  static Result<PublicKey> of(Result<std::shared_ptr<const KeyParts>> parts);
  std::shared_ptr<const KeyParts> parts_;
};

/// ECDSA signatures between DER (X.509, TPM, OpenSSL) and r || s (JWS, PKCS#11). Strict in both
/// directions. `algorithm` is ES256 or ES384; with another it is `jws_signature_invalid`.
[[nodiscard]] Result<Bytes> signature_from_der(Algorithm algorithm, BytesView der);
[[nodiscard]] Result<Bytes> signature_to_der(Algorithm algorithm, BytesView raw);

}  // namespace mintmark::jose
