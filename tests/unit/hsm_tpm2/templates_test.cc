// Templates: which certificate belongs to which, and what makes one another.
#include "hsm/tpm2/templates.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace mintmark::hsm::tpm2 {
namespace {

struct Change {
  std::string name;
  std::function<void(TPMT_PUBLIC&)> made;
};

void expect_each_makes_another(const TPMT_PUBLIC& area, const std::vector<Change>& changes) {
  ASSERT_TRUE(same_template(area, area));
  for (const Change& change : changes) {
    TPMT_PUBLIC other = area;
    change.made(other);
    EXPECT_FALSE(same_template(area, other)) << change.name;
    EXPECT_FALSE(same_template(other, area)) << change.name;
  }
}

const std::vector<Change> common_changes = {
    {"type", [](TPMT_PUBLIC& area) { area.type = TPM2_ALG_KEYEDHASH; }},
    {"name algorithm", [](TPMT_PUBLIC& area) { area.nameAlg = TPM2_ALG_SHA384; }},
    {"attributes", [](TPMT_PUBLIC& area) { area.objectAttributes ^= TPMA_OBJECT_NODA; }},
    {"size of the policy",
     [](TPMT_PUBLIC& area) { area.authPolicy.size = area.authPolicy.size == 0 ? 32 : 0; }},
};

TEST(SameTemplate, OfAnEccKeyEachMemberMatters) {
  auto changes = common_changes;
  const auto add = [&](const char* name, std::function<void(TPMS_ECC_PARMS&)> made) {
    changes.push_back(
        {name, [made = std::move(made)](TPMT_PUBLIC& area) { made(area.parameters.eccDetail); }});
  };
  add("curve", [](TPMS_ECC_PARMS& ecc) { ecc.curveID = TPM2_ECC_NIST_P384; });
  add("scheme", [](TPMS_ECC_PARMS& ecc) { ecc.scheme.scheme = TPM2_ALG_ECDAA; });
  add("key derivation", [](TPMS_ECC_PARMS& ecc) { ecc.kdf.scheme = TPM2_ALG_KDF2; });
  add("cipher", [](TPMS_ECC_PARMS& ecc) { ecc.symmetric.algorithm = TPM2_ALG_CAMELLIA; });
  add("its bits", [](TPMS_ECC_PARMS& ecc) { ecc.symmetric.keyBits.aes = 256; });
  add("its mode", [](TPMS_ECC_PARMS& ecc) { ecc.symmetric.mode.aes = TPM2_ALG_CBC; });
  expect_each_makes_another(storage_root_template().publicArea, changes);
}

TEST(SameTemplate, OfAnRsaKeyEachMemberMatters) {
  auto changes = common_changes;
  const auto add = [&](const char* name, std::function<void(TPMS_RSA_PARMS&)> made) {
    changes.push_back(
        {name, [made = std::move(made)](TPMT_PUBLIC& area) { made(area.parameters.rsaDetail); }});
  };
  add("bits", [](TPMS_RSA_PARMS& rsa) { rsa.keyBits = 3072; });
  add("exponent", [](TPMS_RSA_PARMS& rsa) { rsa.exponent = 3; });
  add("scheme", [](TPMS_RSA_PARMS& rsa) { rsa.scheme.scheme = TPM2_ALG_RSASSA; });
  add("cipher", [](TPMS_RSA_PARMS& rsa) { rsa.symmetric.algorithm = TPM2_ALG_NULL; });
  changes.push_back({"policy", [](TPMT_PUBLIC& area) { area.authPolicy.buffer[31] ^= 1U; }});
  expect_each_makes_another(ek_template_of(0x01C00002)->area.publicArea, changes);
}

TEST(SameTemplate, IsWhateverKeyWasMadeOfIt) {
  TPMT_PUBLIC made = device_key_template().publicArea;
  made.unique.ecc.x.size = 32;
  made.unique.ecc.x.buffer[0] = 7;
  EXPECT_TRUE(same_template(made, device_key_template().publicArea));
  // Where there is no cipher its bits and mode are nobody's.
  made.parameters.eccDetail.symmetric.keyBits.aes = 128;
  EXPECT_TRUE(same_template(made, device_key_template().publicArea));
}

TEST(SameTemplate, IsNoneOfAKindThatIsNotMadeHere) {
  TPMT_PUBLIC area{};
  area.type = TPM2_ALG_KEYEDHASH;
  EXPECT_FALSE(same_template(area, area));
}

TEST(EkTemplate, BelongsToTheIndexOfItsCertificate) {
  using enum EkAuthorization;
  struct Case {
    std::uint32_t nv_index;
    std::uint32_t persistent;
    EkAuthorization authorization;
    TPMI_ALG_PUBLIC type;
    UINT16 policy;
  };
  for (const Case& one : {Case{0x01C00002, 0x81010001, policy_secret, TPM2_ALG_RSA, 32},
                          {0x01C0000A, 0x81010002, policy_secret, TPM2_ALG_ECC, 32},
                          {0x01C00012, 0x81010012, empty_auth, TPM2_ALG_RSA, 32},
                          {0x01C00014, 0x81010014, empty_auth, TPM2_ALG_ECC, 32},
                          {0x01C00016, 0x81010016, empty_auth, TPM2_ALG_ECC, 48}}) {
    const auto found = ek_template_of(one.nv_index);
    ASSERT_TRUE(found) << std::hex << one.nv_index;
    EXPECT_EQ(found->nv_index, one.nv_index);
    EXPECT_EQ(found->persistent, one.persistent);
    EXPECT_EQ(found->authorization, one.authorization);
    EXPECT_EQ(found->area.publicArea.type, one.type);
    EXPECT_EQ(found->area.publicArea.authPolicy.size, one.policy);
  }
  for (const std::uint32_t other : {0x01C00000U, 0x01C00003U, 0x01C00018U, 0x01C00100U})
    EXPECT_FALSE(ek_template_of(other)) << std::hex << other;
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
