#include "hsm/tpm2/endorsement.h"

#include <array>

#include "hsm/tpm2/ek_public.h"
#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/keys.h"
#include "hsm/tpm2/nv.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"
#include "hsm/tpm2/templates.h"

namespace mintmark::hsm::tpm2 {
namespace {

struct Place {
  std::uint32_t nv_index;
  EkKind kind;
};
// In the order of preference: one kind after the other, the low range before the high.
constexpr std::array<Place, 5> places = {{{0x01C00002, EkKind::rsa},
                                          {0x01C00012, EkKind::rsa},
                                          {0x01C0000A, EkKind::ecc},
                                          {0x01C00014, EkKind::ecc},
                                          {0x01C00016, EkKind::ecc}}};

// EK Credential Profile 2.5, 2.2.1.5: what the manufacturer stores of the certificates above, one
// behind the other and perhaps across indexes.
constexpr std::uint32_t first_of_chain = 0x01C00100;
constexpr std::uint32_t last_of_chain = 0x01C001FF;

Result<EkCertificate> read_certificate(const Tpm& tpm, const Place& place) {
  auto der = read_certificate_at(tpm, place.nv_index, Code::tpm_no_ek_certificate);
  if (!der) return pass_on(der);
  return EkCertificate{place.nv_index, place.kind, std::move(*der)};
}

// The certificate names the key; a TPM whose manufacturer used a template of its own gives another
// one here.
Result<void> check_is_certified(const Tpm& tpm, const Handle& ek,
                                const EkCertificate& certificate) {
  const auto area = read_public(tpm, ek);
  if (!area) return tl::unexpected<Error>(area.error());
  return same_key(certificate.der, area->publicArea);
}

Result<Handle> load_ek(const Tpm& tpm, const EkCertificate& certificate,
                       const EkTemplate& ek_template) {
  auto persistent = open_persistent(tpm, ek_template.persistent);
  if (persistent && check_is_certified(tpm, *persistent, certificate)) return persistent;
  if (!persistent && persistent.error().code != Code::not_found) return persistent;
  auto primary = create_primary(tpm, ESYS_TR_RH_ENDORSEMENT, ek_template.area);
  if (!primary) return primary;
  const auto certified = check_is_certified(tpm, *primary, certificate);
  if (!certified) return tl::unexpected<Error>(certified.error());
  return primary;
}

// Satisfies PolicyA.
Result<Handle> endorsement_policy(const Tpm& tpm) {
  const TPMT_SYM_DEF no_encryption{.algorithm = TPM2_ALG_NULL, .keyBits = {}, .mode = {}};
  ESYS_TR id = ESYS_TR_NONE;
  TSS2_RC rc = Esys_StartAuthSession(tpm.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                     ESYS_TR_NONE, ESYS_TR_NONE, nullptr, TPM2_SE_POLICY,
                                     &no_encryption, TPM2_ALG_SHA256, &id);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_StartAuthSession", rc);
  Handle session = Handle::transient(tpm.esys(), id);
  // Left open after its use, so that there is one way to end it: the handle's.
  rc = Esys_TRSess_SetAttributes(tpm.esys(), session.id(), TPMA_SESSION_CONTINUESESSION,
                                 TPMA_SESSION_CONTINUESESSION);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("session attributes", rc);
  rc =
      Esys_PolicySecret(tpm.esys(), ESYS_TR_RH_ENDORSEMENT, session.id(), ESYS_TR_PASSWORD,
                        ESYS_TR_NONE, ESYS_TR_NONE, nullptr, nullptr, nullptr, 0, nullptr, nullptr);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_PolicySecret", rc);
  return session;
}

// How the two keys are authorised.
struct Sessions {
  ESYS_TR ak;
  ESYS_TR ek;
};

Result<Secret> activate(const Tpm& tpm, const Handle& ak, const Handle& ek, Sessions sessions,
                        const TPM2B_ID_OBJECT& blob, const TPM2B_ENCRYPTED_SECRET& sealed) {
  EsysOwned<TPM2B_DIGEST> secret;
  const TSS2_RC rc = Esys_ActivateCredential(tpm.esys(), ak.id(), ek.id(), sessions.ak, sessions.ek,
                                             ESYS_TR_NONE, &blob, &sealed, out(secret));
  if (is_about_parameter(rc))
    return tpm_refusal("TPM2_ActivateCredential", rc, Code::tpm_credential_refused);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_ActivateCredential", rc);
  Secret kept(content_of(*secret));
  wipe({secret->buffer, secret->size});
  return kept;
}

}  // namespace

Result<Bytes> read_certificate_at(const Tpm& tpm, std::uint32_t nv_index, Code refusal) {
  auto content = read_nv(tpm, nv_index);
  if (!content) {
    Error error = content.error();
    if (error.code == Code::not_found) error.detail += " " + name_of_handle(nv_index);
    return tl::unexpected<Error>(std::move(error));
  }
  const std::size_t length = der_length(*content);
  if (length == 0 || length > content->size())
    return fail(refusal, "NV index " + name_of_handle(nv_index) + " holds no certificate");
  content->resize(length);
  return content;
}

Result<EkCertificate> find_ek_certificate(const Tpm& tpm, std::optional<EkKind> wanted) {
  for (const Place& place : places) {
    if (wanted && *wanted != place.kind) continue;
    auto certificate = read_certificate(tpm, place);
    if (certificate || certificate.error().code != Code::not_found) return certificate;
  }
  const std::string kind = wanted ? std::string(name_of(*wanted)) + " " : "";
  return fail(Code::tpm_no_ek_certificate,
              "the TPM holds no " + kind +
                  "EK certificate at the indexes of the TCG EK Credential Profile");
}

Result<std::vector<EkCertificate>> all_ek_certificates(const Tpm& tpm) {
  std::vector<EkCertificate> found;
  for (const Place& place : places) {
    auto certificate = read_certificate(tpm, place);
    if (certificate) {
      found.push_back(std::move(*certificate));
    } else if (certificate.error().code != Code::not_found &&
               certificate.error().code != Code::tpm_no_ek_certificate) {
      return pass_on(certificate);
    }
  }
  return found;
}

Result<std::vector<Bytes>> ek_certificate_chain(const Tpm& tpm) {
  const auto indexes = tpm.handles(first_of_chain);
  if (!indexes) return tl::unexpected<Error>(indexes.error());
  Bytes all;
  for (const std::uint32_t index : *indexes) {
    if (index > last_of_chain) break;
    const auto content = read_nv(tpm, index);
    if (!content) return tl::unexpected<Error>(content.error());
    all.insert(all.end(), content->begin(), content->end());
  }
  std::vector<Bytes> chain;
  for (BytesView left = all;;) {
    const std::size_t length = der_length(left);
    if (length == 0 || length > left.size()) return chain;
    chain.push_back(to_bytes(left.first(length)));
    left = left.subspan(length);
  }
}

Result<Secret> open_credential(const Tpm& tpm, const EkCertificate& certificate,
                               const KeyBlobs& ak_blobs, BytesView credential_blob,
                               BytesView encrypted_secret) {
  // The AK first: loading it takes the storage root's slot for a moment, and three slots are all
  // there may be.
  const auto ak = load_key(tpm, ak_blobs);
  if (!ak) return tl::unexpected<Error>(ak.error());
  return open_credential(tpm, certificate, *ak, ESYS_TR_PASSWORD, credential_blob,
                         encrypted_secret);
}

Result<Secret> open_credential(const Tpm& tpm, const EkCertificate& certificate, const Handle& ak,
                               std::uint32_t ak_session, BytesView credential_blob,
                               BytesView encrypted_secret) {
  const auto ek_template = ek_template_of(certificate.nv_index);
  if (!ek_template) return fail(Code::invalid_argument, "no EK template belongs to that NV index");
  const auto blob =
      unmarshalled<TPM2B_ID_OBJECT>(credential_blob, Tss2_MU_TPM2B_ID_OBJECT_Unmarshal,
                                    Code::tpm_credential_refused, "TPM2B_ID_OBJECT");
  if (!blob) return tl::unexpected<Error>(blob.error());
  const auto sealed = unmarshalled<TPM2B_ENCRYPTED_SECRET>(
      encrypted_secret, Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal, Code::tpm_credential_refused,
      "TPM2B_ENCRYPTED_SECRET");
  if (!sealed) return tl::unexpected<Error>(sealed.error());

  const auto ek = load_ek(tpm, certificate, *ek_template);
  if (!ek) return tl::unexpected<Error>(ek.error());
  if (ek_template->authorization == EkAuthorization::empty_auth) {
    return activate(tpm, ak, *ek, {ak_session, ESYS_TR_PASSWORD}, *blob, *sealed);
  }
  const auto session = endorsement_policy(tpm);
  if (!session) return tl::unexpected<Error>(session.error());
  return activate(tpm, ak, *ek, {ak_session, session->id()}, *blob, *sealed);
}

}  // namespace mintmark::hsm::tpm2
