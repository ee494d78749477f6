// The port to the TPM of a device: what an agent asks of it, in octets as TPM 2.0 Part 2 has them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

namespace mintmark::hsm::tpm2 {

enum class EkKind : std::uint8_t { rsa, ecc };

[[nodiscard]] std::string_view name_of(EkKind kind);  ///< "rsa", "ecc"
[[nodiscard]] Result<EkKind> ek_kind_named(std::string_view name);

/// An EK certificate as its manufacturer stored it in the TPM (TCG EK Credential Profile 2.5
/// §2.2.1.4).
struct EkCertificate {
  std::uint32_t nv_index = 0;  ///< It decides the EK's template.
  EkKind kind = EkKind::rsa;
  Bytes der;  ///< Without the padding that NV indexes carry.
};

/// A key under the storage root: useless outside the TPM that made it.
struct KeyBlobs {
  Bytes public_area;   ///< TPM2B_PUBLIC
  Bytes private_area;  ///< TPM2B_PRIVATE, encrypted by the storage root.
};

/// A key that persists in the TPM (TPM 2.0 Part 2, 7.4: 0x81…): somebody else made it, and had it
/// certified.
struct PersistentKey {
  std::uint32_t handle = 0;
};

/// "0x81000003"; of NV indexes too.
[[nodiscard]] std::string name_of_handle(std::uint32_t handle);

/// A key that signs what the TPM says.
using AttestationKey = std::variant<KeyBlobs, PersistentKey>;

/// Something the TPM says, signed by an attestation key.
struct Statement {
  Bytes attest;     ///< TPMS_ATTEST
  Bytes signature;  ///< TPMT_SIGNATURE
};

struct Quote {
  Statement statement;
  std::map<unsigned, Bytes> pcrs;  ///< The very values that were quoted.
};

/// One TPM. After each call it holds no transient object and no session of ours. Not thread-safe.
/// Errors of every call: `tpm_unavailable`, `tpm_failed` (native: TPM2_RC), `tpm_memory_full`, and
/// those named below.
class Device {
 public:
  virtual ~Device() = default;

  /// The RSA one if there is one, else the ECC one; `wanted` forces the kind.
  /// `tpm_no_ek_certificate`.
  [[nodiscard]] virtual Result<EkCertificate> ek_certificate(std::optional<EkKind> wanted) = 0;
  /// The certificate (DER, without padding) in any NV index that its owner or everybody may read.
  /// `not_found`; `ak_certificate_malformed` if it holds none.
  [[nodiscard]] virtual Result<Bytes> ak_certificate(std::uint32_t nv_index) = 0;
  /// TPM2B_PUBLIC. `tpm_key_lost` if nothing persists there.
  [[nodiscard]] virtual Result<Bytes> public_area(const PersistentKey& key) = 0;

  /// ECC P-256, restricted, signs with ECDSA-SHA256 only what the TPM itself says.
  [[nodiscard]] virtual Result<KeyBlobs> create_attestation_key() = 0;
  /// ECC P-256, unrestricted, signs with ECDSA-SHA256.
  [[nodiscard]] virtual Result<KeyBlobs> create_device_key() = 0;

  /// TPM2_ActivateCredential (Part 3, 12.5): the secret that was sealed to this EK and this AK.
  /// `tpm_ek_mismatch` if the EK that the default template gives is not the certificate's;
  /// `tpm_credential_refused` if it was sealed to others.
  [[nodiscard]] virtual Result<Secret> activate_credential(const EkCertificate& ek,
                                                           const KeyBlobs& ak,
                                                           BytesView credential_blob,
                                                           BytesView encrypted_secret) = 0;

  /// TPM2_Certify of `key` by `ak`, which has an empty authorisation.
  [[nodiscard]] virtual Result<Statement> certify(const KeyBlobs& key, const AttestationKey& ak,
                                                  BytesView qualifying_data) = 0;

  /// TPM2_Quote over PCRs of one bank ("sha256", "sha384"), with the values that it covers; their
  /// digest is by the AK's own hash (Part 3, 18.4).
  /// `tpm_pcr_bank_missing`; `tpm_pcrs_moving` if they never stood still.
  [[nodiscard]] virtual Result<Quote> quote(const AttestationKey& ak, const std::string& bank,
                                            const std::vector<unsigned>& selection,
                                            BytesView qualifying_data) = 0;

  /// r || s, 64 octets. `tpm_key_lost` (as for the other calls that take blobs) if the TPM no
  /// longer knows the key.
  [[nodiscard]] virtual Result<Bytes> sign(const KeyBlobs& key, const Sha256& digest) = 0;
};

}  // namespace mintmark::hsm::tpm2
