// What a PKCS#11 store does with objects that are not as it would have made them, and after it lost
// what it held.
#include "contract/pkcs11_backend.h"
#include "contract/stranger.h"
#include "support/softhsm.h"

namespace mintmark::test {
namespace {

using namespace std::chrono_literals;

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
                         ::testing::Values(pkcs11_backend<SoftHsm>("softhsm", every_algorithm)));

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

}  // namespace
}  // namespace mintmark::test
