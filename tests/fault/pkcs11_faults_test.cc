// Faults of a PKCS#11 module, each by script: what the caller is told, and that signatures flow
// again when it ends.
#include <gtest/gtest.h>

#include <future>

#include "hsm/pkcs11/key_store.h"
#include "support/faulty_module.h"

namespace mintmark::test {
namespace {

using namespace std::chrono_literals;

template <typename T>
class Answer {
 public:
  hsm::Done<T> done() {
    return [promise = promise_](Result<T> result) { promise->set_value(std::move(result)); };
  }
  Result<T> wait() { return promise_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<Result<T>>> promise_ = std::make_shared<std::promise<Result<T>>>();
};

class Pkcs11Faults : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = hsm::pkcs11::open_key_store(module_.store());
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = std::move(*opened);
    Answer<hsm::KeyInfo> made;
    store_->generate({.id = hsm::random_key_id(), .purpose = hsm::Purpose::access_token},
                     Deadline::in(10s), made.done());
    const auto key = made.wait();
    ASSERT_TRUE(key) << key.error().to_string();
    key_ = *key;
    ASSERT_TRUE(sign());
  }

  Result<Bytes> sign(std::chrono::milliseconds patience = 10s) {
    Answer<Bytes> answer;
    store_->sign(key_->id, "header.claims", Deadline::in(patience), answer.done());
    return answer.wait();
  }
  void expect_signs(const std::string& when) {
    const auto signature = sign();
    ASSERT_TRUE(signature) << when << ": " << signature.error().to_string();
    EXPECT_TRUE(key_->public_key.verify(as_bytes("header.claims"), *signature)) << when;
  }

  FaultyModule module_;
  std::unique_ptr<hsm::pkcs11::Pkcs11KeyStore> store_;
  std::optional<hsm::KeyInfo> key_;
};

struct Fault {
  const char* script;
  Code code;
};

// Once is no fault that anybody sees: what was lost is restored, and the call done again.
TEST_F(Pkcs11Faults, ThatLoseASessionOnceAreNotSeen) {
  for (const char* rv : {"0xB3" /* SESSION_HANDLE_INVALID */, "0xB0" /* SESSION_CLOSED */,
                         "0x101" /* USER_NOT_LOGGED_IN */, "0x60" /* KEY_HANDLE_INVALID */,
                         "0x82" /* OBJECT_HANDLE_INVALID */, "0x90" /* OPERATION_ACTIVE */,
                         "0x91" /* OPERATION_NOT_INITIALIZED */}) {
    for (const char* function : {"C_SignInit", "C_Sign"}) {
      const std::size_t before = module_.calls(function);
      module_.fail(std::string(function) + " return " + rv + " 1");
      expect_signs(std::string(function) + " " + rv);
      EXPECT_EQ(module_.calls(function) - before, 2U) << "the call was done again, once";
    }
  }
}

TEST_F(Pkcs11Faults, ThatLastAreTheCallersToKnowAndEndWithTheFault) {
  for (const Fault& fault :
       {Fault{"C_Sign return 0x30", Code::hsm_unavailable},   // DEVICE_ERROR
        Fault{"C_Sign return 0x32", Code::hsm_unavailable},   // DEVICE_REMOVED
        Fault{"C_Sign return 0xE0", Code::hsm_unavailable},   // TOKEN_NOT_PRESENT
        Fault{"C_Sign return 0x02", Code::hsm_unavailable},   // HOST_MEMORY
        Fault{"C_Sign return 0x06", Code::hsm_failed},        // FUNCTION_FAILED
        Fault{"C_Sign return 0xB3", Code::hsm_session_lost},  // again and again
        Fault{"C_Sign return 0x80000012", Code::hsm_failed}}) {
    module_.fail(fault.script);
    const auto signature = sign();
    ASSERT_FALSE(signature) << fault.script;
    EXPECT_EQ(signature.error().code, fault.code)
        << fault.script << ": " << signature.error().to_string();
    module_.fail("");
    expect_signs(std::string("after ") + fault.script);
  }
}

TEST_F(Pkcs11Faults, OfLengthAreNoSignatures) {
  for (const char* script : {"C_Sign length 0", "C_Sign length 63", "C_Sign length 65"}) {
    module_.fail(script);
    EXPECT_FALSE(sign()) << script;
  }
  module_.fail("");
  expect_signs("afterwards");
}

TEST_F(Pkcs11Faults, ADelayIsWaitedForWithinTheDeadline) {
  module_.fail("C_Sign delay 50 1");
  expect_signs("after 50 ms");
}

// The token counts refused PINs: one is offered once.
TEST_F(Pkcs11Faults, ARefusedPinIsOfferedOnce) {
  store_.reset();
  module_.fail("C_Login return 0xA0");
  const std::size_t before = module_.calls("C_Login");
  const auto opened = hsm::pkcs11::open_key_store(module_.store());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::hsm_pin_refused);
  EXPECT_EQ(module_.calls("C_Login") - before, 1U);
}

}  // namespace
}  // namespace mintmark::test
