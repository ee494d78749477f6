#include "hsm/tpm2/counter.h"

#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"
#include "hsm/tpm2/session.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr TPMA_NV attributes = static_cast<TPMA_NV>(TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT) |
                               TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA;
constexpr UINT16 counter_size = 8;

// ESAPI knows it for the length of one command that is authorised by HMAC: others, by password,
// would send it in the clear.
class OwnersTurn {
 public:
  explicit OwnersTurn(const CounterAccess& access)
      : tpm_(access.tpm), known_(set_auth(tpm_, ESYS_TR_RH_OWNER, access.owner)) {}
  ~OwnersTurn() { (void)set_auth(tpm_, ESYS_TR_RH_OWNER, Secret()); }
  OwnersTurn(const OwnersTurn&) = delete;
  OwnersTurn& operator=(const OwnersTurn&) = delete;
  [[nodiscard]] const Result<void>& known() const { return known_; }

 private:
  const Tpm& tpm_;
  const Result<void> known_;
};

Result<void> define(const CounterAccess& access, std::uint32_t index) {
  const OwnersTurn turn(access);
  if (!turn.known()) return turn.known();
  const TPM2B_NV_PUBLIC area = counter_area(index);
  auto auth = tpm2b_of<TPM2B_AUTH>(access.auth.view(), "the authorisation value");
  if (!auth) return pass_on(auth);
  ESYS_TR id = ESYS_TR_NONE;
  const TSS2_RC rc = Esys_NV_DefineSpace(access.tpm.esys(), ESYS_TR_RH_OWNER, access.session.id(),
                                         ESYS_TR_NONE, ESYS_TR_NONE, &*auth, &area, &id);
  wipe({auth->buffer, sizeof auth->buffer});
  if (rc == TSS2_RC_SUCCESS) {
    Esys_TR_Close(access.tpm.esys(), &id);
    return {};
  }
  if (bare(rc) == TPM2_RC_NV_DEFINED)
    return tpm_refusal("TPM2_NV_DefineSpace", rc, Code::hsm_key_exists);
  if (bare(rc) == TPM2_RC_NV_SPACE)
    return tpm_refusal(
        "the TPM has no room for one more counter, which each key has: undefine NV "
        "indexes that nobody needs (tpm2_getcap handles-nv-index, tpm2_nvundefine); "
        "TPM2_NV_DefineSpace",
        rc, Code::hsm_nv_full);
  if (is_wrong_auth(rc))
    return tpm_refusal(
        "the owner hierarchy has another authorisation than \"tpm\".\"owner\" "
        "gives; TPM2_NV_DefineSpace",
        rc, Code::hsm_owner_refused);
  return tpm_refusal("TPM2_NV_DefineSpace", rc);
}

Result<void> increment(const CounterAccess& access, const Handle& counter) {
  const TSS2_RC rc = Esys_NV_Increment(access.tpm.esys(), counter.id(), counter.id(),
                                       access.session.id(), ESYS_TR_NONE, ESYS_TR_NONE);
  if (is_wrong_auth(rc)) return tpm_refusal("TPM2_NV_Increment", rc, Code::hsm_pin_refused);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_NV_Increment", rc);
  return {};
}

Result<void> undefine(const CounterAccess& access, const Handle& counter) {
  const OwnersTurn turn(access);
  if (!turn.known()) return turn.known();
  const TSS2_RC rc = Esys_NV_UndefineSpace(access.tpm.esys(), ESYS_TR_RH_OWNER, counter.id(),
                                           access.session.id(), ESYS_TR_NONE, ESYS_TR_NONE);
  if (is_wrong_auth(rc)) return tpm_refusal("TPM2_NV_UndefineSpace", rc, Code::hsm_owner_refused);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_NV_UndefineSpace", rc);
  return {};
}

Bytes name_with(std::uint32_t index, TPMA_NV more) {
  TPM2B_NV_PUBLIC area = counter_area(index);
  area.nvPublic.attributes |= more;
  const Sha256 digest = sha256(marshalled(area.nvPublic, Tss2_MU_TPMS_NV_PUBLIC_Marshal));
  Bytes name(2 + digest.size());
  name[0] = TPM2_ALG_SHA256 >> 8U;
  name[1] = TPM2_ALG_SHA256 & 0xFFU;
  std::copy(digest.begin(), digest.end(), name.begin() + 2);
  return name;
}

/// The Name is of all that an index is defined by: what has another is not of our kind.
bool is_ours(const Bytes& name, std::uint32_t index) {
  return name == counter_name(index) || name == name_with(index, 0);
}

Result<bool> is_of_ours(const Tpm& tpm, const Handle& nv, std::uint32_t index) {
  EsysOwned<TPM2B_NAME> name;
  const TSS2_RC rc = Esys_TR_GetName(tpm.esys(), nv.id(), out(name));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("Esys_TR_GetName", rc);
  return is_ours(to_bytes({name->name, name->size}), index);
}

tl::unexpected<Error> lied_about(const std::string& what) {
  return fail(Code::hsm_answer_forged,
              "the TPM " + what + ": a command or an answer was changed on its way");
}

