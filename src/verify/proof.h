// DPoP proofs (RFC 9449): a request is proven to come from the holder of a key, or refused with the
// reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "http/message.h"
#include "jose/key.h"
#include "jose/known_header.h"

namespace mintmark::verify {

/// How old a proof may be, and how far a device's clock may run ahead of ours (RFC 9449 §11.1).
inline constexpr std::chrono::seconds proof_past{30};
inline constexpr std::chrono::seconds proof_future{5};
inline constexpr std::size_t proof_octets = 8U << 10U;  ///< The whole proof.
inline constexpr std::size_t proof_jti_octets = 256;    ///< What we are willing to remember.
inline constexpr std::size_t proof_nonce_octets = 512;

/// What the request is that the proof must speak of. The views must live as long as the call.
struct ProofExpectation {
  std::string_view method;  ///< As sent: methods compare with case (RFC 9110 §9.1).
  std::string_view url;     ///< Of the request; its query and fragment are ignored.
  /// SHA-256 of the access token sent along; then `ath` must be that (RFC 9449 §4.2).
  std::optional<Sha256> token_hash = std::nullopt;
  Moment now;
  std::chrono::seconds past = proof_past;
  std::chrono::seconds future = proof_future;
};

/// A request whose sender holds the key, as only check_proof can say. Whether the proof was used
/// before is ReplayWindow's to say.
class ProvenRequest {
 public:
  [[nodiscard]] const jose::PublicKey& key() const { return key_; }
  /// RFC 7638 thumbprint of the key, as in `cnf.jkt`.
  [[nodiscard]] const std::string& jkt() const { return key_.thumbprint(); }
  [[nodiscard]] const std::string& jti() const { return jti_; }
  [[nodiscard]] Moment issued_at() const { return issued_at_; }
  [[nodiscard]] const std::optional<std::string>& nonce() const { return nonce_; }

 private:
  friend class ProofReader;
  explicit ProvenRequest(jose::PublicKey key) : key_(std::move(key)) {}
  jose::PublicKey key_;
  std::string jti_;
  Moment issued_at_;
  std::optional<std::string> nonce_;
};

/// RFC 9449 §4.3, checks 2 to 12; the first that fails gives the error: `proof_malformed`,
/// `proof_typ`, `proof_alg` (every jose::Algorithm is taken, and "EdDSA" for Ed25519), `proof_jwk`,
/// `proof_signature`, `proof_htm`, `proof_htu`, `proof_iat_missing`, `proof_iat_old`,
/// `proof_iat_future`, `proof_jti`, `proof_nonce` (malformed; which one is wanted is the caller's),
/// `proof_ath`. Thread-safe.
[[nodiscard]] Result<ProvenRequest> check_proof(std::string_view proof,
                                                const ProofExpectation& expected);

/// The header of a proof that verified, with the key in it; null: none is known.
using ProofHead = std::shared_ptr<const jose::KnownHeader>;

/// Likewise, for who sees many proofs of one device: `head` is that of an earlier one, or null. A
/// proof with the same header is checked by the same key and costs one verification and little
/// else. When it is good, `head` is this proof's.
[[nodiscard]] Result<ProvenRequest> check_proof(std::string_view proof,
                                                const ProofExpectation& expected, ProofHead& head);

/// RFC 9449 §4.3, check 1: the one DPoP header; `proof_missing`, `proof_repeated`. The view lives
/// as long as the headers.
[[nodiscard]] Result<std::string_view> one_proof(const http::Headers& headers);

}  // namespace mintmark::verify
