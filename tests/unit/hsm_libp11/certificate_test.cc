#include "hsm/libp11/certificate.h"

#include <gtest/gtest.h>

#include "support/issued_certificate.h"

namespace mintmark::hsm::libp11 {
namespace {

class CertificateText : public ::testing::Test {
 protected:
  static std::shared_ptr<X509> issued() {
    const auto key = test::new_pair("P-256");
    return test::issue(
        {.subject = {{"O", "Example"}, {"CN", "Ä\n1"}}, .key = key, .serial = 0x1234},
        {.key = key});
  }
  static void expect_malformed(std::string_view text, const std::string& why) {
    const auto facts = read_certificate(text);
    ASSERT_FALSE(facts) << text;
    EXPECT_EQ(facts.error().code, Code::certificate_malformed);
    EXPECT_NE(facts.error().detail.find(why), std::string::npos) << facts.error().detail;
  }

  const std::shared_ptr<X509> certificate_ = issued();
  const std::string pem_ = test::pem_text_of(certificate_.get());
  const Bytes der_ = test::der_of(certificate_.get());
};

TEST_F(CertificateText, IsReadFromPemAndFromDer) {
  for (const std::string& text : {pem_, "words before it\n" + pem_, std::string(as_text(der_))}) {
    const auto facts = read_certificate(text);
    ASSERT_TRUE(facts) << facts.error().to_string();
    EXPECT_EQ(facts->subject, "CN=Ä\\0A1,O=Example");
    EXPECT_EQ(facts->issuer, facts->subject);
    EXPECT_EQ(facts->serial, "1234");
    EXPECT_EQ(facts->not_before, 1'700'000'000);
    EXPECT_EQ(facts->not_after, 2'000'000'000);
    EXPECT_EQ(facts->der, der_);
    EXPECT_FALSE(facts->public_key.empty());
  }
}

TEST_F(CertificateText, OfNoneOrOfADamagedOneIsRefused) {
  expect_malformed("", "no X.509 certificate");
  expect_malformed("words", "no X.509 certificate");
  expect_malformed(as_text(BytesView(der_).first(der_.size() - 1)), "no X.509 certificate");
  expect_malformed(std::string(as_text(der_)) + "x", "octets behind");
  expect_malformed(std::string_view(pem_).substr(0, pem_.size() / 2), "damaged");
  expect_malformed("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "damaged");
}

TEST_F(CertificateText, OfSeveralOrOfOneAndSomethingDamagedIsRefused) {
  expect_malformed(pem_ + pem_, "several");
  expect_malformed(pem_ + pem_.substr(0, pem_.size() / 2), "damaged behind");
}

}  // namespace
}  // namespace mintmark::hsm::libp11
