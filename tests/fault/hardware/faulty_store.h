// A key store in SoftHSM behind a module that fails by script.
#pragma once

#include <gtest/gtest.h>

#include "hsm/pkcs11/key_store.h"
#include "support/answer.h"
#include "support/faulty_module.h"

namespace mintmark::test {

using namespace std::chrono_literals;

class FaultyStore : public ::testing::Test {
 protected:
  void open() {
    store_.reset();
    auto opened = hsm::pkcs11::open_key_store(settings_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = std::move(*opened);
  }
  Result<hsm::KeyInfo> generate(jose::Algorithm algorithm = jose::Algorithm::es256,
                                const hsm::KeyId& id = hsm::random_key_id()) {
    Answer<hsm::KeyInfo> made;
    store_->generate({.id = id, .purpose = hsm::Purpose::access_token, .algorithm = algorithm},
                     Deadline::in(10s), made.done());
    return made.wait();
  }
  Result<Bytes> sign_with(const hsm::KeyId& id, std::chrono::milliseconds patience = 10s) {
    Answer<Bytes> answer;
    store_->sign(id, "header.claims", Deadline::in(patience), answer.done());
    return answer.wait();
  }
  Result<std::vector<hsm::KeyInfo>> list() {
    Answer<std::vector<hsm::KeyInfo>> answer;
    store_->list(Deadline::in(10s), answer.done());
    return answer.wait();
  }
  Result<void> destroy(const hsm::KeyId& id) {
    Answer<void> answer;
    store_->destroy(id, Deadline::in(10s), answer.done());
    return answer.wait();
  }
  Result<hsm::KeyEvidence> evidence(const hsm::KeyId& id) {
    Answer<hsm::KeyEvidence> answer;
    store_->evidence(id, Deadline::in(10s), answer.done());
    return answer.wait();
  }
  [[nodiscard]] static bool is_good(const hsm::KeyInfo& key, const Result<Bytes>& signature) {
    return signature && key.public_key.verify(as_bytes("header.claims"), *signature);
  }

  FaultyModule module_;
  config::HsmStore settings_ = module_.store();
  std::unique_ptr<hsm::pkcs11::Pkcs11KeyStore> store_;
};

}  // namespace mintmark::test
