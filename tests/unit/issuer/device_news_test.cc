// What a change of a device means to services.
#include "issuer/device_news.h"

#include <gtest/gtest.h>

namespace mintmark::issuer {
namespace {

attest::RecordedDevice device(const std::string& state, const std::string& ended = "") {
  attest::RecordedDevice made;
  made.id = "device-1";
  made.state = state;
  made.evidence_ended_why = ended;
  made.facts.format = "tpm2";
  made.facts.key_protection = "hardware";
  made.attested_at = from_unix(5);
  return made;
}

std::vector<Json> news(const attest::RecordedDevice& before, const attest::RecordedDevice& now) {
  return news_of(&before, now);
}

Json compliance(bool compliant, const char* by) {
  return {{"type", "compliance"}, {"sub", "device-1"}, {"compliant", compliant}, {"by", by}};
}

TEST(DeviceNews, OfARevocationAndItsEndAreTheAdmins) {
  const auto revoked = news(device("enrolled"), device("revoked"));
  ASSERT_EQ(revoked.size(), 1U);
  EXPECT_EQ(revoked[0], compliance(false, "admin"));
  const auto back = news(device("revoked"), device("enrolled"));
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0], compliance(true, "admin"));
}

TEST(DeviceNews, OfEvidenceThatEndedAndNewEvidenceAreThePolicys) {
  const auto ended = news(device("enrolled"), device("enrolled", "asked"));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0], compliance(false, "policy"));
  const auto attested = news(device("enrolled", "asked"), device("enrolled"));
  ASSERT_EQ(attested.size(), 1U);
  EXPECT_EQ(attested[0], compliance(true, "policy"));
}

TEST(DeviceNews, OfAnotherAttestationAreItsNextTokensClaims) {
  auto now = device("enrolled");
  now.facts.key_protection = "none";
  const auto changed = news(device("enrolled"), now);
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0]["type"], "claims");
  EXPECT_EQ(changed[0]["claims"],
            Json({{"attestation", {{"format", "tpm2"}, {"at", 5}, {"key_protection", "none"}}}}));
}

TEST(DeviceNews, AreNoneWhereNothingIsNewToServices) {
  EXPECT_TRUE(news_of(nullptr, device("enrolled")).empty());
  EXPECT_TRUE(news(device("enrolled"), device("enrolled")).empty());
  EXPECT_TRUE(news(device("revoked"), device("approved")).empty());
  EXPECT_TRUE(news(device("revoked"), device("revoked", "asked")).empty());
  auto later = device("enrolled");
  later.attested_at = from_unix(6);
  later.labels = {{"site", "x"}};
  EXPECT_TRUE(news(device("enrolled"), later).empty());
}

}  // namespace
}  // namespace mintmark::issuer
