// Faults of a PKCS#11 module, each by script: what the caller is told, what is done about it, and
// that signatures flow again when it ends.
#include "faulty_store.h"
#include "support/token_objects.h"

namespace mintmark::test {
namespace {

class Pkcs11Faults : public FaultyStore {
 protected:
  void SetUp() override {
    open();
    const auto key = generate();
    ASSERT_TRUE(key) << key.error().to_string();
    key_ = *key;
    ASSERT_TRUE(sign());
  }

  Result<Bytes> sign() { return sign_with(key_->id); }
  Result<void> destroy() { return FaultyStore::destroy(key_->id); }
  [[nodiscard]] bool is_good(const Result<Bytes>& signature) const {
    return FaultyStore::is_good(*key_, signature);
  }
  void expect_signs(const std::string& when) {
    const auto signature = sign();
    ASSERT_TRUE(signature) << when << ": " << signature.error().to_string();
    EXPECT_TRUE(is_good(signature)) << when;
  }
  /// As a keeper does: one that is of no use any more is opened again.
  void expect_signs_within(std::chrono::milliseconds patience) {
    const auto began = std::chrono::steady_clock::now();
    const Deadline deadline = Deadline::in(10s);
    Result<Bytes> signature = sign();
    while (!signature && !deadline.passed()) {
      if (signature.error().code == Code::hsm_module_unusable) open();
      signature = sign();
    }
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_TRUE(is_good(signature)) << (signature ? "" : signature.error().to_string());
    EXPECT_LE(took, patience);
  }

  /// Of the key, in whichever session of this process.
  [[nodiscard]] std::size_t copies() const {
    TokenObjects objects(SoftHsm::module(), SoftHsm::pin(), Module::open);
    return objects.count(CKO_PRIVATE_KEY, Bytes(key_->id.begin(), key_->id.end()), false);
  }

