#include "agent/tpm_key.h"

#include "hsm/tpm2/public_area.h"

namespace mintmark::agent {

Result<TpmDeviceKey> TpmDeviceKey::in(hsm::tpm2::Device& device, hsm::tpm2::KeyBlobs blobs) {
  auto public_key = hsm::tpm2::key_of_public(blobs.public_area);
  if (!public_key) return pass_on(public_key);
  return TpmDeviceKey(device, std::move(blobs), std::move(*public_key));
}

Result<Bytes> TpmDeviceKey::sign(BytesView octets) { return device_->sign(blobs_, sha256(octets)); }

}  // namespace mintmark::agent
