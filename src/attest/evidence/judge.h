// Evidence of one key, of whatever kind: by whose word it lives in hardware. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>

#include "attest/evidence/document.h"
#include "attest/tpm2/key_evidence.h"

namespace mintmark::attest::evidence {

/// Whose word it is, the weakest first.
enum class Level : std::uint8_t {
  claim,   ///< The issuer's, or its module's.
  vendor,  ///< A vendor's hardware says so, and its chain leads to a root.
  tpm,     ///< A TPM says so, and its AK was activated or is certified.
};
[[nodiscard]] std::string_view name_of(Level level);  ///< "claim", "vendor", "tpm"

/// What holds. Only judge() and after_activation() make one.
class Finding {
 public:
  [[nodiscard]] Level level() const { return level_; }
  /// For people: where the key is and by whose word.
  [[nodiscard]] const std::string& words() const { return words_; }
  /// Of a TPM whose AK is not proven yet: activate it (tpm2::seal_for), then after_activation().
  [[nodiscard]] const std::optional<tpm2::KeyVerdict>& to_activate() const { return to_activate_; }

 private:
  friend class Judge;
  friend Result<Finding> after_activation(const tpm2::KeyVerdict& verdict, BytesView secret,
                                          BytesView answer);
  Finding(Level level, std::string words) : level_(level), words_(std::move(words)) {}
  Level level_;
  std::string words_;
  std::optional<tpm2::KeyVerdict> to_activate_;
};

/// `roots`: null where the one who asks names none. `evidence_missing`, `evidence_kind_unknown`,
/// `evidence_roots_missing` (a chain cannot be judged), `evidence_ak_certificate`, and those of
/// verify_key_evidence, check_module_claim and vendor::Verifier.
[[nodiscard]] Result<Finding> judge(const Row& row, std::string_view issuer,
                                    const tpm2::EkTrust* roots, Moment now);

/// `secret` was sealed (tpm2::seal_for) to one of the verdict's EKs for its AK, or for the AK of
/// the same Name and an EK of another key's verdict; `answer` is what came back.
/// `activation_secret_wrong`.
[[nodiscard]] Result<Finding> after_activation(const tpm2::KeyVerdict& verdict, BytesView secret,
                                               BytesView answer);

/// `evidence_ak_claimed` or `evidence_claim_alone` where the finding is less than what is required.
[[nodiscard]] Result<void> check_level(const Finding& finding, Level required);

}  // namespace mintmark::attest::evidence