  std::optional<hsm::KeyInfo> key_;
};

struct Fault {
  const char* name;
  const char* rv;
  Code code;  ///< What callers are told while it lasts.
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class Pkcs11Fault : public Pkcs11Faults, public ::testing::WithParamInterface<Fault> {
 protected:
  /// In every one of these functions.
  [[nodiscard]] static std::string in(std::initializer_list<const char*> functions,
                                      const std::string& how_long = "") {
    std::string script;
    for (const char* function : functions)
      script += std::string(function) + " return " + GetParam().rv + how_long + "\n";
    return script;
  }
};

// Once is no fault that anybody sees: what was lost is restored, and the call done again.
TEST_P(Pkcs11Fault, OnceIsNotSeen) {
  for (const char* function : {"C_SignInit", "C_Sign"}) {
    const std::size_t before = module_.calls(function);
    module_.fail(in({function}, " 1"));
    expect_signs(function);
    EXPECT_EQ(module_.calls(function) - before, 2U) << "the call was done again, once";
  }
}

// While it lasts the callers are told, each; when it ends signatures flow again.
TEST_P(Pkcs11Fault, ThatLastsEndsWithin2Seconds) {
  module_.fail(in({"C_SignInit", "C_Sign"}));
  const Deadline lasts = Deadline::in(400ms);
  while (!lasts.passed()) {
    const auto signature = sign();
    ASSERT_FALSE(signature);
    EXPECT_EQ(facts_of(signature.error().code).name, facts_of(GetParam().code).name)
        << signature.error().to_string();
  }
  module_.fail("");
  expect_signs_within(2s);
}

// The whole module fails so, sessions and look-ups too.
TEST_P(Pkcs11Fault, OfTheWholeModuleEndsWithin2Seconds) {
  module_.fail(in({"C_SignInit", "C_Sign", "C_OpenSession", "C_FindObjectsInit",
                   "C_GetAttributeValue", "C_GetSessionInfo"}));
  const Deadline lasts = Deadline::in(400ms);
  while (!lasts.passed()) {
    const auto signature = sign();
    ASSERT_FALSE(signature);
    EXPECT_EQ(facts_of(signature.error().code).http_status, 503) << signature.error().to_string();
  }
  module_.fail("");
  expect_signs_within(2s);
}

// A channel that is dead until the module is initialised anew, a login that its flag lies about.
TEST_P(Pkcs11Fault, ThatOnlyFinalizeRecoversIsRecovered) {
  module_.fail(in({"C_SignInit"}, " until C_Finalize"));
  expect_signs_within(2s);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Pkcs11Fault,
    ::testing::Values(Fault{"SessionHandleInvalid", "0xB3", Code::hsm_session_lost},
                      Fault{"SessionClosed", "0xB0", Code::hsm_session_lost},
                      Fault{"DeviceRemoved", "0x32", Code::hsm_unavailable},
                      Fault{"DeviceError", "0x30", Code::hsm_unavailable},
                      Fault{"TokenNotPresent", "0xE0", Code::hsm_unavailable},
                      Fault{"UserNotLoggedIn", "0x101", Code::hsm_session_lost},
                      Fault{"UserAlreadyLoggedIn", "0x100", Code::hsm_session_lost},
                      Fault{"ObjectHandleInvalid", "0x82", Code::hsm_session_lost},
                      Fault{"KeyHandleInvalid", "0x60", Code::hsm_session_lost},
                      Fault{"CryptokiNotInitialized", "0x190", Code::hsm_unavailable},
                      Fault{"FunctionFailed", "0x6", Code::hsm_failed},
                      Fault{"GeneralError", "0x5", Code::hsm_failed},
                      Fault{"OperationActive", "0x90", Code::hsm_session_lost},
                      Fault{"OperationNotInitialized", "0x91", Code::hsm_session_lost},
                      Fault{"VendorDefined", "0x80000012", Code::hsm_failed}),
    [](const auto& tested) { return std::string(tested.param.name); });

// Nothing is lost by these and nothing can be done: callers are told, and it passes.
class Pkcs11Want : public Pkcs11Fault {};

TEST_P(Pkcs11Want, IsToldAndEndsByItself) {
  module_.fail(in({"C_Sign"}, " 1"));
  const auto signature = sign();
  ASSERT_FALSE(signature);
  EXPECT_EQ(facts_of(signature.error().code).name, facts_of(GetParam().code).name);
  expect_signs("the next one");
}

TEST_P(Pkcs11Want, ThatLastsEndsWithin2Seconds) {
  module_.fail(in({"C_SignInit", "C_Sign", "C_OpenSession"}));
  const Deadline lasts = Deadline::in(400ms);
  while (!lasts.passed()) ASSERT_FALSE(sign());
  module_.fail("");
  expect_signs_within(2s);
}

INSTANTIATE_TEST_SUITE_P(Table, Pkcs11Want,
                         ::testing::Values(Fault{"HostMemory", "0x2", Code::hsm_unavailable},
                                           Fault{"DeviceMemory", "0x31", Code::hsm_unavailable},
                                           Fault{"SessionCount", "0xB1", Code::hsm_unavailable}),
                         [](const auto& tested) { return std::string(tested.param.name); });

// A module that says it is logged in and acts as if it were not (after the machine slept).
TEST_F(Pkcs11Faults, ALoginFlagThatLiesIsNotBelieved) {
  const std::size_t before = module_.calls("C_Login");
  module_.fail("C_SignInit return 0x101 until C_Login");
  expect_signs("after logging in again");
  EXPECT_EQ(module_.calls("C_Login") - before, 1U);
}

TEST_F(Pkcs11Faults, FewerSessionsThanAskedForDoForAll) {
  settings_.sessions = 3;
  open();
  expect_signs("with all");
  // All are lost, and the token gives one and no more: C_OpenSession by the login and one call.
  module_.fail("C_SignInit return 0xB3 3\nC_OpenSession return 0xB1");
  std::vector<Answer<Bytes>> answers(6);
  for (auto& answer : answers)
    store_->sign(key_->id, "header.claims", Deadline::in(10s), answer.done());
  for (auto& answer : answers) (void)answer.wait();
  module_.fail("");
  expect_signs_within(2s);
}

TEST_F(Pkcs11Faults, ThatNothingInThisProcessHelpsAgainstEndIt) {
  module_.fail("C_SignInit return 0x6");
  const Deadline patience = Deadline::in(10s);
  Result<Bytes> signature = sign();
  while (!signature && signature.error().code == Code::hsm_failed && !patience.passed())
    signature = sign();
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, Code::hsm_module_unusable) << signature.error().to_string();
  EXPECT_GE(module_.calls("C_Finalize"), 3U);
}

TEST_F(Pkcs11Faults, OfOneKeyDisturbNoOther) {
  const auto other = generate();
  ASSERT_TRUE(other);
  const std::size_t logins = module_.calls("C_Login");
  for (int i = 0; i < 20; ++i) {
    module_.fail("C_SignInit return 0x6 2");
    (void)sign();
    module_.fail("");
    expect_signs("in between");
  }
  EXPECT_EQ(module_.calls("C_Login"), logins);
}

TEST_F(Pkcs11Faults, OfLengthAreNoSignatures) {
  for (const char* script : {"C_Sign length 0", "C_Sign length 63", "C_Sign length 65"}) {
    module_.fail(script);
    EXPECT_FALSE(sign()) << script;
  }
  module_.fail("");
  expect_signs_within(2s);
}

// No wrong signature is ever given, and where a handle was mixed up the key is found again.
TEST_F(Pkcs11Faults, AWrongSignatureIsNotGiven) {
  for (const char* how : {"C_Sign wrongkey", "C_Sign garble"}) {
    module_.fail(std::string(how) + " 0 1");
    expect_signs("once wrong");
    module_.fail(how);
    const auto signature = sign();
    ASSERT_FALSE(signature) << how;
    EXPECT_EQ(signature.error().code, Code::hsm_signature_wrong);
    module_.fail("");
    expect_signs_within(2s);
  }
}

TEST_F(Pkcs11Faults, ASampleOfSignaturesShowsAWrongKey) {
  settings_.self_check = config::SelfCheck::sampled;
  settings_.sessions = 1;
  open();
  module_.fail("C_Sign wrongkey");
  const auto first = sign();
  ASSERT_FALSE(first) << "the first of a session is checked";
  EXPECT_EQ(first.error().code, Code::hsm_signature_wrong);
  module_.fail("");
  expect_signs_within(2s);
  module_.fail("C_Sign wrongkey");
  unsigned given = 0;
  while (given < 200 && sign()) ++given;
  EXPECT_LT(given, 64U);
}

TEST_F(Pkcs11Faults, ADelayIsWaitedForWithinTheDeadline) {
  module_.fail("C_Sign delay 50 1");
  expect_signs("after 50 ms");
}

TEST(Pkcs11Module, ThatShowsNoFunctionsIsUnusable) {
  const FaultyModule module;
  setenv("MINTMARK_SHIM_MODULE", "/nowhere", 1);
  const auto opened = hsm::pkcs11::open_key_store(module.store());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::hsm_module_unusable);
  EXPECT_NE(opened.error().detail.find("C_GetFunctionList: CKR_GENERAL_ERROR"), std::string::npos);
}

// What was done in the hardware although its answer was lost is neither done twice nor denied.
TEST_F(Pkcs11Faults, AKeyWhoseAnswerWasLostIsTaken) {
  module_.fail("C_GenerateKeyPair after 0x30 1");
  const auto key = generate();
  ASSERT_TRUE(key) << key.error().to_string();
  const auto keys = list();
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 2U);
}

