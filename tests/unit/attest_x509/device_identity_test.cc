// Device identity certificates (IEEE 802.1AR): each check broken alone, and refused for just that.
#include "attest/x509/device_identity.h"

#include <gtest/gtest.h>

#include "attest/x509/description.h"
#include "support/test_tpm.h"

namespace mintmark::attest::x509 {
namespace {

const Moment now = from_unix(1'800'000'000);

// What an IDevID has in common with an AK's certificate is all that the test's authority writes.
class DeviceIdentityTest : public ::testing::Test {
 protected:
  Result<DeviceIdentity> checked(const Bytes& der, Moment at = now) {
    return check_device_identity(der, {}, trust, at);
  }
  Code refusal(const test::AkCertificateOptions& options, Moment at = now) {
    const auto identity = checked(authority.certify_ak(tpm.ak, options), at);
    EXPECT_FALSE(identity);
    return identity ? Code::internal : identity.error().code;
  }
  test::TestAuthority authority;
  Trust trust = authority.trust();
  test::TestTpm tpm{authority};
};

TEST_F(DeviceIdentityTest, WithoutAnyNameIsRefused) {
  EXPECT_EQ(refusal({}), Code::certificate_names);
}

TEST_F(DeviceIdentityTest, OfAnUnknownAuthorityIsRefusedAndItsIssuerNamed) {
  const test::TestAuthority other;
  const auto identity = checked(other.certify_ak(tpm.ak));
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, Code::certificate_untrusted_root);
  EXPECT_NE(identity.error().detail.find("Test TPM issuer"), std::string::npos);
}

TEST_F(DeviceIdentityTest, OfACaIsRefused) {
  test::AkCertificateOptions options;
  options.basic_constraints = "critical,CA:TRUE";
  options.key_usage = "critical,digitalSignature,keyCertSign";
  EXPECT_EQ(refusal(options), Code::certificate_is_ca);
}

TEST_F(DeviceIdentityTest, ThatMayNotSignIsRefused) {
  test::AkCertificateOptions options;
  options.key_usage = "critical,keyEncipherment";
  EXPECT_EQ(refusal(options), Code::certificate_usage);
}

TEST_F(DeviceIdentityTest, BeforeAndAfterItsLifeIsRefused) {
  EXPECT_EQ(refusal({}, from_unix(1'699'999'999)), Code::certificate_not_yet_valid);
  EXPECT_EQ(refusal({}, from_unix(2'000'000'001)), Code::certificate_expired);
}

TEST_F(DeviceIdentityTest, ThatIsNoCertificateIsRefused) {
  for (const Bytes& bad : {Bytes{}, Bytes{0x30}, Bytes(100, 0x30), Bytes(100'000, 0xFF)}) {
    const auto identity = checked(bad);
    ASSERT_FALSE(identity);
    EXPECT_EQ(identity.error().code, Code::certificate_chain_invalid);
  }
}

TEST_F(DeviceIdentityTest, WithMoreCertificatesBesideItThanAreTakenIsRefused) {
  const std::vector<Bytes> many(most_offered + 1, authority.intermediate_der());
  const auto identity = check_device_identity(authority.certify_ak(tpm.ak), many, trust, now);
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, Code::certificate_chain_invalid);
}

TEST_F(DeviceIdentityTest, CutAnywhereOrWithAnyOctetChangedIsRefusedAndDescribedWithoutHarm) {
  const Bytes good = authority.certify_ak(tpm.ak);
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(checked(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(i))));
    Bytes bad = good;
    bad[i] ^= 0x21U;
    EXPECT_FALSE(checked(bad)) << i;
    const Certificate read = parse_certificate(bad);
    EXPECT_TRUE(!read || describe(read.get()).contains("subject"));
  }
}

}  // namespace
}  // namespace mintmark::attest::x509
