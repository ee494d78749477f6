#include "hsm/tpm2/nv.h"

#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/handles.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"

namespace mintmark::hsm::tpm2 {
namespace {

Result<UINT16> chunk_size(const Tpm& tpm) {
  const auto largest = tpm.property(TPM2_PT_NV_BUFFER_MAX);
  if (!largest) return tl::unexpected<Error>(largest.error());
  return static_cast<UINT16>(std::clamp<std::uint32_t>(*largest, 64, TPM2_MAX_NV_BUFFER_SIZE));
}

}  // namespace

Result<Bytes> read_nv(const Tpm& tpm, std::uint32_t index) {
  const auto there = tpm.has(index);
  if (!there) return tl::unexpected<Error>(there.error());
  if (!*there) return fail(Code::not_found, "no such NV index");

  ESYS_TR id = ESYS_TR_NONE;
  TSS2_RC rc =
      Esys_TR_FromTPMPublic(tpm.esys(), index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &id);
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_NV_ReadPublic", rc);
  const Handle nv = Handle::reference(tpm.esys(), id);

  EsysOwned<TPM2B_NV_PUBLIC> area;
  EsysOwned<TPM2B_NAME> name;
  rc = Esys_NV_ReadPublic(tpm.esys(), nv.id(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, out(area),
                          out(name));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_NV_ReadPublic", rc);
  const auto chunk = chunk_size(tpm);
  if (!chunk) return tl::unexpected<Error>(chunk.error());

  const TPMS_NV_PUBLIC& facts = area->nvPublic;
  const ESYS_TR authority = (facts.attributes & TPMA_NV_AUTHREAD) != 0 ? nv.id() : ESYS_TR_RH_OWNER;
  Bytes content;
  while (content.size() < facts.dataSize) {
    const auto offset = static_cast<UINT16>(content.size());
    const UINT16 wanted = std::min<UINT16>(*chunk, static_cast<UINT16>(facts.dataSize - offset));
    EsysOwned<TPM2B_MAX_NV_BUFFER> part;
    rc = Esys_NV_Read(tpm.esys(), authority, nv.id(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                      wanted, offset, out(part));
    if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_NV_Read", rc);
    if (part->size == 0) return fail(Code::tpm_failed, "TPM2_NV_Read gave nothing");
    const BytesView read = content_of(*part);
    content.insert(content.end(), read.begin(), read.end());
  }
  return content;
}

}  // namespace mintmark::hsm::tpm2
