// What a TPM2B_PUBLIC says, read without a TPM.
#include "hsm/tpm2/public_area.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <tss2/tss2_mu.h>

#include "hsm/tpm2/templates.h"
#include "support/soft_key.h"

namespace mintmark::hsm::tpm2 {
namespace {

Bytes octets_of(const TPM2B_PUBLIC& area) {
  Bytes octets(sizeof area);
  std::size_t size = 0;
  EXPECT_EQ(Tss2_MU_TPM2B_PUBLIC_Marshal(&area, octets.data(), octets.size(), &size),
            TSS2_RC_SUCCESS);
  octets.resize(size);
  return octets;
}

class PublicArea : public testing::Test {
 protected:
  PublicArea() {
    const Bytes point = key_.public_key().to_point();
    put(area_.publicArea.unique.ecc.x, BytesView(point).subspan(1, 32));
    put(area_.publicArea.unique.ecc.y, BytesView(point).subspan(33));
  }
  static void put(TPM2B_ECC_PARAMETER& number, BytesView octets) {
    number.size = static_cast<UINT16>(octets.size());
    std::copy(octets.begin(), octets.end(), number.buffer);
  }
  void expect_no_key(const std::string& why) {
    const auto key = key_of_public(octets_of(area_));
    ASSERT_FALSE(key) << why;
    EXPECT_NE(key.error().detail.find(why), std::string::npos) << key.error().detail;
  }

  const test::SoftKey key_;
  TPM2B_PUBLIC area_ = device_key_template();
};

TEST_F(PublicArea, NamesItselfByItsOwnHash) {
  Bytes octets = octets_of(area_);
  Bytes wanted = {0x00, 0x0B};
  const Sha256 digest = sha256(BytesView(octets).subspan(2));
  wanted.insert(wanted.end(), digest.begin(), digest.end());
  EXPECT_EQ(name_of_public(octets).value(), wanted);

  area_.publicArea.nameAlg = TPM2_ALG_SHA384;
  octets = octets_of(area_);
  wanted = {0x00, 0x0C};
  wanted.resize(2 + SHA384_DIGEST_LENGTH);
  SHA384(octets.data() + 2, octets.size() - 2, wanted.data() + 2);
  EXPECT_EQ(name_of_public(octets).value(), wanted);
}

TEST_F(PublicArea, OfAHashNotKnownHereHasNoName) {
  for (const TPMI_ALG_HASH other : {TPM2_ALG_SHA1, TPM2_ALG_SHA512, TPM2_ALG_NULL}) {
    area_.publicArea.nameAlg = other;
    const auto name = name_of_public(octets_of(area_));
    ASSERT_FALSE(name) << other;
    EXPECT_EQ(name.error().code, Code::invalid_argument);
  }
}

TEST_F(PublicArea, IsReadToItsLastOctetOrNotAtAll) {
  const Bytes whole = octets_of(area_);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const BytesView part = BytesView(whole).first(size);
    EXPECT_FALSE(name_of_public(part)) << size;
    EXPECT_FALSE(key_of_public(part)) << size;
  }
  Bytes more = whole;
  more.push_back(0);
  EXPECT_FALSE(name_of_public(more));
  EXPECT_FALSE(key_of_public(more));
  EXPECT_TRUE(key_of_public(whole));
}

TEST_F(PublicArea, GivesItsKeyWithTheZerosThatATpmLeftOut) {
  EXPECT_EQ(key_of_public(octets_of(area_)).value(), key_.public_key());
  TPM2B_ECC_PARAMETER& x = area_.publicArea.unique.ecc.x;
  for (int i = 0; i < 5000 && x.buffer[0] != 0; ++i) {
    const test::SoftKey another;
    const Bytes point = another.public_key().to_point();
    if (point[1] != 0) continue;
    put(x, BytesView(point).subspan(2, 31));
    put(area_.publicArea.unique.ecc.y, BytesView(point).subspan(33));
    EXPECT_EQ(key_of_public(octets_of(area_)).value(), another.public_key());
    return;
  }
  FAIL() << "no key among 5,000 begins with a zero";
}

TEST_F(PublicArea, OfAnotherKindOfKeyIsRefused) {
  TPMT_PUBLIC& area = area_.publicArea;
  area.parameters.eccDetail.curveID = TPM2_ECC_NIST_P384;
  expect_no_key("not on P-256");
  area_ = ek_template_of(0x01C00002)->area;
  expect_no_key("not on P-256");
}

TEST_F(PublicArea, WithACoordinateThatIsTooLongIsRefused) {
  for (TPM2B_ECC_PARAMETER* number :
       {&area_.publicArea.unique.ecc.x, &area_.publicArea.unique.ecc.y}) {
    const TPM2B_ECC_PARAMETER before = *number;
    put(*number, Bytes(33, 1));
    expect_no_key("longer than P-256");
    *number = before;
  }
}

TEST_F(PublicArea, OfAPointThatIsNotOnTheCurveIsRefused) {
  area_.publicArea.unique.ecc.y.buffer[31] ^= 1U;
  EXPECT_FALSE(key_of_public(octets_of(area_)));
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
