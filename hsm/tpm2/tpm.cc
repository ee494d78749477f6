#include "hsm/tpm2/tpm.h"

#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include <span>

#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/rc.h"

namespace mintmark::hsm::tpm2 {

struct Tpm::Connection {
  TSS2_TCTI_CONTEXT* tcti = nullptr;
  ESYS_CONTEXT* esys = nullptr;

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    Esys_Finalize(&esys);
    Tss2_TctiLdr_Finalize(&tcti);
  }
};

namespace {

std::vector<std::string> candidates(const std::string& tcti) {
  if (!tcti.empty()) return {tcti};
  return {"device:/dev/tpmrm0", "device:/dev/tpm0"};
}

}  // namespace

Tpm::Tpm(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Tpm::Tpm(Tpm&&) noexcept = default;
Tpm& Tpm::operator=(Tpm&&) noexcept = default;
Tpm::~Tpm() = default;

ESYS_CONTEXT* Tpm::esys() const { return connection_->esys; }

Result<Tpm> Tpm::open(const std::string& tcti) {
  std::string tried;
  TSS2_RC last = TSS2_RC_SUCCESS;
  for (const std::string& name : candidates(tcti)) {
    auto connection = std::make_unique<Connection>();
    last = Tss2_TctiLdr_Initialize(name.c_str(), &connection->tcti);
    if (last == TSS2_RC_SUCCESS)
      last = Esys_Initialize(&connection->esys, connection->tcti, nullptr);
    if (last == TSS2_RC_SUCCESS) return Tpm(std::move(connection));
    tried += (tried.empty() ? "" : "; ") + name + ": " + Tss2_RC_Decode(last);
  }
  return fail(Code::tpm_unavailable, "no TPM answers (" + tried + ")", last);
}

Result<std::vector<std::uint32_t>> Tpm::handles(std::uint32_t first) const {
  const std::uint32_t range = first & TPM2_HR_RANGE_MASK;
  std::vector<std::uint32_t> found;
  TPMI_YES_NO more = TPM2_YES;
  while (more == TPM2_YES) {
    EsysOwned<TPMS_CAPABILITY_DATA> data;
    const TSS2_RC rc =
        Esys_GetCapability(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES,
                           first, TPM2_MAX_CAP_HANDLES, &more, out(data));
    if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_GetCapability", rc);
    const TPML_HANDLE& list = data->data.handles;
    if (list.count == 0) break;
    for (const TPM2_HANDLE handle : std::span(list.handle, list.count)) {
      if ((handle & TPM2_HR_RANGE_MASK) == range) found.push_back(handle);
    }
    first = list.handle[list.count - 1] + 1;
  }
  return found;
}

Result<bool> Tpm::has(std::uint32_t handle) const { return has(handle, ESYS_TR_NONE); }

Result<bool> Tpm::has(std::uint32_t handle, std::uint32_t session) const {
  TPMI_YES_NO more = TPM2_NO;
  EsysOwned<TPMS_CAPABILITY_DATA> data;
  const TSS2_RC rc = Esys_GetCapability(esys(), session, ESYS_TR_NONE, ESYS_TR_NONE,
                                        TPM2_CAP_HANDLES, handle, 1, &more, out(data));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_GetCapability", rc);
  return data->data.handles.count > 0 && data->data.handles.handle[0] == handle;
}

Result<std::uint32_t> Tpm::property(std::uint32_t name) const {
  TPMI_YES_NO more = TPM2_NO;
  EsysOwned<TPMS_CAPABILITY_DATA> data;
  const TSS2_RC rc = Esys_GetCapability(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        TPM2_CAP_TPM_PROPERTIES, name, 1, &more, out(data));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_GetCapability", rc);
  const TPML_TAGGED_TPM_PROPERTY& list = data->data.tpmProperties;
  if (list.count == 0 || list.tpmProperty[0].property != name) {
    return fail(Code::tpm_failed, "the TPM does not tell property " + std::to_string(name));
  }
  return list.tpmProperty[0].value;
}

}  // namespace mintmark::hsm::tpm2