Result<Handle> open_index(const Tpm& tpm, std::uint32_t index) {
  ESYS_TR id = ESYS_TR_NONE;
  const TSS2_RC rc =
      Esys_TR_FromTPMPublic(tpm.esys(), index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &id);
  if (bare(rc) == TPM2_RC_HANDLE) return fail(Code::not_found, "no such NV index", rc);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_NV_ReadPublic", rc);
  return Handle::reference(tpm.esys(), id);
}

/// The Name that ESAPI was shown goes into the command's HMAC: the TPM takes no other.
Result<Bytes> sure_name_of(const CounterAccess& access, const Handle& nv) {
  EsysOwned<TPM2B_NAME> name;
  const TSS2_RC rc = Esys_NV_ReadPublic(access.tpm.esys(), nv.id(), access.session.id(),
                                        ESYS_TR_NONE, ESYS_TR_NONE, nullptr, out(name));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_NV_ReadPublic", rc);
  return to_bytes({name->name, name->size});
}

}  // namespace

std::uint32_t counter_index_for(const KeyId& id, std::uint32_t nth) {
  const std::uint32_t wanted = static_cast<std::uint32_t>(id[0]) << 8U | id[1];
  return first_counter_index + (wanted + nth) % counter_indexes;
}

TPM2B_NV_PUBLIC counter_area(std::uint32_t index) {
  TPM2B_NV_PUBLIC area{};
  area.nvPublic.nvIndex = index;
  area.nvPublic.nameAlg = TPM2_ALG_SHA256;
  area.nvPublic.attributes = attributes;
  area.nvPublic.dataSize = counter_size;
  return area;
}

Bytes counter_name(std::uint32_t index) { return name_with(index, TPMA_NV_WRITTEN); }

Result<Handle> open_counter(const CounterAccess& access, std::uint32_t index) {
  auto counter = open_index(access.tpm, index);
  if (!counter) return counter;
  const auto ours = is_of_ours(access.tpm, *counter, index);
  if (!ours) return tl::unexpected<Error>(ours.error());
  if (!*ours) return fail(Code::not_found, "that NV index is another program's");
  if (auto set = set_auth(access.tpm, counter->id(), access.auth); !set) return pass_on(set);
  return counter;
}

Result<std::uint64_t> make_counter(const CounterAccess& access, std::uint32_t index) {
  if (auto defined = define(access, index); !defined) return pass_on(defined);
  const auto counter = open_counter(access, index);
  if (!counter) return tl::unexpected<Error>(counter.error());
  if (auto written = increment(access, *counter); !written) return pass_on(written);
  return read_counter(access, *counter);
}

Result<std::uint64_t> read_counter(const CounterAccess& access, const Handle& counter) {
  EsysOwned<TPM2B_MAX_NV_BUFFER> content;
  const TSS2_RC rc =
      Esys_NV_Read(access.tpm.esys(), counter.id(), counter.id(), access.session.id(), ESYS_TR_NONE,
                   ESYS_TR_NONE, counter_size, 0, out(content));
  if (is_wrong_auth(rc)) return tpm_refusal("TPM2_NV_Read", rc, Code::hsm_pin_refused);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_NV_Read", rc);
  if (content->size != counter_size) return fail(Code::tpm_failed, "a counter has eight octets");
  std::uint64_t value = 0;
  for (const std::uint8_t octet : content_of(*content)) value = value << 8U | octet;
  return value;
}

namespace {

// As the TPM shows it: `not_found`, `hsm_pin_refused`.
Result<void> end_shown(const CounterAccess& access, std::uint32_t index) {
  const auto counter = open_counter(access, index);
  if (!counter) return tl::unexpected<Error>(counter.error());
  if (auto incremented = increment(access, *counter); !incremented) return incremented;
  return undefine(access, *counter);
}

}  // namespace

Result<void> check_none_of_ours(const CounterAccess& access, std::uint32_t index) {
  const auto there = surely_has(access.tpm, access.session, index);
  if (!there && is_wrong_auth(static_cast<TSS2_RC>(there.error().native)))
    return lied_about("refuses a session that it began");
  if (!there) return tl::unexpected<Error>(there.error());
  if (!*there) return {};
  const auto counter = open_index(access.tpm, index);
  if (!counter) return tl::unexpected<Error>(counter.error());
  const auto name = sure_name_of(access, *counter);
  if (!name) return tl::unexpected<Error>(name.error());
  if (!is_ours(*name, index)) return {};
  if (auto set = set_auth(access.tpm, counter->id(), access.auth); !set) return set;
  const auto value = read_counter(access, *counter);
  if (value) return lied_about("did not show a counter that it has");
  // Of our kind and not with our secret: another store's on the same TPM.
  if (value.error().code == Code::hsm_pin_refused) return {};
  return tl::unexpected<Error>(value.error());
}

Result<void> end_counter(const CounterAccess& access, std::uint32_t index) {
  auto ended = end_shown(access, index);
  const bool is_shown_as_ours = ended || (ended.error().code != Code::not_found &&
                                          ended.error().code != Code::hsm_pin_refused);
  return is_shown_as_ours ? ended : check_none_of_ours(access, index);
}

}  // namespace mintmark::hsm::tpm2
