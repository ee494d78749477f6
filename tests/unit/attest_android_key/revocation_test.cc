#include "attest/android_key/revocation.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>

#include <memory>

namespace mintmark::test {
namespace {

using attest::android_key::CertificateStatus;
using attest::android_key::RevocationList;

CertificateStatus status(const std::string& list, const std::string& hexadecimal) {
  const auto parsed = RevocationList::parse(list);
  EXPECT_TRUE(parsed) << parsed.error().to_string();
  BIGNUM* number = nullptr;
  EXPECT_NE(BN_hex2bn(&number, hexadecimal.c_str()), 0);
  const std::unique_ptr<ASN1_INTEGER, decltype(&ASN1_INTEGER_free)> serial(
      BN_to_ASN1_INTEGER(number, nullptr), &ASN1_INTEGER_free);
  BN_free(number);
  return parsed->status_of(serial.get());
}

std::string list_of(const std::string& serial, const std::string& word = "REVOKED") {
  return R"({"entries": {")" + serial + R"(": {"status": ")" + word + R"(", "reason": "X"}}})";
}

TEST(RevocationList, FindsASerialInDecimalAndInHexadecimalOfEitherCase) {
  for (const char* spelling :
       {"6681152659205225093", "5cb838f1fe157a85", "5CB838F1FE157A85", "005cb838f1fe157a85"})
    EXPECT_EQ(status(list_of(spelling), "5cb838f1fe157a85"), CertificateStatus::revoked)
        << spelling;
}

// "10" may be sixteen or ten.
TEST(RevocationList, TakesDigitsForBothSpellings) {
  EXPECT_EQ(status(list_of("10"), "10"), CertificateStatus::revoked);
  EXPECT_EQ(status(list_of("10"), "0a"), CertificateStatus::revoked);
  EXPECT_EQ(status(list_of("10"), "0b"), CertificateStatus::good);
}

TEST(RevocationList, TellsSuspendedFromRevokedAndTheHarderOneCounts) {
  EXPECT_EQ(status(list_of("cc66", "SUSPENDED"), "cc66"), CertificateStatus::suspended);
  EXPECT_EQ(
      status(R"({"entries": {"cc66": {"status": "SUSPENDED"}, "CC66": {"status": "REVOKED"}}})",
             "cc66"),
      CertificateStatus::revoked);
}

TEST(RevocationList, ThatIsEmptyRevokesNothing) {
  EXPECT_EQ(status("", "01"), CertificateStatus::good);
  EXPECT_EQ(status(R"({"entries": {}})", "01"), CertificateStatus::good);
  EXPECT_EQ(status(list_of("02"), "00"), CertificateStatus::good);
}

TEST(RevocationList, ThatIsNoneIsRefused) {
  for (const std::string& list :
       {std::string("{"), std::string("[]"), std::string("{}"), std::string(R"({"entries": []})"),
        std::string(R"({"entries": {"1": "REVOKED"}})"), std::string(R"({"entries": {"1": {}}})"),
        std::string(R"({"entries": {"1": {"status": 1}}})"), list_of("0x1"), list_of(""),
        list_of(std::string(200, '1')), list_of("1", "GOOD"), list_of("1", "revoked"),
        list_of("1") + "x"}) {
    const auto parsed = RevocationList::parse(list);
    ASSERT_FALSE(parsed) << list;
    EXPECT_EQ(parsed.error().code, Code::android_revocation_list) << list;
  }
}

}  // namespace
}  // namespace mintmark::test
