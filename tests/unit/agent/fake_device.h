// A TPM in software, as far as the agent can tell: keys, names and statements, without a chip.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "hsm/tpm2/device.h"

namespace mintmark::agent {

/// What happens to a FakeDevice, seen and steered by a test; outlives the devices that are opened
/// on it.
struct FakeTpm {
  int opened = 0;  ///< Connections so far.
  int keys_made = 0;
  int signatures = 0;
  std::optional<Error> open_error;
  std::optional<Error> quote_error;            ///< Once.
  std::function<void()> on_quote;              ///< After each quote.
  std::optional<Error> sign_error;             ///< Always.
  std::optional<hsm::tpm2::EkKind> wanted_ek;  ///< As last asked for.
  std::map<Bytes, Bytes> private_keys;         ///< Public area -> PKCS#8; cleared: they are lost.
  Bytes ek_certificate;
  std::map<std::uint32_t, Bytes> certificates;  ///< Of AKs, by NV index.
  std::map<std::uint32_t, Bytes> persistent;    ///< Public areas of keys, by handle.
  Bytes last_certify_binding;
  Bytes last_quote_binding;

  FakeTpm();
  /// Somebody else's AK, at this handle.
  void persist_attestation_key(std::uint32_t handle);
};

/// A certificate (DER) of a key that nobody has.
[[nodiscard]] Bytes self_signed_certificate();

class FakeDevice final : public hsm::tpm2::Device {
 public:
  explicit FakeDevice(FakeTpm& tpm) : tpm_(tpm) {}

  Result<hsm::tpm2::EkCertificate> ek_certificate(std::optional<hsm::tpm2::EkKind> wanted) override;
  Result<Bytes> ak_certificate(std::uint32_t nv_index) override;
  Result<Bytes> public_area(const hsm::tpm2::PersistentKey& key) override;
  Result<hsm::tpm2::KeyBlobs> create_attestation_key() override;
  Result<hsm::tpm2::KeyBlobs> create_device_key() override;
  /// The "secret" is the credential blob, backwards.
  Result<Secret> activate_credential(const hsm::tpm2::EkCertificate& ek,
                                     const hsm::tpm2::KeyBlobs& ak, BytesView credential_blob,
                                     BytesView encrypted_secret) override;
  Result<hsm::tpm2::Statement> certify(const hsm::tpm2::KeyBlobs& key,
                                       const hsm::tpm2::AttestationKey& ak,
                                       BytesView qualifying_data) override;
  Result<hsm::tpm2::Quote> quote(const hsm::tpm2::AttestationKey& ak, const std::string& bank,
                                 const std::vector<unsigned>& selection,
                                 BytesView qualifying_data) override;
  Result<Bytes> sign(const hsm::tpm2::KeyBlobs& key, const Sha256& digest) override;

 private:
  FakeTpm& tpm_;
};

}  // namespace mintmark::agent
