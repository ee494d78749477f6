#include "programs/mintd/measured_signer.h"

#include <gtest/gtest.h>

#include <future>

#include "support/fake_key_store.h"

namespace mintmark::mintd {
namespace {

class Measured : public testing::Test {
 protected:
  void TearDown() override { store_->close(); }
  std::future<bool> sign() {
    auto answered = std::make_shared<std::promise<bool>>();
    signer_.sign(
        key_.id, "input", Deadline::in(std::chrono::seconds(5)),
        [answered](const Result<Bytes>& signature) { answered->set_value(signature.has_value()); });
    return answered->get_future();
  }
  bool shows(const std::string& line) {
    return ("\n" + figures_.metrics().text()).find("\n" + line + "\n") != std::string::npos;
  }

  Figures figures_{""};
  std::shared_ptr<test::FakeKeyStore> store_ = std::make_shared<test::FakeKeyStore>();
  hsm::KeyInfo key_ = store_->make_key(hsm::Purpose::access_token);
  MeasuredSigner signer_{store_, figures_.signing("main")};
};

TEST_F(Measured, SignaturesAreCountedAndTimed) {
  EXPECT_TRUE(sign().get());
  EXPECT_TRUE(sign().get());
  EXPECT_TRUE(shows(R"(mintmark_signatures_total{outcome="ok",store="main"} 2)"))
      << figures_.metrics().text();
  EXPECT_TRUE(shows(R"(mintmark_signing_seconds_count{store="main"} 2)"));
}

TEST_F(Measured, FailuresAreCountedByTheirCode) {
  store_->fail_signing_with({Code::hsm_session_lost, "gone", 0});
  EXPECT_FALSE(sign().get());
  EXPECT_TRUE(shows(R"(mintmark_signatures_total{outcome="hsm_session_lost",store="main"} 1)"));
  EXPECT_TRUE(shows(R"(mintmark_signatures_total{outcome="ok",store="main"} 0)"));
}

TEST_F(Measured, WhatWaitsIsTheQueuesDepth) {
  store_->hold();
  auto first = sign();
  auto second = sign();
  EXPECT_TRUE(shows(R"(mintmark_signing_pending{store="main"} 2)"));
  store_->release();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(shows(R"(mintmark_signing_pending{store="main"} 0)"));
}

}  // namespace
}  // namespace mintmark::mintd
