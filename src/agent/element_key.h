// A device key in a PKCS#11 token.
#pragma once

#include "agent/device_key.h"
#include "hsm/pkcs11/device_key.h"

namespace mintmark::agent {

class ElementDeviceKey final : public DeviceKey {
 public:
  /// `element` must outlive it; `id` is the key's CKA_ID there.
  ElementDeviceKey(hsm::pkcs11::SecureElement& element, Bytes id, jose::PublicKey public_key)
      : element_(&element), id_(std::move(id)), public_key_(std::move(public_key)) {}

  [[nodiscard]] const Bytes& id() const { return id_; }
  [[nodiscard]] const jose::PublicKey& public_key() const override { return public_key_; }
  /// Errors of SecureElement::sign; `agent_pkcs11_key` where the key that has this id now is
  /// another one.
  [[nodiscard]] Result<Bytes> sign(BytesView octets) override;

 private:
  hsm::pkcs11::SecureElement* element_;
  Bytes id_;
  jose::PublicKey public_key_;
};

}  // namespace mintmark::agent