TEST_F(Pkcs11Faults, ADestructionWhoseAnswerWasLostIsDone) {
  module_.fail("C_DestroyObject after 0x30 2");
  const auto ended = destroy();
  EXPECT_TRUE(ended) << ended.error().to_string();
  const auto keys = list();
  ASSERT_TRUE(keys);
  EXPECT_TRUE(keys->empty());
}

TEST_F(Pkcs11Faults, TheKeysCopySignsAndIsMadeOnce) {
  open();
  for (int i = 0; i < 3; ++i) expect_signs("with the copy");
  EXPECT_EQ(module_.calls("C_CopyObject"), 2U) << "once in SetUp, once since";
}

TEST_F(Pkcs11Faults, ACopyThatIsLooserThanTheKeyIsDestroyedAndTheKeySigns) {
  open();
  const std::size_t before = module_.calls("C_DestroyObject");
  module_.fail("C_CopyObject loose");
  expect_signs("with the key");
  EXPECT_EQ(module_.calls("C_DestroyObject") - before, 1U);
}

TEST_F(Pkcs11Faults, WhereNoCopiesAreMadeTheKeySigns) {
  open();
  module_.fail("C_CopyObject return 0x54");
  expect_signs("with the key");
  expect_signs("and again");
  EXPECT_EQ(module_.calls("C_CopyObject"), 2U) << "once in SetUp, once in vain";
  settings_.session_copies = false;
  open();
  expect_signs("with the key, as configured");
  EXPECT_EQ(module_.calls("C_CopyObject"), 2U);
}

