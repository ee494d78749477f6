#include "hsm/tpm2/device_tpm.h"

#include <iomanip>
#include <sstream>

#include "hsm/tpm2/attestation.h"
#include "hsm/tpm2/endorsement.h"
#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/keys.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"
#include "hsm/tpm2/templates.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr std::size_t coordinate = 32;

// r || s with leading zeros that a TPM may leave out (RFC 7518 §3.4).
Result<Bytes> raw_signature(const TPMS_SIGNATURE_ECC& signature) {
  Bytes raw;
  for (const TPM2B_ECC_PARAMETER* number : {&signature.signatureR, &signature.signatureS}) {
    if (number->size > coordinate)
      return fail(Code::tpm_failed, "TPM2_Sign gave a number longer than P-256 has them");
    const BytesView octets = content_of(*number);
    raw.insert(raw.end(), coordinate - octets.size(), 0);
    raw.insert(raw.end(), octets.begin(), octets.end());
  }
  return raw;
}

Result<Bytes> sign_digest(const Tpm& tpm, const Handle& key, const Sha256& digest) {
  const auto input = tpm2b_of<TPM2B_DIGEST>(digest, "the digest");
  if (!input) return tl::unexpected<Error>(input.error());
  TPMT_SIG_SCHEME scheme{};
  scheme.scheme = TPM2_ALG_ECDSA;
  scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  TPMT_TK_HASHCHECK no_ticket{};
  no_ticket.tag = TPM2_ST_HASHCHECK;
  no_ticket.hierarchy = TPM2_RH_NULL;
  EsysOwned<TPMT_SIGNATURE> signature;
  const TSS2_RC rc = Esys_Sign(tpm.esys(), key.id(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                               &*input, &scheme, &no_ticket, out(signature));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_Sign", rc);
  return raw_signature(signature->signature.ecdsa);
}

/// After such an error ESAPI's context is of no use: whoever has the device opens it anew.
template <typename T>
Result<T> told(Result<T> answer) {
  if (!answer && is_of_spoilt_connection(answer.error()))
    answer.error().code = Code::tpm_unavailable;
  return answer;
}

class TpmDevice final : public Device {
 public:
  explicit TpmDevice(Tpm tpm) : tpm_(std::move(tpm)) {}

  Result<EkCertificate> ek_certificate(std::optional<EkKind> wanted) override {
    return told(find_ek_certificate(tpm_, wanted));
  }
  Result<Bytes> ak_certificate(std::uint32_t nv_index) override {
    return told(read_certificate_at(tpm_, nv_index, Code::ak_certificate_malformed));
  }
  Result<Bytes> public_area(const PersistentKey& key) override {
    return told(persistent_public_area(tpm_, key));
  }
  Result<KeyBlobs> create_attestation_key() override {
    return told(create_key(tpm_, attestation_key_template()));
  }
  Result<KeyBlobs> create_device_key() override {
    return told(create_key(tpm_, device_key_template()));
  }
  Result<Secret> activate_credential(const EkCertificate& ek, const KeyBlobs& ak,
                                     BytesView credential_blob,
                                     BytesView encrypted_secret) override {
    return told(open_credential(tpm_, ek, ak, credential_blob, encrypted_secret));
  }
  Result<Statement> certify(const KeyBlobs& key, const AttestationKey& ak,
                            BytesView qualifying_data) override {
    return told(certify_key(tpm_, key, ak, qualifying_data));
  }
  Result<Quote> quote(const AttestationKey& ak, const std::string& bank,
                      const std::vector<unsigned>& selection, BytesView qualifying_data) override {
    return told(quote_pcrs(tpm_, ak, bank, selection, qualifying_data));
  }
  Result<Bytes> sign(const KeyBlobs& blobs, const Sha256& digest) override {
    const auto key = load_key(tpm_, blobs);
    return told(key ? sign_digest(tpm_, *key, digest) : tl::unexpected<Error>(key.error()));
  }

 private:
  Tpm tpm_;
};

}  // namespace

std::string name_of_handle(std::uint32_t handle) {
  std::ostringstream text;
  text << "0x" << std::hex << std::uppercase << std::setw(8) << std::setfill('0') << handle;
  return text.str();
}

std::string_view name_of(EkKind kind) { return kind == EkKind::rsa ? "rsa" : "ecc"; }

Result<EkKind> ek_kind_named(std::string_view name) {
  if (name == "rsa") return EkKind::rsa;
  if (name == "ecc") return EkKind::ecc;
  return fail(Code::invalid_argument,
              "an EK is \"rsa\" or \"ecc\", not \"" + std::string(name) + "\"");
}

Result<std::unique_ptr<Device>> open_device(const std::string& tcti) {
  auto tpm = Tpm::open(tcti);
  if (!tpm) return pass_on(tpm);
  return std::make_unique<TpmDevice>(std::move(*tpm));
}

}  // namespace mintmark::hsm::tpm2
