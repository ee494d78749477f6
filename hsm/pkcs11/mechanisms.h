// Which mechanisms make and use the keys of each algorithm, and which of them a token has.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "hsm/pkcs11/cryptoki.h"
#include "hsm/pkcs11/module.h"
#include "jose/key.h"

namespace mintmark::hsm::pkcs11 {

/// What C_Sign is given: the module hashes, or we do, or we also put the hash's name before it
/// (DigestInfo, RFC 8017 §9.2).
enum class SignInput : std::uint8_t { message, digest, digest_info };

struct SigningMechanism {
  CK_MECHANISM_TYPE type;
  std::string_view name;  ///< "CKM_ECDSA"
  SignInput input;
  bool has_pss_parameters = false;
};

struct MakingMechanism {
  CK_MECHANISM_TYPE type;
  std::string_view name;
};

/// Of two that would do, the one we would rather use stands first.
[[nodiscard]] std::span<const SigningMechanism> signing_mechanisms(jose::Algorithm algorithm);
[[nodiscard]] const MakingMechanism& making_mechanism(jose::Algorithm algorithm);

/// SHA-256, or SHA-384 for ES384.
[[nodiscard]] Result<Bytes> digest_of(jose::Algorithm algorithm, std::string_view text);
/// nullopt for RSA: as long as the modulus.
[[nodiscard]] std::optional<std::size_t> signature_octets(jose::Algorithm algorithm);
/// What is given to C_Sign for this text.
[[nodiscard]] Result<Bytes> sign_input(const SigningMechanism& mechanism, jose::Algorithm algorithm,
                                       std::string_view text);

/// A CK_MECHANISM with the memory of its parameters: SHA-256 twice and a salt of 32 octets for
/// PS256 (RFC 7518 §3.5).
class MechanismCall {
 public:
  explicit MechanismCall(const SigningMechanism& mechanism);
  MechanismCall(const MechanismCall&) = delete;
  MechanismCall& operator=(const MechanismCall&) = delete;
  [[nodiscard]] CK_MECHANISM* get() { return &call_; }

 private:
  CK_RSA_PKCS_PSS_PARAMS pss_{CKM_SHA256, CKG_MGF1_SHA256, 32};
  CK_MECHANISM call_;
};

/// What a token has of all these. Immutable.
class Mechanisms {
 public:
  [[nodiscard]] static Result<Mechanisms> of(const Module& module, CK_SLOT_ID slot);

  /// nullptr where the token cannot sign so.
  [[nodiscard]] const SigningMechanism* signing(jose::Algorithm algorithm) const;
  [[nodiscard]] bool makes(jose::Algorithm algorithm) const;
  /// "it has ES256 (CKM_ECDSA) and RS256 (CKM_RSA_PKCS)", or "it has none of ours": for a refusal.
  [[nodiscard]] std::string describe() const;

 private:
  struct Has {
    const SigningMechanism* signing = nullptr;
    bool makes = false;
  };
  std::array<Has, jose::all_algorithms.size()> has_{};
};

}  // namespace mintmark::hsm::pkcs11
