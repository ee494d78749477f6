// A device key in a TPM.
#pragma once

#include "agent/device_key.h"
#include "hsm/tpm2/device.h"

namespace mintmark::agent {

class TpmDeviceKey final : public DeviceKey {
 public:
  /// `device` must outlive it. `invalid_argument` if the blobs are no ECC P-256 key.
  [[nodiscard]] static Result<TpmDeviceKey> in(hsm::tpm2::Device& device,
                                               hsm::tpm2::KeyBlobs blobs);

  [[nodiscard]] const jose::PublicKey& public_key() const override { return public_key_; }
  /// Errors of hsm::tpm2::Device::sign.
  [[nodiscard]] Result<Bytes> sign(BytesView octets) override;

 private:
  TpmDeviceKey(hsm::tpm2::Device& device, hsm::tpm2::KeyBlobs blobs, jose::PublicKey public_key)
      : device_(&device), blobs_(std::move(blobs)), public_key_(std::move(public_key)) {}

  hsm::tpm2::Device* device_;
  hsm::tpm2::KeyBlobs blobs_;
  jose::PublicKey public_key_;
};

}  // namespace mintmark::agent
