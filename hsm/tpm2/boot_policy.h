// Boot state that keys demand: PCR values that somebody signed for, so that an update takes one
// more signature and no new key (TPM 2.0 Part 3, 23.16 TPM2_PolicyAuthorize).
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "jose/key.h"

namespace mintmark::hsm::tpm2 {

/// "sha256:0,2,7".
struct PcrSelection {
  std::string bank;
  std::vector<unsigned> indexes;  ///< Ascending, each once.

  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool operator==(const PcrSelection&) const = default;
};
/// Banks sha256 and sha384, PCRs 0 to 23; else `invalid_argument`.
[[nodiscard]] Result<PcrSelection> pcr_selection_from(std::string_view text);
[[nodiscard]] TPML_PCR_SELECTION tpml_of(const PcrSelection& selection);

/// Digest of a policy that holds while those PCRs have those values: PolicyPCR from nothing (Part
/// 3, 23.7). `invalid_argument` where a value is missing, or is none of that bank.
[[nodiscard]] Result<Sha256> pcr_policy(const PcrSelection& selection,
                                        const std::map<unsigned, Bytes>& values);

/// What the authority signs for beside the policy (policyRef): its signatures of other things, and
/// these elsewhere, are good for nothing.
inline constexpr std::string_view boot_policy_ref = "mintmark boot state v1";

/// What an approval of that policy is a signature over: policy || policyRef.
[[nodiscard]] Bytes approved_octets(const Sha256& policy);

/// One state that the authority signed for: ES256 over policy || policyRef.
struct Approval {
  PcrSelection pcrs;
  Sha256 policy{};
  Bytes signature;  ///< r || s
  std::string comment;
};

/// The authority's public key as the object that TPM2_LoadExternal takes.
[[nodiscard]] Result<TPM2B_PUBLIC> authority_area(const jose::PublicKey& authority);

/// Who approves boot states, and which he did. Immutable but for reload(). Not thread-safe.
class BootPolicy {
 public:
  /// `authority`: PEM of an EC P-256 public key; `approved`: a JSON file that approve() wrote.
  /// `hsm_boot_policy` names the file and what is wrong, a signature that is not the authority's
  /// too.
  [[nodiscard]] static Result<BootPolicy> load(const std::string& authority,
                                               const std::string& approved);
  /// Reads the approvals again: approving needs no restart.
  [[nodiscard]] Result<void> reload();

  [[nodiscard]] const TPM2B_PUBLIC& area() const { return area_; }
  [[nodiscard]] const Bytes& name() const { return name_; }  ///< The Name of area().
  [[nodiscard]] const std::vector<Approval>& approvals() const { return approvals_; }

 private:
  BootPolicy(jose::PublicKey key, std::string file)
      : key_(std::move(key)), file_(std::move(file)) {}
  jose::PublicKey key_;
  std::string file_;
  TPM2B_PUBLIC area_{};
  Bytes name_;
  std::vector<Approval> approvals_;
};

/// Signs for a state with the authority's private key (PEM, EC P-256) and adds it to the file,
/// which is made if it is not there. `hsm_boot_policy`, `io_failed`, `invalid_argument`.
[[nodiscard]] Result<Approval> approve(const std::string& private_key, const std::string& file,
                                       const PcrSelection& selection,
                                       const std::map<unsigned, Bytes>& values,
                                       const std::string& comment);

}  // namespace mintmark::hsm::tpm2
