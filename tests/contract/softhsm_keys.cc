// What a PKCS#11 store does with objects that are not as it would have made them, and after it lost
// what it held.
#include <dlfcn.h>

#include "contract/pkcs11_backend.h"
#include "hsm/pkcs11/key_objects.h"
#include "hsm/pkcs11/objects.h"
#include "support/softhsm.h"

namespace mintmark::test {
namespace {

using namespace std::chrono_literals;
using hsm::pkcs11::Template;

constexpr std::array<std::uint8_t, 10> p256{0x06, 0x08, 0x2a, 0x86, 0x48,
                                            0xce, 0x3d, 0x03, 0x01, 0x07};

void require(CK_RV rv, const char* what) {
  if (rv != CKR_OK) throw std::runtime_error(std::string(what) + ": " + std::to_string(rv));
}

/// Somebody else in the same process: the same module, already initialised and logged in by the
/// store.
class Stranger {
 public:
  explicit Stranger(const std::string& module) {
    void* library = dlopen(module.c_str(), RTLD_NOW);
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
    require(get(&calls_), "C_GetFunctionList");
    std::array<CK_SLOT_ID, 8> slots{};
    CK_ULONG count = slots.size();
    require(calls_->C_GetSlotList(CK_TRUE, slots.data(), &count), "C_GetSlotList");
    slot_ = slots.front();
    require(calls_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                                  &session_),
            "C_OpenSession");
  }

  void close_all_sessions() { require(calls_->C_CloseAllSessions(slot_), "C_CloseAllSessions"); }
  void log_out() { require(calls_->C_Logout(session_), "C_Logout"); }

  struct Pair {
    CK_OBJECT_HANDLE public_half = 0;
    CK_OBJECT_HANDLE private_half = 0;
  };

  Pair generate(const hsm::KeyId& id, const std::string& label, bool extractable = false) {
    Template publics;
    publics.flag(CKA_TOKEN, true).octets(CKA_ID, id).octets(CKA_LABEL, as_bytes(label));
    publics.octets(CKA_EC_PARAMS, p256);
    Template privates;
    privates.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true);
    privates.flag(CKA_EXTRACTABLE, extractable).flag(CKA_SIGN, true);
    privates.octets(CKA_ID, id).octets(CKA_LABEL, as_bytes(label));
    CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
    Pair pair;
    require(calls_->C_GenerateKeyPair(session_, &mechanism, publics.data(), publics.size(),
                                      privates.data(), privates.size(), &pair.public_half,
                                      &pair.private_half),
            "C_GenerateKeyPair");
    return pair;
  }

  /// A private key from outside, d = 1, whose public half is the generator of P-256.
  void import(const hsm::KeyId& id, const std::string& label) {
    Bytes value(32, 0);
    value.back() = 1;
    const Bytes point = *from_hex(
        "0441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    create(CKO_PRIVATE_KEY, id, label, CKA_VALUE, value, true);
    create(CKO_PUBLIC_KEY, id, label, CKA_EC_POINT, point, false);
  }

  void destroy(CK_OBJECT_HANDLE object) {
    require(calls_->C_DestroyObject(session_, object), "C_DestroyObject");
  }

 private:
  void create(CK_OBJECT_CLASS half, const hsm::KeyId& id, const std::string& label,
              CK_ATTRIBUTE_TYPE content, BytesView value, bool secret) {
    Template object;
    object.number(CKA_CLASS, half).number(CKA_KEY_TYPE, CKK_EC).flag(CKA_TOKEN, true);
    object.flag(CKA_PRIVATE, secret).octets(CKA_ID, id).octets(CKA_LABEL, as_bytes(label));
    object.octets(CKA_EC_PARAMS, p256).octets(content, value);
    if (secret) object.flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false).flag(CKA_SIGN, true);
    CK_OBJECT_HANDLE handle = 0;
    require(calls_->C_CreateObject(session_, object.data(), object.size(), &handle),
            "C_CreateObject");
  }

  CK_FUNCTION_LIST* calls_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE session_ = 0;
};

const std::string our_label = "mintmark access_token";

