// A PKCS#11 store under the contract, on a token that a test made.
#pragma once

#include <stdexcept>

#include "contract/key_store_contract.h"
#include "hsm/pkcs11/key_store.h"

namespace mintmark::test {

/// `Device`: SoftHsm or Tpm2Pkcs11.
template <typename Device>
class Pkcs11UnderTest final : public KeyStoreUnderTest {
 public:
  explicit Pkcs11UnderTest(const KeyStoreOptions& options) : options_(options) { reopen(); }
  hsm::Signer& signer() override { return *store_; }
  hsm::KeyAdmin& admin() override { return *store_; }
  void reopen() override {
    store_.reset();
    config::HsmStore settings = device_.store();
    settings.sessions = options_.sessions;
    settings.queue = options_.queue;
    auto opened = hsm::pkcs11::open_key_store(settings);
    if (!opened) throw std::runtime_error(opened.error().to_string());
    store_ = std::move(*opened);
  }
  [[nodiscard]] Device& device() { return device_; }

 private:
  KeyStoreOptions options_;
  Device device_;
  std::unique_ptr<hsm::pkcs11::Pkcs11KeyStore> store_;
};

template <typename Device>
KeyStoreBackend pkcs11_backend(std::string name, std::vector<jose::Algorithm> algorithms,
                               std::vector<jose::Algorithm> lacking = {}) {
  return {std::move(name),
          [](const KeyStoreOptions& options) -> std::unique_ptr<KeyStoreUnderTest> {
            return std::make_unique<Pkcs11UnderTest<Device>>(options);
          },
          std::move(algorithms), std::move(lacking)};
}

}  // namespace mintmark::test
