// The operator's roots: where they are read from, and what is said when they cannot be.
#include "attest/tpm2/trust.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "attest/tpm2/endorsement.h"
#include "support/temporary_directory.h"
#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {
namespace {

const Moment now = from_unix(1'800'000'000);

class TrustTest : public ::testing::Test {
 protected:
  /// The refusal names this file.
  void expect_refused(const std::string& roots, const std::string& intermediates,
                      const std::string& named) {
    const auto trust = EkTrust::load(roots, intermediates);
    ASSERT_FALSE(trust);
    EXPECT_EQ(trust.error().code, Code::trust_unreadable);
    EXPECT_NE(trust.error().detail.find(named), std::string::npos) << trust.error().detail;
  }
  void expect_vouches(const std::string& roots, const std::string& intermediates = "") {
    const auto trust = EkTrust::load(roots, intermediates);
    ASSERT_TRUE(trust) << trust.error().to_string();
    const test::TestTpm tpm(authority);
    const auto checked = check_endorsement(tpm.presented().ek_certificate,
                                           {authority.intermediate_der()}, *trust, now);
    EXPECT_TRUE(checked) << checked.error().to_string();
  }
  std::string file(const std::string& name, const std::string& content) const {
    return directory.write(name, content).string();
  }

  test::TestAuthority authority;
  test::TemporaryDirectory directory;
};

TEST_F(TrustTest, FromAFileADirectoryOrABundleVouches) {
  const test::TestAuthority other;
  expect_vouches(file("root.pem", authority.root_pem()));
  expect_vouches(directory.path().string());
  expect_vouches(file("bundle.pem", other.root_pem() + authority.root_pem()));
}

TEST_F(TrustTest, WithTextAroundItsBlocksVouches) {
  expect_vouches(file(
      "root.pem", "CN = Test TPM root\nnotes\n\n" + authority.root_pem() + "\nand what follows\n"));
}

TEST_F(TrustTest, AsDerVouches) {
  const Bytes der = authority.intermediate_der();
  expect_vouches(file("issuer.der", std::string(as_text(der))));
  expect_refused(file("longer.der", std::string(as_text(der)) + "x"), "", "longer.der");
}

TEST_F(TrustTest, InALinkVouchesAndAFolderInsideIsPassedBy) {
  const test::TemporaryDirectory elsewhere;
  elsewhere.write("root.pem", authority.root_pem());
  std::filesystem::create_symlink(elsewhere.path() / "root.pem", directory.path() / "link.pem");
  std::filesystem::create_directory(directory.path() / "folder");
  expect_vouches(directory.path().string());
}

TEST_F(TrustTest, ThatIsNotThereIsRefusedByName) {
  expect_refused((directory.path() / "absent").string(), "", "absent");
  expect_refused(file("root.pem", authority.root_pem()), (directory.path() / "missing").string(),
                 "missing");
}

TEST_F(TrustTest, WithoutARootIsRefused) {
  expect_refused("", "", "no root certificate");
  expect_refused(directory.path().string(), "", directory.path().string());
}

TEST_F(TrustTest, WithAFileThatHoldsNoCertificateIsRefusedByItsName) {
  file("a.pem", authority.root_pem());
  file("README", "these are our roots");
  expect_refused(directory.path().string(), "", "README");
}

TEST_F(TrustTest, WithAPrivateKeyAloneIsRefused) {
  expect_refused(file("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
                 "", "key.pem");
}

TEST_F(TrustTest, DamagedInTheMiddleOfABundleIsRefusedAndNotCutShort) {
  const test::TestAuthority other;
  std::string damaged = other.root_pem();
  damaged[damaged.size() / 2] = '!';
  expect_refused(file("bundle.pem", authority.root_pem() + damaged + authority.root_pem()), "",
                 "bundle.pem");
  expect_refused(file("cut.pem", authority.root_pem() + other.root_pem().substr(0, 200)), "",
                 "cut.pem");
}

TEST_F(TrustTest, OfTwiceTheSameRootVouches) {
  expect_vouches(file("twice.pem", authority.root_pem() + authority.root_pem()));
}

}  // namespace
}  // namespace mintmark::attest::tpm2
