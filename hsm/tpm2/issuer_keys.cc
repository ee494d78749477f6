#include "hsm/tpm2/issuer_keys.h"

#include "hsm/tpm2/boot_state.h"
#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/keys.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"
#include "hsm/tpm2/session.h"
#include "hsm/tpm2/signing_key.h"
#include "hsm/tpm2/templates.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr TPMT_SIG_SCHEME scheme_of_key{.scheme = TPM2_ALG_NULL, .details = {}};
constexpr UINT16 counter_size = 8;
/// The PIN was right at the opening: whoever has the owner's authorisation can define an index
/// anew.
constexpr const char* counter_is_anothers = "its counter has another authorisation than ours";

// Where an authorisation is checked, a wrong one is the PIN's.
tl::unexpected<Error> refusal(const char* command, TSS2_RC rc) {
  return tpm_refusal(command, rc, is_wrong_auth(rc) ? Code::hsm_pin_refused : Code::tpm_failed);
}

tl::unexpected<Error> ended(const std::string& why, TSS2_RC rc = 0) {
  return fail(Code::hsm_key_ended, "the key was destroyed and its file restored: " + why, rc);
}

/// Where the TPM did not show its counter as ours.
tl::unexpected<Error> perhaps_ended(const CounterAccess& access, const KeyPolicy& policy,
                                    const std::string& why, TSS2_RC rc = 0) {
  auto none = check_none_of_ours(access, policy.counter_index);
  return none ? ended(why, rc) : pass_on(none);
}

// To look at a counter, which takes no owner.
CounterAccess read_access(const Tpm& tpm, const Engagement& with, const Secret& auth) {
  static const Secret nobody;
  return {tpm, with.session, auth, nobody};
}

Result<Handle> counter_of(const CounterAccess& access, const KeyPolicy& policy) {
  auto counter = open_counter(access, policy.counter_index);
  if (!counter && counter.error().code == Code::not_found)
    return perhaps_ended(access, policy, "its counter is gone");
  return counter;
}

Result<void> satisfy_boot(const Tpm& tpm, const Engagement& with, const Handle& session,
                          const KeyPolicy& policy) {
  if (policy.boot_authority.empty()) return {};
  if (with.boot == nullptr || with.boot->name() != policy.boot_authority)
    return fail(Code::hsm_boot_policy,
                "the key demands a boot state that another authority approves than \"tpm\"."
                "\"boot_policy\" names");
  return show_boot_state(tpm, session, *with.boot);
}

