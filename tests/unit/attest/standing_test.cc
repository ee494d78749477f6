#include "attest/standing.h"

#include <gtest/gtest.h>

namespace mintmark::attest {
namespace {

constexpr std::chrono::seconds day{86400};
const Moment now = from_unix(1'800'000'000);

RecordedDevice good() {
  RecordedDevice device;
  device.id = "device";
  device.state = "enrolled";
  device.jkt = "thumbprint";
  device.facts.format = "tpm2";
  device.facts.key_protection = "hardware";
  device.attested_at = now - std::chrono::seconds(10);
  return device;
}

TEST(Standing, OfAFreshEnrolledDeviceWithItsKeyIsGood) {
  const RecordedDevice device = good();
  const auto standing = check_standing(device, "thumbprint", day, now);
  ASSERT_TRUE(standing);
  EXPECT_EQ(standing->record().id, "device");
}

TEST(Standing, OfADeviceInAnotherStateIsRefused) {
  RecordedDevice device = good();
  for (const char* state : {"", "pending", "ENROLLED"}) {
    device.state = state;
    EXPECT_EQ(check_standing(device, "thumbprint", day, now).error().code,
              Code::device_not_enrolled)
        << state;
  }
}

TEST(Standing, OfARevokedDeviceIsRefusedAsSuch) {
  RecordedDevice device = good();
  device.state = "revoked";
  EXPECT_EQ(check_standing(device, "thumbprint", day, now).error().code, Code::device_revoked);
}

TEST(Standing, OfAnApprovedDeviceBeginsWithFreshEvidence) {
  RecordedDevice device = good();
  device.state = "approved";
  EXPECT_EQ(check_standing(device, "thumbprint", day, now).error().code, Code::evidence_stale);
}

TEST(Standing, SaysUntilWhenTheEvidenceIsFresh) {
  RecordedDevice device = good();
  const auto attested = check_standing(device, "thumbprint", day, now);
  ASSERT_TRUE(attested);
  EXPECT_EQ(attested->evidence_until(), device.attested_at + day);
}

TEST(Standing, GoesByTheShorterFreshnessWhereTheDeviceHasItsOwn) {
  RecordedDevice device = good();
  device.fresh_for = std::chrono::seconds(11);
  EXPECT_EQ(check_standing(device, "thumbprint", day, now)->evidence_until(),
            now + std::chrono::seconds(1));
  device.fresh_for = std::chrono::seconds(10);
  EXPECT_EQ(check_standing(device, "thumbprint", day, now).error().code, Code::evidence_stale);
  device.fresh_for = 2 * day;
  EXPECT_EQ(check_standing(device, "thumbprint", day, now)->evidence_until(),
            device.attested_at + day);
}

TEST(Standing, OfADeviceWhoseEvidenceWasEndedWantsNewOne) {
  RecordedDevice device = good();
  for (const char* why : {"asked", "boot_refused"}) {
    device.evidence_ended_why = why;
    const auto standing = check_standing(device, "thumbprint", day, now);
    ASSERT_FALSE(standing);
    EXPECT_EQ(standing.error().code, Code::evidence_stale);
  }
}

TEST(Standing, OfAKeyThatWasOnlyShownDoesNotAge) {
  RecordedDevice device = good();
  device.facts.format = "key";
  device.attested_at = now - 1000 * day;
  const auto standing = check_standing(device, "thumbprint", day, now);
  ASSERT_TRUE(standing);
  EXPECT_FALSE(standing->evidence_until());
}

TEST(Standing, WithAKeyFromBeforeIsRefused) {
  const RecordedDevice device = good();
  EXPECT_EQ(check_standing(device, "another", day, now).error().code, Code::device_key_superseded);
}

TEST(Standing, EndsWithTheFreshnessOfTheEvidence) {
  RecordedDevice device = good();
  device.attested_at = now - day + std::chrono::seconds(1);
  EXPECT_TRUE(check_standing(device, "thumbprint", day, now));
  device.attested_at = now - day;
  EXPECT_EQ(check_standing(device, "thumbprint", day, now).error().code, Code::evidence_stale);
}

TEST(Facts, ComeBackTheSameThroughJson) {
  Facts facts = good().facts;
  facts.manufacturer = "id:53544D20";
  facts.firmware = 0xFFFF'FFFF'FFFF'FFFFULL;
  facts.pcr_bank = "sha256";
  facts.pcrs = {{0, "00"}, {23, "ff"}};
  const auto again = facts_from_json(to_json(facts));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(to_json(*again), to_json(facts));
}

TEST(Facts, OfAnotherShapeAreRefused) {
  for (const char* text : {"[]", "{}", R"({"format":"tpm2"})",
                           R"({"format":"tpm2","key_protection":"hardware","pcrs":[]})",
                           R"({"format":"tpm2","key_protection":"hardware","pcrs":{"99":"00"}})",
                           R"({"format":"tpm2","key_protection":"hardware","pcrs":{"x":"00"}})",
                           R"({"format":"tpm2","key_protection":"hardware","pcrs":{"1":1}})"}) {
    const auto facts = facts_from_json(Json::parse(text));
    ASSERT_FALSE(facts) << text;
    EXPECT_EQ(facts.error().code, Code::facts_malformed);
  }
}

}  // namespace
}  // namespace mintmark::attest