TEST_F(Pkcs11Faults, ADestroyedKeysCopySignsNoMore) {
  expect_signs("before");
  const std::size_t before = module_.calls("C_DestroyObject");
  ASSERT_TRUE(destroy());
  EXPECT_EQ(module_.calls("C_DestroyObject") - before, 3U);
  EXPECT_EQ(module_.logged("destroys "),
            (std::vector<std::string>{"destroys a copy", "destroys a token object",
                                      "destroys a token object"}))
      << "the copy, then both halves";
  const auto signature = sign();
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, Code::hsm_key_unknown);
}

// Nor does it outlive its key where ending it failed at first, for whatever reason.
TEST_F(Pkcs11Faults, ACopyThatCouldNotBeEndedAtOnceIsEndedWithItsKey) {
  for (const char* rv : {"0x30", "0xB3", "0x101", "0x6", "0x5"}) {
    key_ = generate().value();
    expect_signs("with a copy");
    module_.fail(std::string("C_DestroyObject return ") + rv + " 1");
    const auto ended = destroy();
    EXPECT_TRUE(ended) << rv << ": " << ended.error().to_string();
    module_.fail("");
    EXPECT_EQ(copies(), 0U) << rv;
  }
  module_.fail("C_DestroyObject return 0x54 1");
  key_ = generate().value();
  expect_signs("with a copy");
  EXPECT_FALSE(destroy());
  EXPECT_TRUE(destroy());
  EXPECT_EQ(copies(), 0U) << "at the second try of the caller's";
}

// The session that holds copies went: other keys are looked for again before they sign.
TEST_F(Pkcs11Faults, ACopyThatCannotBeLookedAtEndsNoOthersSignature) {
  const auto other = generate();
  ASSERT_TRUE(other);
  expect_signs("with a copy");
  module_.fail("C_CopyObject after 0x90 1");
  (void)sign_with(other->id);
  const std::size_t before = module_.calls("C_SignInit");
  module_.fail("");
  expect_signs("with another copy");
  EXPECT_EQ(module_.calls("C_SignInit") - before, 1U) << "no handle of a copy that is gone";
}

// A copy that outlived its key would go on signing.
TEST_F(Pkcs11Faults, AKeyWhoseCopyCannotBeEndedIsKept) {
  expect_signs("before");
  module_.fail("C_DestroyObject return 0x54");
  EXPECT_FALSE(destroy());
  module_.fail("");
  EXPECT_EQ(module_.logged("destroys a token object").size(), 0U);
  const auto keys = list();
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 1U);
  expect_signs("as before");
  EXPECT_TRUE(destroy());
}

struct Lack {
  jose::Algorithm algorithm;
  const char* hashing;  ///< The mechanisms, as the shim hides them.
  const char* raw;
  const char* making;
};

