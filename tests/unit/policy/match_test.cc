// Each condition of a rule, broken alone.
#include <gtest/gtest.h>

#include "sample.h"

namespace mintmark::policy {
namespace {

using test::decide;
using test::fitting_device;
using test::policy_of;

/// A policy of one rule with this match.
Policy with_match(const std::string& match) {
  return policy_of(R"({"rules": [{"name": "r", "match": )" + match +
                   R"(, "grant": [{"audience": "urn:a", "scopes": ["x"]}]}]})");
}

bool matches(const Policy& policy, const attest::RecordedDevice& device) {
  const auto grant = decide(policy, device, {"urn:a", {}});
  if (!grant) {
    EXPECT_EQ(grant.error().code, Code::policy_no_rule);
  }
  return grant.has_value();
}

class Matching : public testing::Test {
 protected:
  attest::RecordedDevice device_ = fitting_device();
};

TEST_F(Matching, ByFormat) {
  const Policy policy = with_match(R"({"format": "tpm2"})");
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.format = "key";
  EXPECT_FALSE(matches(policy, device_));
}

TEST_F(Matching, ByAnyOfSeveralFormats) {
  const Policy policy = with_match(R"({"format": ["key", "tpm2"]})");
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.format = "key";
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.format = "";
  EXPECT_FALSE(matches(policy, device_));
}

TEST_F(Matching, ByKeyProtection) {
  const Policy policy = with_match(R"({"key_protection": "hardware"})");
  EXPECT_TRUE(matches(policy, device_));
  for (const auto* other : {"session", "unproven", "none", "software", ""}) {
    device_.facts.key_protection = other;
    EXPECT_FALSE(matches(policy, device_)) << other;
  }
}

TEST_F(Matching, ByAnyOfSeveralKeyProtections) {
  const Policy policy = with_match(R"({"key_protection": ["none", "unproven"]})");
  EXPECT_FALSE(matches(policy, device_));
  for (const auto* named : {"unproven", "none"}) {
    device_.facts.key_protection = named;
    EXPECT_TRUE(matches(policy, device_)) << named;
  }
}

TEST_F(Matching, WithoutANamedProtectionTakesEveryOneButNone) {
  const Policy policy = with_match(R"({"format": "tpm2"})");
  for (const auto* taken : {"hardware", "unproven"}) {
    device_.facts.key_protection = taken;
    EXPECT_TRUE(matches(policy, device_)) << taken;
  }
  for (const auto* refused : {"none", "", "software", "Hardware"}) {
    device_.facts.key_protection = refused;
    EXPECT_FALSE(matches(policy, device_)) << refused;
  }
}

bool matches_session(const std::string& match, const attest::RecordedDevice& device) {
  return decide(with_match(match), device, {.audience = "urn:a", .scopes = {}, .session_key = true})
      .has_value();
}

TEST_F(Matching, TakesASessionKeyOfAHardwareDeviceAsSession) {
  EXPECT_FALSE(matches_session(R"({"key_protection": "hardware"})", device_));
  EXPECT_TRUE(matches_session(R"({"key_protection": "session"})", device_));
  EXPECT_TRUE(matches_session(R"({"key_protection": ["hardware", "session"]})", device_));
  EXPECT_TRUE(matches_session(R"({"format": "tpm2"})", device_));
  EXPECT_FALSE(matches(with_match(R"({"key_protection": "session"})"), device_));
}

TEST_F(Matching, TakesASessionKeyForNoMoreThanTheDeviceKeyIs) {
  for (const std::string own : {"none", "unproven"}) {
    device_.facts.key_protection = own;
    EXPECT_FALSE(matches_session(R"({"key_protection": "session"})", device_)) << own;
    EXPECT_TRUE(matches_session(R"({"key_protection": ")" + own + "\"}", device_)) << own;
  }
  device_.facts.key_protection = "none";
  EXPECT_FALSE(matches_session(R"({"format": "tpm2"})", device_));
}

TEST_F(Matching, ByManufacturer) {
  const Policy policy = with_match(R"({"manufacturer": ["id:49465800", "id:0000101a"]})");
  device_.facts.manufacturer = "id:49465800";
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.manufacturer = "id:0000101A";
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.manufacturer = "id:0000101B";
  EXPECT_FALSE(matches(policy, device_));
  device_.facts.manufacturer = "";
  EXPECT_FALSE(matches(policy, device_));
}

TEST_F(Matching, ByRoot) {
  const Policy policy = with_match(R"({"root": [")" + std::string(64, 'A') + R"("]})");
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.root = std::string(64, 'b');
  EXPECT_FALSE(matches(policy, device_));
  device_.facts.root = "";
  EXPECT_FALSE(matches(policy, device_));
}

TEST_F(Matching, ByModel) {
  const Policy policy = with_match(R"({"model": ["SLB9670", "swtpm"]})");
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.model = "Swtpm";
  EXPECT_FALSE(matches(policy, device_));
}

TEST_F(Matching, ByAllLabels) {
  const Policy policy = with_match(R"({"labels": {"site": "berlin", "floor": "2"}})");
  EXPECT_TRUE(matches(policy, device_));
  device_.labels["floor"] = "3";
  EXPECT_FALSE(matches(policy, device_));
  device_.labels.erase("floor");
  EXPECT_FALSE(matches(policy, device_));
}

TEST_F(Matching, ByAllPcrs) {
  const Policy policy =
      with_match(R"({"pcrs": {"0": [")" + std::string(64, '0') + R"("], "7": [")" +
                 std::string(64, 'f') + R"(", ")" + test::pcr_7 + R"("]}})");
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.pcrs[7] = std::string(64, 'f');
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.pcrs[7] = std::string(64, 'e');
  EXPECT_FALSE(matches(policy, device_));
  device_.facts.pcrs.erase(7);
  EXPECT_FALSE(matches(policy, device_));
}

