// Attestation keys that somebody else made and left in the TPM, as clouds do: of any kind that can
// sign a quote, with a certificate in an NV index.
#include <gtest/gtest.h>
#include <tss2/tss2_mu.h>

#include "base/file.h"
#include "hsm/tpm2/device_tpm.h"
#include "hsm/tpm2/public_area.h"
#include "support/child_process.h"
#include "support/swtpm.h"
#include "support/temporary_directory.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr PersistentKey key_at{0x81000003};

class CertifiedAk : public testing::Test {
 protected:
  void tool(const std::vector<std::string>& arguments) const {
    test::run(arguments, {{"TPM2TOOLS_TCTI", swtpm_.tcti()}});
  }
  [[nodiscard]] std::string file(const char* name) const { return (files_.path() / name).string(); }
  void persist(const std::string& algorithm, const std::string& name_hash = "sha256") const {
    tool({"tpm2_createprimary", "-Q", "-C", "e", "-g", name_hash, "-G", algorithm, "-c", file("ak"),
          "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign"});
    tool({"tpm2_evictcontrol", "-Q", "-C", "o", "-c", file("ak"), "0x81000003"});
    tool({"tpm2_flushcontext", "-t"});
  }
  [[nodiscard]] std::unique_ptr<Device> device() const {
    auto opened = open_device(swtpm_.tcti());
    if (!opened) throw std::runtime_error(opened.error().to_string());
    return std::move(*opened);
  }
  void expect_attests() const {
    const auto tpm = device();
    const auto area = tpm->public_area(key_at);
    ASSERT_TRUE(area) << area.error().to_string();
    EXPECT_TRUE(name_of_public(*area));
    const auto key = tpm->create_device_key();
    ASSERT_TRUE(key);
    const auto certified = tpm->certify(*key, key_at, sha256("qualifying"));
    ASSERT_TRUE(certified) << certified.error().to_string();
    // The values are those that were quoted: else the call would not have succeeded.
    for (const char* bank : {"sha1", "sha256", "sha384"}) {
      const auto quoted = tpm->quote(key_at, bank, {0, 7, 23}, sha256("qualifying"));
      ASSERT_TRUE(quoted) << bank << quoted.error().to_string();
      EXPECT_EQ(quoted->pcrs.size(), 3U);
    }
  }

  test::Swtpm swtpm_;
  test::TemporaryDirectory files_;
};

TEST_F(CertifiedAk, AttestsByRsassa) {
  persist("rsa2048:rsassa-sha256:null");
  expect_attests();
}

TEST_F(CertifiedAk, AttestsByRsapss) {
  persist("rsa2048:rsapss-sha256:null");
  expect_attests();
}

TEST_F(CertifiedAk, AttestsByEcdsaOnP256) {
  persist("ecc256:ecdsa-sha256:null");
  expect_attests();
}

TEST_F(CertifiedAk, AttestsByEcdsaOnP384WithTheDigestOfItsOwnHash) {
  persist("ecc384:ecdsa-sha384:null", "sha384");
  expect_attests();
}

TEST_F(CertifiedAk, ThatIsNotThereIsLostAndSaysWhere) {
  const auto tpm = device();
  const auto area = tpm->public_area(key_at);
  ASSERT_FALSE(area);
  EXPECT_EQ(area.error().code, Code::tpm_key_lost);
  EXPECT_NE(area.error().detail.find("0x81000003"), std::string::npos);
  EXPECT_EQ(tpm->quote(key_at, "sha256", {0}, {}).error().code, Code::tpm_key_lost);
}

TEST_F(CertifiedAk, HasItsCertificateInAnNvIndexWithWhateverPadsIt) {
  // The outermost SEQUENCE tells where it ends.
  const std::string der = std::string("\x30\x03\x02\x01\x05", 5);
  tool({"tpm2_nvdefine", "-Q", "-C", "o", "-s", "64", "-a", "ownerread|ownerwrite|authread",
        "0x01C101D0"});
  tool({"tpm2_nvwrite", "-Q", "-C", "o", "-i",
        files_.write("certificate", der + std::string(59, '\xFF')).string(), "0x01C101D0"});
  const auto read = device()->ak_certificate(0x01C101D0);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(as_text(*read), der);
}

TEST_F(CertifiedAk, WithoutACertificateSaysWhichIndexHasNone) {
  const auto missing = device()->ak_certificate(0x01C101D0);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_NE(missing.error().detail.find("0x01C101D0"), std::string::npos);

  tool({"tpm2_nvdefine", "-Q", "-C", "o", "-s", "8", "-a", "ownerread|ownerwrite", "0x01C101D0"});
  tool({"tpm2_nvwrite", "-Q", "-C", "o", "-i", files_.write("text", "no  DER!").string(),
        "0x01C101D0"});
  const auto text = device()->ak_certificate(0x01C101D0);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::ak_certificate_malformed);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