// With the mechanism that hashes, with the raw one alone, and not at all.
TEST_F(Pkcs11Faults, WhatAModuleLacksIsDoneForItOrRefusedByName) {
  using jose::Algorithm;
  for (const Lack& lack :
       {Lack{Algorithm::es256, "0x1044", "0x1041", "0x1040"},
        Lack{Algorithm::es384, "0x1045", "0x1041", "0x1040"},
        Lack{Algorithm::rs256, "0x40", "0x1", "0x0"}, Lack{Algorithm::ps256, "0x43", "0xd", "0x0"},
        Lack{Algorithm::ed25519, "0x1057", "0x1057", "0x1055"}}) {
    const std::string name(jose::name_of(lack.algorithm));
    SCOPED_TRACE(name);
    const std::string hide = "mechanism hide ";
    module_.fail("");
    open();
    key_ = generate(lack.algorithm).value();
    expect_signs("as it is");
    EXPECT_EQ(key_->public_key.algorithm(), lack.algorithm);
    if (std::string(lack.hashing) != lack.raw) {
      module_.fail(hide + lack.hashing);
      open();
      expect_signs("with the raw mechanism");
    }
    module_.fail(hide + lack.hashing + "\n" + hide + lack.raw);
    open();
    const auto signature = sign();
    ASSERT_FALSE(signature);
    EXPECT_EQ(signature.error().code, Code::hsm_mechanism_missing);
    const auto not_made = generate(lack.algorithm);
    ASSERT_FALSE(not_made);
    EXPECT_EQ(not_made.error().code, Code::hsm_mechanism_missing);
    store_.reset();
    const auto refused = hsm::pkcs11::open_key_store(settings_, {lack.algorithm});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::hsm_mechanism_missing);
    EXPECT_NE(refused.error().detail.find("signs " + name + "; it has "), std::string::npos)
        << refused.error().detail;
    module_.fail(hide + lack.making);
    open();
    const auto no_maker = generate(lack.algorithm);
    ASSERT_FALSE(no_maker);
    EXPECT_EQ(no_maker.error().code, Code::hsm_mechanism_missing);
    expect_signs("what was made before");
  }
}

// Logged out, a token hides private objects without a word: no list may be short by that.
TEST_F(Pkcs11Faults, AListIsWholeOrAnError) {
  module_.fail("C_GetSessionInfo return 0x30");
  const auto keys = list();
  EXPECT_FALSE(keys) << "nobody said that the login stands";
  module_.fail("");
  const auto again = list();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->size(), 1U);
}

TEST_F(Pkcs11Faults, ATokenThatCannotBeReadIsNotCalledMissing) {
  store_.reset();
  module_.fail("C_GetTokenInfo return 0x30");
  const auto opened = hsm::pkcs11::open_key_store(settings_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::hsm_unavailable) << opened.error().to_string();
  module_.fail("");
  open();
  expect_signs("when it can be read");
}

// The token counts refused PINs: one is offered once.
TEST_F(Pkcs11Faults, ARefusedPinIsOfferedOnce) {
  for (const char* rv : {"0xA0", "0xA1", "0xA2", "0xA3", "0xA4"}) {
    store_.reset();
    settings_.pin.file = module_.token().pin_file(rv, std::string("pin-for-") + rv + "\n");
    module_.fail(std::string("C_Login return ") + rv);
    const std::size_t before = module_.calls("C_Login");
    for (int i = 0; i < 3; ++i) {
      const auto opened = hsm::pkcs11::open_key_store(settings_);
      ASSERT_FALSE(opened);
      EXPECT_TRUE(opened.error().code == Code::hsm_pin_refused ||
                  opened.error().code == Code::hsm_pin_locked)
          << opened.error().to_string();
    }
    EXPECT_EQ(module_.calls("C_Login") - before, 1U) << rv;
  }
}

TEST_F(Pkcs11Faults, APinRefusedLaterIsOfferedOnceMoreAndNeverAgain) {
  const std::size_t before = module_.calls("C_Login");
  module_.fail("C_SignInit return 0x101\nC_Login return 0xA0");
  const auto signature = sign();
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, Code::hsm_pin_refused) << signature.error().to_string();
  const Deadline lasts = Deadline::in(400ms);
  while (!lasts.passed()) EXPECT_FALSE(sign());
  EXPECT_EQ(module_.calls("C_Login") - before, 1U);
}

}  // namespace
}  // namespace mintmark::test
