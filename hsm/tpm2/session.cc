#include "hsm/tpm2/session.h"

#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr TPMA_SESSION encrypting = TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;

Result<void> set_attributes(const Tpm& tpm, const Handle& session, TPMA_SESSION attributes) {
  const TSS2_RC rc =
      Esys_TRSess_SetAttributes(tpm.esys(), session.id(), attributes,
                                encrypting | TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_AUDIT);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("session attributes", rc);
  return {};
}

}  // namespace

Result<Handle> start_salted_session(const Tpm& tpm, const Handle& root, TPM2_SE kind) {
  TPMT_SYM_DEF aes{};
  aes.algorithm = TPM2_ALG_AES;
  aes.keyBits.aes = 128;
  aes.mode.aes = TPM2_ALG_CFB;
  ESYS_TR id = ESYS_TR_NONE;
  const TSS2_RC rc =
      Esys_StartAuthSession(tpm.esys(), root.id(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                            ESYS_TR_NONE, nullptr, kind, &aes, TPM2_ALG_SHA256, &id);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_StartAuthSession", rc);
  Handle session = Handle::transient(tpm.esys(), id);
  if (auto set = set_attributes(tpm, session, encrypting | TPMA_SESSION_CONTINUESESSION); !set)
    return pass_on(set);
  return session;
}

Result<void> authorize_only(const Tpm& tpm, const Handle& session) {
  return set_attributes(tpm, session, TPMA_SESSION_CONTINUESESSION);
}

// Of a command without authorisations a session that neither encrypts nor audits is refused (Part
// 1, 17.6.4), and there is nothing to encrypt here.
Result<bool> surely_has(const Tpm& tpm, const Handle& session, std::uint32_t handle) {
  if (auto set = set_attributes(tpm, session, TPMA_SESSION_AUDIT | TPMA_SESSION_CONTINUESESSION);
      !set)
    return pass_on(set);
  auto there = tpm.has(handle, session.id());
  if (auto set = set_attributes(tpm, session, encrypting | TPMA_SESSION_CONTINUESESSION); !set)
    return pass_on(set);
  return there;
}

Result<void> set_auth(const Tpm& tpm, std::uint32_t object, const Secret& auth) {
  auto value = tpm2b_of<TPM2B_AUTH>(auth.view(), "the authorisation value");
  if (!value) return pass_on(value);
  const TSS2_RC rc = Esys_TR_SetAuth(tpm.esys(), object, &*value);
  wipe({value->buffer, sizeof value->buffer});
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("Esys_TR_SetAuth", rc);
  return {};
}

bool is_wrong_auth(std::uint32_t rc) {
  const TSS2_RC answer = bare(rc);
  return answer == TPM2_RC_AUTH_FAIL || answer == TPM2_RC_BAD_AUTH;
}

}  // namespace mintmark::hsm::tpm2