class SoftHsmKeys : public KeyStoreContract {
 protected:
  void SetUp() override {
    KeyStoreContract::SetUp();
    stranger_ = std::make_unique<Stranger>(SoftHsm::module());
  }
  Stranger& stranger() { return *stranger_; }

  Code code_of_signing(const hsm::KeyId& id) {
    const auto signature = sign(id, "header.claims");
    return signature ? Code::internal : signature.error().code;
  }
  hsm::KeyInfo the_only_key() {
    auto keys = list();
    if (!keys || keys->size() != 1) throw std::runtime_error("there is not one key");
    return keys->front();
  }
  void expect_signs(const hsm::KeyInfo& key) {
    const auto signature = sign(key.id, "header.claims");
    ASSERT_TRUE(signature) << signature.error().to_string();
    EXPECT_TRUE(key.public_key.verify(as_bytes("header.claims"), *signature));
  }

 private:
  std::unique_ptr<Stranger> stranger_;
};

INSTANTIATE_TEST_SUITE_P(SoftHsm, SoftHsmKeys,
                         ::testing::Values(pkcs11_backend<SoftHsm>("softhsm")));

TEST_P(SoftHsmKeys, ImportedKeyIsListedAsUnfitNamingEveryAttributeAndRefusedForSigning) {
  const hsm::KeyId id = hsm::random_key_id();
  stranger().import(id, our_label);
  const std::string unfit = the_only_key().unfit;
  EXPECT_NE(unfit.find("CKA_LOCAL is not true"), std::string::npos) << unfit;
  EXPECT_NE(unfit.find("CKA_ALWAYS_SENSITIVE is not true"), std::string::npos) << unfit;
  EXPECT_NE(unfit.find("CKA_NEVER_EXTRACTABLE is not true"), std::string::npos) << unfit;
  const auto signature = sign(id, "header.claims");
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, Code::hsm_key_unfit);
  EXPECT_NE(signature.error().detail.find("CKA_LOCAL"), std::string::npos);
}

TEST_P(SoftHsmKeys, ExtractableKeyIsRefusedForSigning) {
  const hsm::KeyId id = hsm::random_key_id();
  stranger().generate(id, our_label, true);
  EXPECT_EQ(the_only_key().unfit,
            "CKA_EXTRACTABLE is not false, CKA_NEVER_EXTRACTABLE is not true");
  EXPECT_EQ(code_of_signing(id), Code::hsm_key_unfit);
}

TEST_P(SoftHsmKeys, KeyMadeByACeremonyWithOurLabelSigns) {
  stranger().generate(hsm::random_key_id(), our_label);
  const hsm::KeyInfo key = the_only_key();
  EXPECT_EQ(key.unfit, "");
  expect_signs(key);
}

TEST_P(SoftHsmKeys, ForeignKeyIsIgnoredAndNeverTouched) {
  const hsm::KeyId id = hsm::random_key_id();
  stranger().generate(id, "somebody else's");
  EXPECT_TRUE(list()->empty());
  EXPECT_EQ(code_of_signing(id), Code::hsm_key_unknown);
  EXPECT_EQ(evidence(id).error().code, Code::hsm_key_unknown);
  EXPECT_EQ(destroy(id).error().code, Code::hsm_key_unknown);
  // Its id is taken, so it is still there.
  EXPECT_EQ(generate(hsm::Purpose::access_token, id).error().code, Code::hsm_key_exists);
}

TEST_P(SoftHsmKeys, KeyOfAPurposeWeDoNotKnowIsIgnored) {
  const hsm::KeyId id = hsm::random_key_id();
  stranger().generate(id, "mintmark tea");
  EXPECT_TRUE(list()->empty());
  EXPECT_EQ(code_of_signing(id), Code::hsm_key_unknown);
  EXPECT_EQ(destroy(id).error().code, Code::hsm_key_unknown);
}

