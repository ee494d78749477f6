// What a PKCS#11 module says of a key: only what it says whole.
#include "attest/evidence/module_claim.h"

#include <gtest/gtest.h>

#include "support/soft_key.h"

namespace mintmark::attest::evidence {
namespace {

#define EXPECT_CODE(actual, expected) \
  EXPECT_EQ(facts_of(actual).name, facts_of(Code::expected).name)

class ModuleClaim : public testing::Test {
 protected:
  [[nodiscard]] Json good() const {
    return {{"jwk", key_.public_key().to_jwk()},
            {"token", {{"model", "SoftHSM v2"}, {"manufacturer", "SoftHSM"}, {"serial", "1"}}},
            {"private_key",
             {{"CKA_LOCAL", true},
              {"CKA_SENSITIVE", true},
              {"CKA_ALWAYS_SENSITIVE", true},
              {"CKA_EXTRACTABLE", false},
              {"CKA_NEVER_EXTRACTABLE", true}}}};
  }
  [[nodiscard]] Code refusal(const Json& facts) const {
    const auto claim = check_module_claim(facts, key_.jkt());
    return claim ? Code::not_found : claim.error().code;
  }
  test::SoftKey key_;
};

TEST_F(ModuleClaim, NamesTheToken) {
  const auto claim = check_module_claim(good(), key_.jkt());
  ASSERT_TRUE(claim) << claim.error().to_string();
  EXPECT_EQ(*claim, "SoftHSM v2 by SoftHSM, serial 1");
}

TEST_F(ModuleClaim, OfAKeyThatMayHaveLeftTheTokenIsRefused) {
  const Json whole = good();
  for (const auto& [name, value] : whole["private_key"].items()) {
    for (const Json& told : {Json(!value.get<bool>()), Json(nullptr), Json("true"), Json(1)}) {
      Json facts = whole;
      facts["private_key"][name] = told;
      EXPECT_CODE(refusal(facts), evidence_attribute) << name << told;
    }
    Json facts = whole;
    facts["private_key"].erase(name);
    EXPECT_CODE(refusal(facts), evidence_attribute) << name;
  }
}

TEST_F(ModuleClaim, OfAnotherKeyIsRefused) {
  Json facts = good();
  facts["jwk"] = test::SoftKey().public_key().to_jwk();
  EXPECT_CODE(refusal(facts), evidence_kid);
}

TEST_F(ModuleClaim, ThatCannotBeReadIsRefused) {
  Json no_key = good();
  no_key.erase("jwk");
  for (const Json& facts : {Json(), Json(7), Json::object(), no_key})
    EXPECT_CODE(refusal(facts), evidence_malformed) << facts.dump();
  Json no_attributes = good();
  no_attributes["private_key"] = 7;
  EXPECT_CODE(refusal(no_attributes), evidence_attribute);
}

}  // namespace
}  // namespace mintmark::attest::evidence