TEST_F(Matching, ByPcrsTakesNoOtherBank) {
  const Policy policy = with_match(R"({"pcrs": {"7": [")" + test::pcr_7 + R"("]}})");
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.pcr_bank = "sha3_256";
  EXPECT_FALSE(matches(policy, device_));
}

TEST_F(Matching, ByPcrsOfTheBankThatWasQuoted) {
  const std::string value(96, 'c');
  const Policy policy = with_match(R"({"pcrs": {"0": [")" + value + R"("]}})");
  EXPECT_FALSE(matches(policy, device_));
  device_.facts.pcr_bank = "sha384";
  device_.facts.pcrs = {{0, value}};
  EXPECT_TRUE(matches(policy, device_));
}

TEST_F(Matching, ByAllThatIsProven) {
  const Policy one = with_match(R"({"proves": "boot_state"})");
  const Policy both = with_match(R"({"proves": ["application", "hardware"]})");
  EXPECT_FALSE(matches(one, device_)) << "nothing is proven unless the facts say so";
  device_.facts.proves = {"boot_state", "hardware"};
  EXPECT_TRUE(matches(one, device_));
  EXPECT_FALSE(matches(both, device_)) << "each must be, not any";
  device_.facts.proves = {"application", "hardware"};
  EXPECT_TRUE(matches(both, device_));
}

TEST_F(Matching, TakesNoSessionKeyForATokenKeyThatIsProven) {
  const Policy policy = with_match(R"({"proves": "token_key"})");
  device_.facts.proves = {"hardware", "token_key"};
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.key_protection = "unproven";
  EXPECT_FALSE(matches(policy, device_));
  device_.facts.key_protection = "hardware";
  EXPECT_FALSE(matches_session(R"({"proves": "token_key"})", device_))
      << "the device's key is in hardware, this one is not";
  EXPECT_TRUE(matches_session(R"({"proves": "hardware"})", device_));
}

TEST_F(Matching, ByManufacturerTakesATpmsIdFromTpmsAlone) {
  const Policy policy = with_match(R"({"manufacturer": ["id:00001014", "Apple"]})");
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.format = "x509";
  EXPECT_FALSE(matches(policy, device_)) << "a certificate may call its maker anything";
  device_.facts.manufacturer = "Apple";
  EXPECT_TRUE(matches(policy, device_));
}

TEST_F(Matching, ByAFactThatIsAText) {
  const Policy policy = with_match(R"({"facts": {"security_level": ["strongbox", "software"]}})");
  EXPECT_FALSE(matches(policy, device_)) << "a fact that nobody told holds for nothing";
  device_.facts.more["security_level"] = std::string("strongbox");
  EXPECT_TRUE(matches(policy, device_));
  device_.facts.more["security_level"] = std::string("trusted_environment");
  EXPECT_FALSE(matches(policy, device_));
  for (const attest::FactValue& other :
       {attest::FactValue(true), attest::FactValue(std::int64_t{1}),
        attest::FactValue(std::vector<std::string>{})}) {
    device_.facts.more["security_level"] = other;
    EXPECT_FALSE(matches(policy, device_)) << "of another kind than it should be";
  }
}