TEST_P(SoftHsmKeys, TwoPairsWithOneIdNeitherSignNorAreDestroyed) {
  const hsm::KeyId id = hsm::random_key_id();
  stranger().generate(id, our_label);
  stranger().generate(id, our_label);
  EXPECT_EQ(the_only_key().unfit, "CKA_ID names 2 private and 2 public keys");
  EXPECT_EQ(code_of_signing(id), Code::hsm_key_unfit);
  EXPECT_EQ(destroy(id).error().code, Code::hsm_key_ambiguous);
  EXPECT_EQ(list()->size(), 1U);
}

TEST_P(SoftHsmKeys, PairsOfTwoPurposesWithOneIdNeitherSignNorAreDestroyed) {
  const hsm::KeyId id = hsm::random_key_id();
  stranger().generate(id, our_label);
  stranger().generate(id, "mintmark client_attestation");
  EXPECT_EQ(code_of_signing(id), Code::hsm_key_unfit);
  EXPECT_EQ(destroy(id).error().code, Code::hsm_key_ambiguous);
}

TEST_P(SoftHsmKeys, PairThatLostItsPublicHalfSignsNotAndCanBeDestroyed) {
  const hsm::KeyId id = hsm::random_key_id();
  const Stranger::Pair pair = stranger().generate(id, our_label);
  stranger().destroy(pair.public_half);
  EXPECT_TRUE(list()->empty());
  EXPECT_EQ(code_of_signing(id), Code::hsm_key_unknown);
  EXPECT_EQ(generate(hsm::Purpose::access_token, id).error().code, Code::hsm_key_exists);
  EXPECT_TRUE(destroy(id));
  EXPECT_TRUE(generate(hsm::Purpose::access_token, id));
}

TEST_P(SoftHsmKeys, EvidenceShowsThatTheKeyMaySignAndNothingElse) {
  const auto key = generate();
  const auto found = evidence(key->id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, "pkcs11-attributes");
  const Json& shown = found->facts.at("private_key");
  for (const char* name : {"CKA_TOKEN", "CKA_PRIVATE", "CKA_SENSITIVE", "CKA_ALWAYS_SENSITIVE",
                           "CKA_NEVER_EXTRACTABLE", "CKA_LOCAL", "CKA_SIGN"}) {
    EXPECT_EQ(shown.at(name), true) << name;
  }
  for (const char* name :
       {"CKA_EXTRACTABLE", "CKA_DECRYPT", "CKA_UNWRAP", "CKA_DERIVE", "CKA_SIGN_RECOVER"}) {
    EXPECT_EQ(shown.at(name), false) << name;
  }
  EXPECT_EQ(found->facts.at("token").at("label"), SoftHsm::label());
}

TEST_P(SoftHsmKeys, EveryCallWorksAfterAllSessionsWereLost) {
  const auto key = generate();
  ASSERT_TRUE(key);
  expect_signs(*key);
  stranger().close_all_sessions();
  expect_signs(*key);
  stranger().close_all_sessions();
  EXPECT_EQ(the_only_key().kid(), key->kid());
  stranger().close_all_sessions();
  EXPECT_TRUE(evidence(key->id));
  stranger().close_all_sessions();
  EXPECT_TRUE(generate());
  stranger().close_all_sessions();
  EXPECT_TRUE(destroy(key->id));
}

TEST_P(SoftHsmKeys, SignsAgainAfterSomebodyLoggedOut) {
  const auto key = generate();
  ASSERT_TRUE(key);
  expect_signs(*key);
  stranger().log_out();
  expect_signs(*key);
}

TEST_P(SoftHsmKeys, ConcurrentSignaturesAllComeBackThroughALoss) {
  const auto key = generate();
  ASSERT_TRUE(key);
  std::vector<Answer<Bytes>> answers(400);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (i == 200) stranger().close_all_sessions();
    store().signer().sign(key->id, "header.claims", Deadline::in(30s), answers[i].done());
  }
  unsigned good = 0;
  for (auto& answer : answers) {
    const auto signature = answer.wait();
    if (signature && key->public_key.verify(as_bytes("header.claims"), *signature)) ++good;
  }
  EXPECT_GE(good, answers.size() -
                      2);  // a call that was inside the module may lose its second session too
  expect_signs(*key);
}

}  // namespace
}  // namespace mintmark::test
