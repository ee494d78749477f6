// JSON Web Signature, compact serialisation (RFC 7515 §3.1, §7.1), read so that nothing unverified
// can be used.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/json.h"
#include "jose/key.h"

namespace mintmark::jose {

struct JwsLimits {
  std::size_t octets = 16U << 10U;  ///< The whole compact form.
};

class VerifiedJws;

/// Parsed, not verified. The header may be read, to choose a key; the claims may not.
class UnverifiedJws {
 public:
  /// Three non-empty base64url segments, header and payload JSON objects, `alg` a string, and
  /// `kid`, `typ` and `cty` strings where they are there; `crit` is refused (`jws_crit_unknown`: we
  /// understand no extension), `b64` too; `jku`, `x5u`, `x5c` are ignored, never followed.
  [[nodiscard]] static Result<UnverifiedJws> parse(std::string_view compact,
                                                   const JwsLimits& limits = {});

  [[nodiscard]] const Json& header() const { return header_; }
  [[nodiscard]] const std::string& alg() const { return alg_; }
  /// "" where absent.
  [[nodiscard]] std::string kid() const;
  /// Lower case, without "application/" (RFC 7515 §4.1.9); "" where absent.
  [[nodiscard]] std::string typ() const;
  /// What the claims give as `sub`, unverified: to find the key to verify with, and for nothing
  /// else. "" where absent or not a string.
  [[nodiscard]] std::string claimed_subject() const;

  /// The header's `alg` must be the key's own algorithm (`jws_alg_refused`), then the signature
  /// must verify (`jws_signature_invalid`). `names`: what devices sign may call Ed25519 "EdDSA".
  [[nodiscard]] Result<VerifiedJws> verify(
      const PublicKey& key, AlgorithmNames names = AlgorithmNames::fully_specified) &&;

 private:
  friend class VerifiedJws;
  UnverifiedJws() = default;
  Json header_;
  Json claims_;
  std::string alg_;
  std::string signing_input_;
  Bytes signature_;
};

/// Only UnverifiedJws::verify makes one.
class VerifiedJws {
 public:
  [[nodiscard]] const Json& header() const { return jws_.header_; }
  [[nodiscard]] const Json& claims() const { return jws_.claims_; }
  /// The key that it was verified with.
  [[nodiscard]] const PublicKey& key() const { return key_; }

 private:
  friend class UnverifiedJws;
  VerifiedJws(UnverifiedJws jws, PublicKey key) : jws_(std::move(jws)), key_(std::move(key)) {}
  UnverifiedJws jws_;
  PublicKey key_;
};

/// base64url(header) "." base64url(claims): what a key signs.
[[nodiscard]] std::string signing_input(const Json& header, const Json& claims);
/// The compact form from a signing input and its signature.
[[nodiscard]] std::string compact(std::string_view signing_input, BytesView signature);

/// What stands before the signature, for one who has to judge it before signing (the signer's rules
/// of purpose).
struct SigningInputParts {
  Json header;
  Json claims;
};
[[nodiscard]] Result<SigningInputParts> parse_signing_input(std::string_view signing_input,
                                                            const JwsLimits& limits = {});

/// Claims with the types RFC 7519 gives them. Absent: nullopt. Of another type, negative, or beyond
/// 2^53: `jws_malformed`.
[[nodiscard]] Result<std::optional<std::string>> string_claim(const Json& claims, const char* name);
[[nodiscard]] Result<std::optional<std::int64_t>> time_claim(const Json& claims, const char* name);

}  // namespace mintmark::jose
