#include "hsm/tpm2/boot_state.h"

#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr std::size_t coordinate = 32;

Result<Bytes> digest_of_now(const Tpm& tpm, const Handle& session, const PcrSelection& pcrs) {
  TSS2_RC rc =
      Esys_PolicyRestart(tpm.esys(), session.id(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_PolicyRestart", rc);
  const TPML_PCR_SELECTION selection = tpml_of(pcrs);
  const TPM2B_DIGEST as_they_are{};
  rc = Esys_PolicyPCR(tpm.esys(), session.id(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                      &as_they_are, &selection);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_PolicyPCR", rc);
  EsysOwned<TPM2B_DIGEST> digest;
  rc = Esys_PolicyGetDigest(tpm.esys(), session.id(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                            out(digest));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_PolicyGetDigest", rc);
  return to_bytes(content_of(*digest));
}

struct State {
  const Approval* approval = nullptr;
  std::string seen;  ///< What the TPM showed instead.
};

/// The session is left with the state that fits.
Result<State> find_approval(const Tpm& tpm, const Handle& session, const BootPolicy& boot) {
  State state;
  std::vector<PcrSelection> looked_at;
  for (const Approval& one : boot.approvals()) {
    if (std::find(looked_at.begin(), looked_at.end(), one.pcrs) != looked_at.end()) continue;
    looked_at.push_back(one.pcrs);
    const auto digest = digest_of_now(tpm, session, one.pcrs);
    if (!digest) return tl::unexpected<Error>(digest.error());
    for (const Approval& approval : boot.approvals()) {
      if (approval.pcrs != one.pcrs || to_bytes(approval.policy) != *digest) continue;
      state.approval = &approval;
      return state;
    }
    state.seen += " " + one.pcrs.to_string() + " as " + to_hex(*digest);
  }
  return state;
}

TPMT_SIGNATURE ecdsa_of(const Bytes& raw) {
  TPMT_SIGNATURE signature{};
  signature.sigAlg = TPM2_ALG_ECDSA;
  TPMS_SIGNATURE_ECC& ecdsa = signature.signature.ecdsa;
  ecdsa.hash = TPM2_ALG_SHA256;
  ecdsa.signatureR.size = ecdsa.signatureS.size = coordinate;
  std::copy_n(raw.begin(), coordinate, std::begin(ecdsa.signatureR.buffer));
  std::copy_n(raw.begin() + coordinate, coordinate, std::begin(ecdsa.signatureS.buffer));
  return signature;
}

Result<TPMT_TK_VERIFIED> ticket_of(const Tpm& tpm, const TPM2B_PUBLIC& authority,
                                   const Approval& approval) {
  ESYS_TR id = ESYS_TR_NONE;
  // In the owner's hierarchy: a ticket of the null hierarchy proves nothing (Part 3, 20.1).
  TSS2_RC rc = Esys_LoadExternal(tpm.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nullptr,
                                 &authority, ESYS_TR_RH_OWNER, &id);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_LoadExternal", rc);
  const Handle key = Handle::transient(tpm.esys(), id);
  const auto digest =
      tpm2b_of<TPM2B_DIGEST>(sha256(approved_octets(approval.policy)), "the approval's digest");
  if (!digest) return tl::unexpected<Error>(digest.error());
  const TPMT_SIGNATURE signature = ecdsa_of(approval.signature);
  EsysOwned<TPMT_TK_VERIFIED> ticket;
  rc = Esys_VerifySignature(tpm.esys(), key.id(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                            &*digest, &signature, out(ticket));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_VerifySignature", rc);
  return *ticket;
}

Result<void> authorize(const Tpm& tpm, const Handle& session, const BootPolicy& boot,
                       const Approval& approval) {
  const auto ticket = ticket_of(tpm, boot.area(), approval);
  if (!ticket) return tl::unexpected<Error>(ticket.error());
  const auto policy = tpm2b_of<TPM2B_DIGEST>(approval.policy, "the approved policy");
  const auto ref = tpm2b_of<TPM2B_NONCE>(as_bytes(boot_policy_ref), "the policy's reference");
  if (!policy || !ref) return fail(Code::internal, "an approval does not fit into a TPM");
  TPM2B_NAME name{};
  name.size = static_cast<UINT16>(boot.name().size());
  std::copy(boot.name().begin(), boot.name().end(), std::begin(name.name));
  const TSS2_RC rc = Esys_PolicyAuthorize(tpm.esys(), session.id(), ESYS_TR_NONE, ESYS_TR_NONE,
                                          ESYS_TR_NONE, &*policy, &*ref, &name, &*ticket);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_PolicyAuthorize", rc);
  return {};
}

}  // namespace

Result<void> show_boot_state(const Tpm& tpm, const Handle& session, BootPolicy& boot) {
  auto found = find_approval(tpm, session, boot);
  if (found && found->approval == nullptr) {
    if (auto read = boot.reload(); !read) return read;
    found = find_approval(tpm, session, boot);
  }
  if (!found) return pass_on(found);
  if (found->approval == nullptr) {
    return fail(Code::hsm_boot_state,
                "nobody approved the state that this machine was started in; the TPM shows" +
                    (found->seen.empty() ? " it, and no state is approved at all" : found->seen) +
                    ". If it is right: mintctl hsm approve-boot");
  }
  return authorize(tpm, session, boot, *found->approval);
}

}  // namespace mintmark::hsm::tpm2
