#include "hsm/tpm2/keys.h"

#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"
#include "hsm/tpm2/templates.h"

namespace mintmark::hsm::tpm2 {
namespace {

// TCG TPM v2.0 Provisioning Guidance §7.8, table 2.
constexpr TPM2_HANDLE persistent_root = 0x81000001;

Result<Handle> load_under(const Tpm& tpm, const Handle& root, const TPM2B_PRIVATE& sealed,
                          const TPM2B_PUBLIC& area) {
  ESYS_TR id = ESYS_TR_NONE;
  const TSS2_RC rc = Esys_Load(tpm.esys(), root.id(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                               &sealed, &area, &id);
  if (rc == TSS2_RC_SUCCESS) return Handle::transient(tpm.esys(), id);
  if (!is_about_parameter(rc)) return tpm_refusal("TPM2_Load", rc);
  return tpm_refusal("TPM2_Load", rc, Code::tpm_key_lost);
}

}  // namespace

// Where people put another kind of key at that handle (an RSA root is frequent), it is not ours to
// use.
Result<Handle> persistent_storage_root(const Tpm& tpm) {
  auto root = open_persistent(tpm, persistent_root);
  if (!root) return root;
  const auto area = read_public(tpm, *root);
  if (!area) return tl::unexpected<Error>(area.error());
  if (!same_template(area->publicArea, storage_root_template().publicArea)) {
    return fail(Code::not_found, "the persistent storage root is of another template");
  }
  return root;
}

Result<Handle> primary_storage_root(const Tpm& tpm) {
  return create_primary(tpm, ESYS_TR_RH_OWNER, storage_root_template());
}

Result<Handle> storage_root(const Tpm& tpm) {
  auto root = persistent_storage_root(tpm);
  if (root || root.error().code != Code::not_found) return root;
  return primary_storage_root(tpm);
}

Result<Handle> create_primary(const Tpm& tpm, std::uint32_t hierarchy, const TPM2B_PUBLIC& area) {
  const TPM2B_SENSITIVE_CREATE sensitive{};
  const TPM2B_DATA outside{};
  const TPML_PCR_SELECTION no_pcrs{};
  ESYS_TR id = ESYS_TR_NONE;
  const TSS2_RC rc = Esys_CreatePrimary(tpm.esys(), hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                        ESYS_TR_NONE, &sensitive, &area, &outside, &no_pcrs, &id,
                                        nullptr, nullptr, nullptr, nullptr);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_CreatePrimary", rc);
  return Handle::transient(tpm.esys(), id);
}

Result<Handle> open_persistent(const Tpm& tpm, std::uint32_t handle) {
  const auto there = tpm.has(handle);
  if (!there) return tl::unexpected<Error>(there.error());
  if (!*there) return fail(Code::not_found, "no such persistent object");
  ESYS_TR id = ESYS_TR_NONE;
  const TSS2_RC rc =
      Esys_TR_FromTPMPublic(tpm.esys(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &id);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_ReadPublic", rc);
  return Handle::reference(tpm.esys(), id);
}

Result<TPM2B_PUBLIC> read_public(const Tpm& tpm, const Handle& object) {
  EsysOwned<TPM2B_PUBLIC> area;
  const TSS2_RC rc = Esys_ReadPublic(tpm.esys(), object.id(), ESYS_TR_NONE, ESYS_TR_NONE,
                                     ESYS_TR_NONE, out(area), nullptr, nullptr);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_ReadPublic", rc);
  return *area;
}

Result<KeyBlobs> create_key(const Tpm& tpm, const TPM2B_PUBLIC& area) {
  const auto root = storage_root(tpm);
  if (!root) return tl::unexpected<Error>(root.error());
  const TPM2B_SENSITIVE_CREATE sensitive{};
  const TPM2B_DATA outside{};
  const TPML_PCR_SELECTION no_pcrs{};
  EsysOwned<TPM2B_PRIVATE> sealed;
  EsysOwned<TPM2B_PUBLIC> made;
  const TSS2_RC rc =
      Esys_Create(tpm.esys(), root->id(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
                  &area, &outside, &no_pcrs, out(sealed), out(made), nullptr, nullptr, nullptr);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_Create", rc);
  return KeyBlobs{.public_area = marshalled(*made, Tss2_MU_TPM2B_PUBLIC_Marshal),
                  .private_area = marshalled(*sealed, Tss2_MU_TPM2B_PRIVATE_Marshal)};
}

namespace {

struct Parsed {
  TPM2B_PUBLIC area;
  TPM2B_PRIVATE sealed;
};

Result<Parsed> parse(const KeyBlobs& key) {
  const auto area = unmarshalled<TPM2B_PUBLIC>(key.public_area, Tss2_MU_TPM2B_PUBLIC_Unmarshal,
                                               Code::invalid_argument, "TPM2B_PUBLIC");
  if (!area) return tl::unexpected<Error>(area.error());
  const auto sealed = unmarshalled<TPM2B_PRIVATE>(key.private_area, Tss2_MU_TPM2B_PRIVATE_Unmarshal,
                                                  Code::invalid_argument, "TPM2B_PRIVATE");
  if (!sealed) return tl::unexpected<Error>(sealed.error());
  return Parsed{*area, *sealed};
}

}  // namespace

Result<Handle> load_key_under(const Tpm& tpm, const Handle& root, const KeyBlobs& key) {
  const auto parsed = parse(key);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  return load_under(tpm, root, parsed->sealed, parsed->area);
}

Result<Handle> load_key(const Tpm& tpm, const KeyBlobs& key) {
  const auto parsed = parse(key);
  if (!parsed) return tl::unexpected<Error>(parsed.error());

  // A root may have become persistent, or been evicted, since the key was made; it is the same key
  // only if whoever did it used the template to the letter. So both are tried before a key is
  // called lost.
  for (const auto find_root : {persistent_storage_root, primary_storage_root}) {
    const auto root = find_root(tpm);
    if (!root && root.error().code == Code::not_found) continue;
    if (!root) return tl::unexpected<Error>(root.error());
    auto loaded = load_under(tpm, *root, parsed->sealed, parsed->area);
    if (loaded || loaded.error().code != Code::tpm_key_lost) return loaded;
  }
  return fail(Code::tpm_key_lost,
              "this TPM no longer opens the key (cleared, or another TPM): enrol again");
}

}  // namespace mintmark::hsm::tpm2
