#include "attest/android_key/key_description.h"

#include <gtest/gtest.h>

#include "support/android_chain.h"

namespace mintmark::test {
namespace {

using namespace attest::android_key;

KeyDescription read(const Json& description) {
  auto parsed = parse_key_description(key_description_der(description));
  EXPECT_TRUE(parsed) << parsed.error().to_string();
  return parsed.value_or(KeyDescription{});
}

Code refusal_of(BytesView der) {
  const auto parsed = parse_key_description(der);
  return parsed ? Code::internal : parsed.error().code;
}

Code refusal(const Json& description) { return refusal_of(key_description_der(description)); }

// The good description with these octets in the place of those, which stand in it once.
Code refusal_with(const std::string& what, const std::string& instead) {
  std::string hex = to_hex(key_description_der(good_key_description()));
  const std::size_t at = hex.find(what);
  EXPECT_NE(at, std::string::npos);
  EXPECT_EQ(hex.find(what, at + 1), std::string::npos);
  hex.replace(at, what.size(), instead);
  return refusal_of(*from_hex(hex));
}

TEST(KeyDescription, TellsWhatTheKeyIsAndWhoAskedForIt) {
  const KeyDescription description = read(good_key_description());
  EXPECT_EQ(description.attestation_version, 300);
  EXPECT_EQ(description.attestation_security_level, SecurityLevel::trusted_environment);
  EXPECT_TRUE(description.hardware_enforced.holds(Tag::purpose, purpose_sign));
  EXPECT_EQ(description.hardware_enforced.number(Tag::origin), origin_generated);
  EXPECT_EQ(description.hardware_enforced.text(Tag::id_model), "Handset 1");
  EXPECT_EQ(description.hardware_enforced.patch_level(Tag::os_patch_level), 202408);
  EXPECT_TRUE(description.hardware_enforced.in_order);
  const RootOfTrust* root = description.hardware_enforced.root_of_trust();
  ASSERT_NE(root, nullptr);
  EXPECT_TRUE(root->device_locked);
  EXPECT_EQ(root->verified_boot_state, BootState::verified);
  const ApplicationId* id = description.software_enforced.application_id();
  ASSERT_NE(id, nullptr);
  EXPECT_EQ(id->packages.at(0).name, "org.example.agent");
  EXPECT_EQ(description.hardware_enforced.application_id(), nullptr);
}

TEST(KeyDescription, ComesBackFromDerAsItWas) {
  Json expected = good_key_description();
  expected["softwareEnforced"]["areTagsOrdered"] = true;
  expected["hardwareEnforced"]["areTagsOrdered"] = true;
  EXPECT_EQ(to_json(read(expected)), expected);
}

TEST(KeyDescription, OfEveryVersionThatWasReleasedAndOfLaterHundredsIsRead) {
  for (const char* version : {"1", "2", "3", "4", "100", "200", "300", "400", "500", "9900"}) {
    Json description = good_key_description();
    description["attestationVersion"] = version;
    EXPECT_EQ(std::to_string(read(description).attestation_version), version);
  }
}

TEST(KeyDescription, OfAVersionThatNobodyKnowsIsRefused) {
  for (const char* version : {"0", "5", "99", "101", "350", "10100", "99999999999999999999"}) {
    Json description = good_key_description();
    description["attestationVersion"] = version;
    EXPECT_EQ(refusal(description), Code::android_version_unknown) << version;
  }
}

TEST(KeyDescription, WithUnknownTagsIsReadOverThem) {
  Json description = good_key_description();
  description["hardwareEnforced"]["unknownTags"] = {725, 99'999};
  const KeyDescription parsed = read(description);
  EXPECT_EQ(parsed.hardware_enforced.unknown, (std::vector<std::uint32_t>{725, 99'999}));
  EXPECT_EQ(to_json(parsed)["hardwareEnforced"]["unknownTags"], Json({725, 99'999}));
}

TEST(KeyDescription, WithTagsOutOfOrderIsReadAndSaysSo) {
  Json description = good_key_description();
  description["hardwareEnforced"]["unknownTags"] = {12};
  EXPECT_FALSE(read(description).hardware_enforced.in_order);
}

TEST(KeyDescription, WithMoreFieldsThanAnyVersionHasIsRefused) {
  Json description = good_key_description();
  for (int i = 0; i < 200; ++i) description["hardwareEnforced"]["unknownTags"].push_back(1000 + i);
  EXPECT_EQ(refusal(description), Code::android_extension_malformed);
}

TEST(KeyDescription, WithAFieldTwiceIsRefused) {
  Json description = good_key_description();
  description["hardwareEnforced"]["unknownTags"] = {503};
  EXPECT_EQ(refusal(description), Code::android_extension_malformed);
}

TEST(KeyDescription, WithAFieldOfAnotherTypeIsRefused) {
  // osPatchLevel, noAuthRequired, purpose, deviceLocked: each with another universal tag.
  EXPECT_EQ(refusal_with("bf854205020303", "bf854205040303"), Code::android_extension_malformed);
  EXPECT_EQ(refusal_with("bf8377020500", "bf8377020400"), Code::android_extension_malformed);
  EXPECT_EQ(refusal_with("a1053103020102", "a1053003020102"), Code::android_extension_malformed);
  EXPECT_EQ(refusal_with("0101ff0a0100", "0401ff0a0100"), Code::android_extension_malformed);
}

TEST(KeyDescription, OfABootStateOrALevelThatNobodyKnowsIsRefused) {
  EXPECT_EQ(refusal_with("0101ff0a0100", "0101ff0a0104"), Code::android_extension_malformed);
  Json description = good_key_description();
  description["keyMintSecurityLevel"] = "NO_SUCH_LEVEL";
  EXPECT_EQ(refusal(description), Code::android_extension_malformed);
}

// Some devices write 1; Google's verifier takes it.
TEST(KeyDescription, OfABooleanThatIsNotDersIsReadAsTrue) {
  std::string hex = to_hex(key_description_der(good_key_description()));
  hex.replace(hex.find("0101ff0a0100"), 6, "010101");
  const auto parsed = parse_key_description(*from_hex(hex));
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_TRUE(parsed->hardware_enforced.root_of_trust()->device_locked);
}

TEST(KeyDescription, WithTextThatIsNoUtf8OrTurnsTheLineTellsNone) {
  std::string hex = to_hex(key_description_der(good_key_description()));
  hex.replace(hex.find(to_hex(as_bytes("Example"))), 2, "ff");
  const auto parsed = parse_key_description(*from_hex(hex));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->hardware_enforced.text(Tag::id_manufacturer), "");
  EXPECT_FALSE(to_json(*parsed)["hardwareEnforced"].contains("attestationIdManufacturer"));
  Json description = good_key_description();
  description["hardwareEnforced"]["attestationIdModel"] = "a\nb";
  EXPECT_EQ(read(description).hardware_enforced.text(Tag::id_model), "a?b");
}

TEST(KeyDescription, OfAPackageWithAControlCharacterOrNoUtf8IsRefused) {
  Json description = good_key_description();
  description["softwareEnforced"]["attestationApplicationId"]["packages"][0]["name"] = "org\n";
  EXPECT_EQ(refusal(description), Code::android_extension_malformed);
}

TEST(KeyDescription, OfMorePackagesOrSignersThanFactsKeepIsRefused) {
  Json description = good_key_description();
  Json& id = description["softwareEnforced"]["attestationApplicationId"];
  for (const char* member : {"packages", "signatures"}) {
    const Json one = id[member][0];
    while (id[member].size() < most_of_an_application) id[member].push_back(one);
    EXPECT_EQ(to_json(read(description))["softwareEnforced"]["attestationApplicationId"], id);
    id[member].push_back(one);
    EXPECT_EQ(refusal(description), Code::android_extension_malformed) << member;
    id[member].erase(0);
  }
}

TEST(KeyDescription, TellsNoPatchLevelThatIsNoDate) {
  for (const char* level : {"0", "202413", "202400", "2024080", "999999999"}) {
    Json description = good_key_description();
    description["hardwareEnforced"]["osPatchLevel"] = level;
    const KeyDescription parsed = read(description);
    EXPECT_FALSE(parsed.hardware_enforced.patch_level(Tag::os_patch_level)) << level;
    EXPECT_FALSE(to_json(parsed)["hardwareEnforced"].contains("osPatchLevel")) << level;
  }
}

TEST(KeyDescription, WithNumbersBeyond64BitsTellsThemAsTextAlone) {
  Json description = good_key_description();
  description["hardwareEnforced"]["usageExpireDateTime"] = "18446744073709551615";
  const KeyDescription parsed = read(description);
  EXPECT_FALSE(parsed.hardware_enforced.number(Tag::usage_expire_date_time));
  EXPECT_EQ(to_json(parsed)["hardwareEnforced"]["usageExpireDateTime"], "18446744073709551615");
  description["hardwareEnforced"]["usageExpireDateTime"] = std::string(60, '9');
  EXPECT_EQ(refusal(description), Code::android_extension_malformed);
}

TEST(KeyDescription, CutAnywhereOrOneOctetLongerIsRefused) {
  const Bytes whole = key_description_der(good_key_description());
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_EQ(refusal_of(BytesView(whole).first(length)), Code::android_extension_malformed);
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_EQ(refusal_of(longer), Code::android_extension_malformed);
  EXPECT_EQ(refusal_of(Bytes(9000, 0x30)), Code::android_extension_malformed);
}

TEST(KeyDescription, OfIndefiniteLengthIsRefused) {
  EXPECT_EQ(refusal_with("a203020103",
                         "a280020103"
                         "0000"),
            Code::android_extension_malformed);
}

}  // namespace
}  // namespace mintmark::test
