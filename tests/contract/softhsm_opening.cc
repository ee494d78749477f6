// What open_key_store refuses, on a real module.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>

#include "hsm/pkcs11/key_store.h"
#include "support/raw_sign.h"
#include "support/softhsm.h"

namespace mintmark::test {
namespace {

using hsm::pkcs11::open_key_store;

class SoftHsmOpening : public ::testing::Test {
 protected:
  /// Opens, expects a refusal, gives its detail.
  static std::string refused(const config::HsmStore& store, Code expected) {
    const auto opened = open_key_store(store);
    if (opened) {
      ADD_FAILURE() << "it was opened";
      return "";
    }
    EXPECT_EQ(facts_of(opened.error().code).name, facts_of(expected).name)
        << opened.error().to_string();
    return opened.error().detail;
  }
  SoftHsm token_;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(SoftHsmOpening, ByLabelAndByUriWorks) {
  EXPECT_TRUE(open_key_store(token_.store()));
  config::HsmStore by_uri = token_.store();
  by_uri.token = "pkcs11:token=mintmark%20test;manufacturer=SoftHSM%20project";
  const auto opened = open_key_store(by_uri);
  EXPECT_TRUE(opened) << opened.error().to_string();
}

TEST_F(SoftHsmOpening, OfAModuleThatIsNotThereNamesItsPath) {
  config::HsmStore store = token_.store();
  store.module = "/nowhere/module.so";
  EXPECT_TRUE(contains(refused(store, Code::hsm_module_unusable), "/nowhere/module.so"));
}

TEST_F(SoftHsmOpening, OfALibraryThatIsNoModuleIsRefused) {
  config::HsmStore store = token_.store();
  store.module = "libc.so.6";
  EXPECT_TRUE(contains(refused(store, Code::hsm_module_unusable), "C_GetFunctionList"));
}

TEST_F(SoftHsmOpening, OfAModuleThatDoesNotInitialiseNamesTheAnswer) {
  setenv("SOFTHSM2_CONF", "/nowhere/softhsm2.conf", 1);
  const std::string detail = refused(token_.store(), Code::hsm_module_unusable);
  EXPECT_TRUE(contains(detail, "C_Initialize: CKR_")) << detail;
  EXPECT_TRUE(contains(detail, SoftHsm::module())) << detail;
}

TEST_F(SoftHsmOpening, TwiceInOneProcessIsRefused) {
  const auto first = open_key_store(token_.store());
  ASSERT_TRUE(first);
  const std::string detail = refused(token_.store(), Code::hsm_module_unusable);
  EXPECT_TRUE(contains(detail, "CKR_CRYPTOKI_ALREADY_INITIALIZED")) << detail;
}

TEST_F(SoftHsmOpening, OfAnUnknownTokenNamesThoseThatAreThere) {
  config::HsmStore store = token_.store();
  store.token = "another";
  EXPECT_TRUE(contains(refused(store, Code::hsm_token_missing), "token=mintmark%20test"));
}

TEST_F(SoftHsmOpening, OfAnAmbiguousTokenNamesTheMatchesAndTheirUrisWork) {
  token_.add_token(SoftHsm::label());
  const std::string detail = refused(token_.store(), Code::hsm_token_ambiguous);
  const auto first = detail.find("pkcs11:");
  const auto second = detail.find("pkcs11:", first + 1);
  ASSERT_NE(second, std::string::npos) << detail;
  config::HsmStore store = token_.store();
  store.token = detail.substr(second);
  EXPECT_TRUE(open_key_store(store)) << store.token;
}

TEST_F(SoftHsmOpening, WithAPinInTheUriIsRefused) {
  config::HsmStore store = token_.store();
  store.token = "pkcs11:token=mintmark%20test?pin-value=user-1234";
  const std::string detail = refused(store, Code::hsm_uri_pin);
  EXPECT_FALSE(contains(detail, "user-1234"));
}

TEST_F(SoftHsmOpening, WithAPinFileThatOthersMayReadIsRefused) {
  ASSERT_EQ(chmod(token_.store().pin.file.c_str(), 0604), 0);
  EXPECT_TRUE(contains(refused(token_.store(), Code::hsm_pin_exposed), "every user"));
}

TEST_F(SoftHsmOpening, WithARefusedPinIsNotTriedAgainUntilThePinIsAnother) {
  config::HsmStore store = token_.store();
  store.pin.file = token_.pin_file("wrong", "wrong-1234\n");
  const auto first = open_key_store(store);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, Code::hsm_pin_refused);
  EXPECT_EQ(first.error().native, 0xA0U);  // CKR_PIN_INCORRECT
  EXPECT_FALSE(contains(first.error().to_string(), "wrong-1234"));
  const auto second = open_key_store(store);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::hsm_pin_refused);
  EXPECT_EQ(second.error().native, 0U) << "the token was asked again";
  EXPECT_TRUE(open_key_store(token_.store()));
}

TEST_F(SoftHsmOpening, RawRateIsMeasuredAndLeavesNoKey) {
  const RawSignRate rate = measure_raw_sign(token_.store(), 2, std::chrono::milliseconds{100});
  EXPECT_GT(rate.signatures_a_second, 100);
  EXPECT_LE(rate.p50, rate.p99);
  const auto opened = open_key_store(token_.store());
  ASSERT_TRUE(opened);
  std::promise<std::size_t> keys;
  (*opened)->list(Deadline::in(std::chrono::seconds{10}),
                  [&](const auto& found) { keys.set_value(found ? found->size() : 99); });
  EXPECT_EQ(keys.get_future().get(), 0U);
}

}  // namespace
}  // namespace mintmark::test
