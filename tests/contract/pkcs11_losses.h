// What a PKCS#11 store does after it lost sessions, handles and the login; each PKCS#11 backend
// instantiates it beside the contract.
#pragma once

#include "contract/pkcs11_backend.h"
#include "contract/stranger.h"
#include "support/softhsm.h"
#include "support/tpm2_pkcs11.h"

namespace mintmark::test {

class Pkcs11Losses : public KeyStoreContract {
 protected:
  void SetUp() override {
    KeyStoreContract::SetUp();
    const bool softhsm = GetParam().name == "softhsm";
    stranger_ = std::make_unique<Stranger>(softhsm ? SoftHsm::module() : Tpm2Pkcs11::module());
  }
  Stranger& stranger() { return *stranger_; }

  void expect_signs(const hsm::KeyInfo& key) {
    const auto signature = sign(key.id, "header.claims");
    ASSERT_TRUE(signature) << signature.error().to_string();
    EXPECT_TRUE(key.public_key.verify(as_bytes("header.claims"), *signature));
  }

 private:
  std::unique_ptr<Stranger> stranger_;
};

}  // namespace mintmark::test