// A policy session that satisfies the key's policy, for one use.
Result<Handle> satisfy(const Tpm& tpm, const Engagement& with, const Secret& auth,
                       const KeyPolicy& policy) {
  const CounterAccess access = read_access(tpm, with, auth);
  const auto counter = counter_of(access, policy);
  if (!counter) return tl::unexpected<Error>(counter.error());
  auto session = start_salted_session(tpm, with.root, TPM2_SE_POLICY);
  if (!session) return session;
  if (auto booted = satisfy_boot(tpm, with, *session, policy); !booted) return pass_on(booted);
  const auto operand = tpm2b_of<TPM2B_OPERAND>(operand_of(policy), "the counter's value");
  if (!operand) return tl::unexpected<Error>(operand.error());
  TSS2_RC rc =
      Esys_PolicyNV(tpm.esys(), counter->id(), counter->id(), session->id(), with.session.id(),
                    ESYS_TR_NONE, ESYS_TR_NONE, &*operand, 0, TPM2_EO_EQ);
  if (bare(rc) == TPM2_RC_POLICY) return ended("its counter has moved on", rc);
  if (is_wrong_auth(rc)) return perhaps_ended(access, policy, counter_is_anothers, rc);
  if (rc != TSS2_RC_SUCCESS) return refusal("TPM2_PolicyNV", rc);
  rc = Esys_PolicyAuthValue(tpm.esys(), session->id(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_PolicyAuthValue", rc);
  return session;
}

Statement statement_of(const TPM2B_ATTEST& attest, const TPMT_SIGNATURE& signature) {
  return {to_bytes(BytesView(attest.attestationData, attest.size)),
          marshalled(signature, Tss2_MU_TPMT_SIGNATURE_Marshal)};
}

// For commands that take two authorisations.
Result<Handle> second_session(const Tpm& tpm, const Engagement& with) {
  auto session = start_salted_session(tpm, with.root, TPM2_SE_HMAC);
  if (!session) return session;
  if (auto quiet = authorize_only(tpm, *session); !quiet) return pass_on(quiet);
  return session;
}

}  // namespace

Secret auth_of(BytesView salt, const Secret& pin) {
  Bytes labelled = to_bytes(as_bytes("mintmark tpm2 store authorisation v1"));
  const BytesView octets = pin.view();
  labelled.reserve(labelled.size() + salt.size() + octets.size());  // No copy is left behind.
  labelled.insert(labelled.end(), salt.begin(), salt.end());
  labelled.insert(labelled.end(), octets.begin(), octets.end());
  Sha256 digest = sha256(labelled);
  wipe(labelled);
  digest.back() |= 1U;
  Secret auth{BytesView(digest)};
  wipe(digest);
  return auth;
}

Result<KeyBlobs> create_under(const Tpm& tpm, const Engagement& with, const Secret& auth,
                              const TPM2B_PUBLIC& area) {
  auto value = tpm2b_of<TPM2B_AUTH>(auth.view(), "the authorisation value");
  if (!value) return pass_on(value);
  TPM2B_SENSITIVE_CREATE sensitive{};
  sensitive.sensitive.userAuth = *value;
  const TPM2B_DATA outside{};
  const TPML_PCR_SELECTION no_pcrs{};
  EsysOwned<TPM2B_PRIVATE> sealed;
  EsysOwned<TPM2B_PUBLIC> made;
  const TSS2_RC rc = Esys_Create(tpm.esys(), with.root.id(), with.session.id(), ESYS_TR_NONE,
                                 ESYS_TR_NONE, &sensitive, &area, &outside, &no_pcrs, out(sealed),
                                 out(made), nullptr, nullptr, nullptr);
  wipe({value->buffer, sizeof value->buffer});
  wipe({sensitive.sensitive.userAuth.buffer, sizeof sensitive.sensitive.userAuth.buffer});
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_Create", rc);
  if (!same_template(made->publicArea, area.publicArea))
    return fail(Code::hsm_key_unfit, "the TPM made a key of another template than asked for");
  return KeyBlobs{.public_area = marshalled(*made, Tss2_MU_TPM2B_PUBLIC_Marshal),
                  .private_area = marshalled(*sealed, Tss2_MU_TPM2B_PRIVATE_Marshal)};
}

Result<Handle> load_with_auth(const Tpm& tpm, const Engagement& with, const Secret& auth,
                              const KeyBlobs& key) {
  auto loaded = load_key_under(tpm, with.root, key);
  if (!loaded && loaded.error().code == Code::tpm_key_lost)
    return fail(Code::hsm_key_foreign, "this TPM does not open the key's file: another TPM made it",
                loaded.error().native);
  if (!loaded) return loaded;
  if (auto set = set_auth(tpm, loaded->id(), auth); !set) return pass_on(set);
  return loaded;
}

Result<Bytes> sign_with(const Tpm& tpm, const Engagement& with, const Secret& auth,
                        const SigningKey& key, BytesView input) {
  const auto digest = digest_for(key.algorithm, input);
  if (!digest) return tl::unexpected<Error>(digest.error());
  const auto loaded = load_with_auth(tpm, with, auth, key.blobs);
  if (!loaded) return tl::unexpected<Error>(loaded.error());
  const auto allowed = satisfy(tpm, with, auth, key.policy);
  if (!allowed) return tl::unexpected<Error>(allowed.error());
  TPMT_TK_HASHCHECK no_ticket{};
  no_ticket.tag = TPM2_ST_HASHCHECK;
  no_ticket.hierarchy = TPM2_RH_NULL;
  EsysOwned<TPMT_SIGNATURE> signature;
  const TSS2_RC rc = Esys_Sign(tpm.esys(), loaded->id(), allowed->id(), ESYS_TR_NONE, ESYS_TR_NONE,
                               &*digest, &scheme_of_key, &no_ticket, out(signature));
  if (bare(rc) == TPM2_RC_PCR_CHANGED) return tpm_refusal("TPM2_Sign", rc, Code::hsm_boot_state);
  if (bare(rc) == TPM2_RC_POLICY_FAIL)
    return tpm_refusal("the key's policy is another than its file says; TPM2_Sign", rc,
                       Code::hsm_key_unfit);
  if (rc != TSS2_RC_SUCCESS) return refusal("TPM2_Sign", rc);
  return jws_signature(key.algorithm, *signature);
}

Result<void> check_counter(const Tpm& tpm, const Engagement& with, const Secret& auth,
                           const KeyPolicy& policy) {
  const CounterAccess access = read_access(tpm, with, auth);
  const auto counter = counter_of(access, policy);
  if (!counter) return tl::unexpected<Error>(counter.error());
  const auto value = read_counter(access, *counter);
  if (!value && value.error().code == Code::hsm_pin_refused)
    return perhaps_ended(access, policy, counter_is_anothers,
                         static_cast<TSS2_RC>(value.error().native));
  if (!value) return tl::unexpected<Error>(value.error());
  if (*value != policy.counter_value) return ended("its counter has moved on");
  return {};
}

Result<void> check_opens(const Tpm& tpm, const Engagement& with, const Secret& auth,
                         const KeyBlobs& key) {
  const auto loaded = load_with_auth(tpm, with, auth, key);
  if (!loaded) return tl::unexpected<Error>(loaded.error());
  return {};
}

Result<Statement> certify_with(const Tpm& tpm, const Engagement& with, const Secret& auth,
                               const KeyBlobs& ak_blobs, const KeyBlobs& key_blobs,
                               BytesView qualifying_data) {
  const auto qualifying = tpm2b_of<TPM2B_DATA>(qualifying_data, "the qualifying data");
  if (!qualifying) return tl::unexpected<Error>(qualifying.error());
  const auto ak = load_with_auth(tpm, with, auth, ak_blobs);
  if (!ak) return tl::unexpected<Error>(ak.error());
  const auto key = load_with_auth(tpm, with, auth, key_blobs);
  if (!key) return tl::unexpected<Error>(key.error());
  const auto second = second_session(tpm, with);
  if (!second) return tl::unexpected<Error>(second.error());
  EsysOwned<TPM2B_ATTEST> attest;
  EsysOwned<TPMT_SIGNATURE> signature;
  const TSS2_RC rc =
      Esys_Certify(tpm.esys(), key->id(), ak->id(), with.session.id(), second->id(), ESYS_TR_NONE,
                   &*qualifying, &scheme_of_key, out(attest), out(signature));
  if (rc != TSS2_RC_SUCCESS) return refusal("TPM2_Certify", rc);
  return statement_of(*attest, *signature);
}

Result<Statement> certify_counter(const Tpm& tpm, const Engagement& with, const Secret& auth,
                                  const KeyBlobs& ak_blobs, std::uint32_t index,
                                  BytesView qualifying_data) {
  const auto qualifying = tpm2b_of<TPM2B_DATA>(qualifying_data, "the qualifying data");
  if (!qualifying) return tl::unexpected<Error>(qualifying.error());
  const auto ak = load_with_auth(tpm, with, auth, ak_blobs);
  if (!ak) return tl::unexpected<Error>(ak.error());
  const auto counter = open_counter(read_access(tpm, with, auth), index);
  if (!counter) return tl::unexpected<Error>(counter.error());
  const auto second = second_session(tpm, with);
  if (!second) return tl::unexpected<Error>(second.error());
  EsysOwned<TPM2B_ATTEST> attest;
  EsysOwned<TPMT_SIGNATURE> signature;
  const TSS2_RC rc = Esys_NV_Certify(tpm.esys(), ak->id(), counter->id(), counter->id(),
                                     with.session.id(), second->id(), ESYS_TR_NONE, &*qualifying,
                                     &scheme_of_key, counter_size, 0, out(attest), out(signature));
  if (rc != TSS2_RC_SUCCESS) return refusal("TPM2_NV_Certify", rc);
  return statement_of(*attest, *signature);
}

Result<void> prove_auth(const Tpm& tpm, const Engagement& with, const Secret& auth,
                        const KeyBlobs& ak_blobs) {
  const auto ak = load_with_auth(tpm, with, auth, ak_blobs);
  if (!ak) return tl::unexpected<Error>(ak.error());
  const TPM2B_DATA nothing{};
  const TPML_PCR_SELECTION no_pcrs{};
  EsysOwned<TPM2B_ATTEST> attest;
  EsysOwned<TPMT_SIGNATURE> signature;
  const TSS2_RC rc = Esys_Quote(tpm.esys(), ak->id(), with.session.id(), ESYS_TR_NONE, ESYS_TR_NONE,
                                &nothing, &scheme_of_key, &no_pcrs, out(attest), out(signature));
  if (rc != TSS2_RC_SUCCESS) return refusal("TPM2_Quote", rc);
  return {};
}

}  // namespace mintmark::hsm::tpm2