TEST_F(Matching, ByAFactThatIsADigestInEitherCase) {
  const Policy policy =
      with_match(R"({"facts": {"measurement": ")" + std::string(96, 'A') + R"("}})");
  device_.facts.more["measurement"] = std::string(96, 'a');
  EXPECT_TRUE(matches(policy, device_));
}

TEST_F(Matching, ByAFactThatIsANumber) {
  const Policy least = with_match(R"({"facts": {"os_patch_level": {"at_least": 202501}}})");
  const Policy range =
      with_match(R"({"facts": {"os_patch_level": {"at_least": 202501, "at_most": 202502}}})");
  for (const auto& [level, new_enough, within] :
       {std::tuple{202412, false, false}, std::tuple{202501, true, true},
        std::tuple{202502, true, true}, std::tuple{202503, true, false}}) {
    device_.facts.more["os_patch_level"] = std::int64_t{level};
    EXPECT_EQ(matches(least, device_), new_enough) << level;
    EXPECT_EQ(matches(range, device_), within) << level;
  }
  device_.facts.more["os_patch_level"] = std::string("202501");
  EXPECT_FALSE(matches(least, device_));
}

TEST_F(Matching, ByAFactThatIsYesOrNo) {
  const Policy locked = with_match(R"({"facts": {"boot_locked": true}})");
  const Policy unlocked = with_match(R"({"facts": {"boot_locked": false}})");
  EXPECT_FALSE(matches(unlocked, device_)) << "not told is not no";
  device_.facts.more["boot_locked"] = true;
  EXPECT_TRUE(matches(locked, device_));
  EXPECT_FALSE(matches(unlocked, device_));
}

TEST_F(Matching, ByAFactThatIsAList) {
  const Policy any = with_match(R"({"facts": {"application": ["package:a", "package:b"]}})");
  const Policy only = with_match(R"({"facts": {"tcb_advisories": {"only": ["INTEL-SA-1"]}}})");
  const Policy none = with_match(R"({"facts": {"tcb_advisories": {"only": []}}})");
  EXPECT_FALSE(matches(none, device_)) << "a list that nobody told is not an empty one";
  device_.facts.more["application"] = std::vector<std::string>{"package:c", "package:b"};
  device_.facts.more["tcb_advisories"] = std::vector<std::string>{};
  EXPECT_TRUE(matches(any, device_));
  EXPECT_TRUE(matches(only, device_));
  EXPECT_TRUE(matches(none, device_));
  device_.facts.more["application"] = std::vector<std::string>{"package:c"};
  device_.facts.more["tcb_advisories"] = std::vector<std::string>{"INTEL-SA-1"};
  EXPECT_FALSE(matches(any, device_));
  EXPECT_TRUE(matches(only, device_));
  EXPECT_FALSE(matches(none, device_));
  device_.facts.more["tcb_advisories"] = std::vector<std::string>{"INTEL-SA-1", "INTEL-SA-2"};
  EXPECT_FALSE(matches(only, device_));
}

// The sample's first rule uses every condition: each one, broken alone, takes the device out of it.
TEST_F(Matching, NeedsEveryConditionOfARule) {
  using Break = void (*)(attest::RecordedDevice&);
  const std::vector<Break> breaks = {
      [](attest::RecordedDevice& d) { d.facts.key_protection = "unproven"; },
      [](attest::RecordedDevice& d) { d.facts.manufacturer = "id:00000000"; },
      [](attest::RecordedDevice& d) { d.facts.root = std::string(64, '1'); },
      [](attest::RecordedDevice& d) { d.facts.model = "another"; },
      [](attest::RecordedDevice& d) { d.labels["site"] = "paris"; },
      [](attest::RecordedDevice& d) { d.facts.pcrs[7] = std::string(64, '1'); },
  };
  const Policy policy = policy_of(test::sample);
  const TokenRequest request{"https://api.example", {}};
  EXPECT_TRUE(decide(policy, device_, request));
  for (const Break& break_one : breaks) {
    attest::RecordedDevice device = fitting_device();
    break_one(device);
    EXPECT_EQ(decide(policy, device, request).error().code, Code::policy_audience);
  }
}

}  // namespace
}  // namespace mintmark::policy
