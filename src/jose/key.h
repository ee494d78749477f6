// Public keys: JWK in and out (RFC 7517, 7518 §6), thumbprint (RFC 7638), verification (RFC 7518
// §3).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::jose {

enum class Algorithm : std::uint8_t { es256, es384 };

[[nodiscard]] std::string_view name_of(Algorithm algorithm);
/// `jws_alg_refused` for anything that is not signed with a key pair we know, `none` and HMAC
/// included.
[[nodiscard]] Result<Algorithm> algorithm_named(std::string_view name);

/// An immutable public key on a curve we know, its point proven to be on it. Copies share;
/// thread-safe.
class PublicKey {
 public:
  /// `jwk_malformed`, `jwk_unsupported`, `key_off_curve`; `jwk_private` if it has a private member
  /// (d, p, q, dp, dq, qi, oth, k). What `use`, `alg` and `key_ops` say, where they are given, must
  /// fit signatures of the key's algorithm (`jwk_unsupported`).
  [[nodiscard]] static Result<PublicKey> from_jwk(const Json& jwk);
  /// Uncompressed point 04 || X || Y on the algorithm's curve (SEC 1 §2.3.3).
  [[nodiscard]] static Result<PublicKey> from_point(Algorithm algorithm, BytesView point);
  /// SubjectPublicKeyInfo, DER.
  [[nodiscard]] static Result<PublicKey> from_spki(BytesView der);

  /// The one algorithm this key verifies: the curve decides (RFC 8725 §3.1).
  [[nodiscard]] Algorithm algorithm() const;
  /// Public members only: kty, crv, x, y.
  [[nodiscard]] Json to_jwk() const;
  [[nodiscard]] Bytes to_point() const;
  [[nodiscard]] Bytes to_spki() const;
  /// base64url of SHA-256 over the canonical JWK: `jkt` and our `kid`.
  [[nodiscard]] const std::string& thumbprint() const;

  /// `signature` is r || s of exactly twice the curve's field length (RFC 7518 §3.4).
  [[nodiscard]] bool verify(BytesView signed_octets, BytesView signature) const;

  [[nodiscard]] bool operator==(const PublicKey& other) const {
    return thumbprint() == other.thumbprint();
  }

 private:
  struct Parts;
  explicit PublicKey(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

/// ECDSA signatures between DER (X.509, TPM, OpenSSL) and r || s (JWS, PKCS#11). Strict in both
/// directions.
[[nodiscard]] Result<Bytes> signature_from_der(Algorithm algorithm, BytesView der);
[[nodiscard]] Result<Bytes> signature_to_der(Algorithm algorithm, BytesView raw);

}  // namespace mintmark::jose
