// A held key over a key store in memory, and what its certificate is signed by.
#pragma once

#include <gtest/gtest.h>

#include <future>

#include "hsm/tls/key.h"
#include "support/fake_key_store.h"
#include "support/test_tls.h"

namespace mintmark::hsm::tls {

class HeldKeyTest : public ::testing::Test {
 protected:
  KeyInfo make(jose::Algorithm algorithm) {
    std::promise<Result<KeyInfo>> made;
    store->generate({.id = random_key_id(), .purpose = Purpose::tls, .algorithm = algorithm},
                    Deadline::in(std::chrono::seconds(10)),
                    [&](Result<KeyInfo> key) { made.set_value(std::move(key)); });
    auto key = made.get_future().get();
    if (!key) throw std::runtime_error(key.error().to_string());
    return std::move(*key);
  }

  std::shared_ptr<evp_pkey_st> held(const KeyInfo& info,
                                    std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    auto key =
        make_key({.signer = signer,
                  .info = info,
                  .patience = patience,
                  .observe = [this](const Result<void>& how) {
                    outcomes.push_back(how ? "good" : std::string(facts_of(how.error().code).name));
                  }});
    if (!key) throw std::runtime_error(key.error().to_string());
    return std::move(*key);
  }

  std::shared_ptr<test::FakeKeyStore> store = std::make_shared<test::FakeKeyStore>();
  std::shared_ptr<Signer> signer = store;
  std::vector<std::string> outcomes;
  const test::TestCa ca;
};

}  // namespace mintmark::hsm::tls
