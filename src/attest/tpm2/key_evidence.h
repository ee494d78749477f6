// Evidence that an issuer's signing key lives in a TPM and dies with a counter there: what
// hsm/tpm2/issuer_evidence.h gives, judged. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attest/tpm2/credential.h"
#include "attest/tpm2/trust.h"
#include "base/json.h"
#include "jose/key.h"

namespace mintmark::attest::tpm2 {

/// What the statements of a key's evidence are bound to (extraData): SHA-256 over the label
/// "mintmark key evidence v1", the issuer's URL and the kid, each preceded by its length as in
/// binding.h.
[[nodiscard]] Sha256 key_evidence_binding(std::string_view issuer, std::string_view kid);

/// Digest of the policy of a key that signs only while the counter at that NV index has that value,
/// and only with its authorisation value: PolicyNV, PolicyAuthValue (TPM 2.0 Part 3, 23.9, 23.17).
/// Where a boot state is demanded, PolicyAuthorize (23.16) by the key of that Name stands before
/// them, with the reference "mintmark boot state v1".
[[nodiscard]] Sha256 counted_key_policy(std::uint32_t counter_index, std::uint64_t counter_value,
                                        BytesView boot_authority = {});

/// An EK certificate of the evidence that a root vouches for.
struct VouchedEk {
  std::uint32_t nv_index = 0;
  Endorsement endorsement;
};

/// Evidence that holds. Only verify_key_evidence makes one.
///
/// That a key with these attributes and this policy is in the TPM of the AK is proven. That this AK
/// is in a TPM of one of these EKs is the issuer's claim, until it has opened a credential
/// (seal_for).
class KeyVerdict {
 public:
  [[nodiscard]] const std::string& kid() const { return key_.thumbprint(); }
  [[nodiscard]] const jose::PublicKey& key() const { return key_; }
  [[nodiscard]] const Bytes& ak_name() const { return ak_name_; }
  /// At least one, in the evidence's order.
  [[nodiscard]] const std::vector<VouchedEk>& eks() const { return eks_; }
  [[nodiscard]] std::uint32_t counter_index() const { return counter_index_; }
  /// The key signs while its counter has this value, which it had when the TPM said so.
  [[nodiscard]] std::uint64_t counter_value() const { return counter_value_; }
  /// Name of who approves the boot states that the key demands; empty: it demands none.
  [[nodiscard]] const Bytes& boot_authority() const { return boot_authority_; }
  /// As the TPM tells it in a statement (Part 2, 10.12.8), vendor-specific.
  [[nodiscard]] std::uint64_t firmware() const { return firmware_; }

 private:
  friend class KeyEvidenceJudge;
  explicit KeyVerdict(jose::PublicKey key) : key_(std::move(key)) {}
  jose::PublicKey key_;
  Bytes ak_name_;
  std::vector<VouchedEk> eks_;
  std::uint32_t counter_index_ = 0;
  std::uint64_t counter_value_ = 0;
  Bytes boot_authority_;
  std::uint64_t firmware_ = 0;
};

/// `facts` as KeyEvidence of kind "tpm2-certify" has them; `issuer`: the URL that the caller knows
/// the issuer by; `trust`: the roots that vouch for EKs; at the moment `now`.
///
/// Errors: `evidence_malformed` (names the member), `tpm_structure`; of the key
/// `signing_key_not_signing`, `signing_key_restricted`, `signing_key_decrypts`,
/// `signing_key_not_fixed_tpm`, `signing_key_not_fixed_parent`, `signing_key_imported`,
/// `signing_key_without_policy` (it can be used by its authorisation value alone),
/// `signing_key_type`, `evidence_kid` (it is another key than the kid names), `signing_key_policy`
/// (it is not tied to that counter); of the AK and the statements those of attestation_key.h;
/// `certify_name`; `evidence_counter_name`, `evidence_counter_value`; `evidence_ek_missing` (the
/// issuer's TPM has no EK certificate), else those of check_endorsement for the first certificate
/// if none of them holds.
[[nodiscard]] Result<KeyVerdict> verify_key_evidence(const Json& facts, std::string_view issuer,
                                                     const EkTrust& trust, Moment now);

/// A fresh secret of 32 octets for seal_for: "mintmark keyev 1", by which an issuer knows what it
/// may give away, and 16 random octets.
[[nodiscard]] Bytes activation_secret();

/// What only the TPM of that EK can open, and only if it holds the verdict's AK: sent with the EK's
/// NV index to the issuer, its secret must come back.
[[nodiscard]] Result<Challenge> seal_for(const KeyVerdict& verdict, const VouchedEk& ek,
                                         BytesView secret);

}  // namespace mintmark::attest::tpm2
