// What a result says of each kind of device, and what it never says.
#include "issuer/device_result.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"

namespace mintmark::issuer {
namespace {

constexpr std::int64_t now = 1'800'000'000;
constexpr std::chrono::seconds freshness{3600};

const ResultOptions options{
    .issuer = "https://issuer.example", .build = "mintd 1.2.3", .life = std::chrono::seconds(300)};

class DeviceResult : public ::testing::Test {
 protected:
  DeviceResult() {
    device.id = "AAECAwQFBgcICQoLDA0ODw";  // 0 to 15
    device.state = "enrolled";
    device.jkt = "the-thumbprint";
    device.attested_at = from_unix(now - 60);
    device.labels = {{"site", "berlin"}};
    device.facts.format = "tpm2";
    device.facts.key_protection = "hardware";
    device.facts.standing = "trusted";
    device.facts.proves = {attest::proves::boot_state, attest::proves::hardware,
                           attest::proves::token_key};
    device.facts.memory = {{"counter", "17"}};
    device.facts.chain = {{"CN=leaf", "CN=ca", "00"}};
    device.facts.pcr_bank = "sha256";
    device.facts.pcrs = {{7, "aa"}};
    device.boot = "passed";
  }

  [[nodiscard]] Json claims(const ResultWish& wish = {}) const {
    const auto standing =
        attest::check_standing(device, device.jkt, freshness, from_unix(now)).value();
    return result_claims(standing, options, wish, from_unix(now));
  }
  /// instance-identity, configuration, executables, hardware
  void expect_vector(std::array<int, 4> wanted, std::string_view status) const {
    const Json all = claims();
    const Json& appraisal = all["submods"][device.facts.format];
    const Json expected = {{"instance-identity", wanted[0]},
                           {"configuration", wanted[1]},
                           {"executables", wanted[2]},
                           {"hardware", wanted[3]}};
    EXPECT_EQ(appraisal["ear_trustworthiness_vector"], expected);
    EXPECT_EQ(appraisal["ear_status"], status);
    EXPECT_EQ(all["ear_status"], status);
  }

  attest::RecordedDevice device;
};

TEST_F(DeviceResult, NamesIssuerDeviceKeyTimesAndProfile) {
  const Json all = claims();
  EXPECT_EQ(all["eat_profile"], "tag:ietf.org,2026:rats/ear#04");
  EXPECT_EQ(all["iss"], "https://issuer.example");
  EXPECT_EQ(all["sub"], device.id);
  EXPECT_EQ(all["iat"], now);
  EXPECT_EQ(all["exp"], now + 300);
  EXPECT_EQ(all["cnf"], (Json{{"jkt", "the-thumbprint"}}));
  EXPECT_EQ(all["ear_verifier_id"], (Json{{"developer", "Mintmark"}, {"build", "mintd 1.2.3"}}));
  EXPECT_EQ(all["submods"].size(), 1U);
}

TEST_F(DeviceResult, HasNothingThatMakesAToken) {
  const Json all = claims();
  for (const char* name : {"aud", "scope", "client_id", "azp"}) EXPECT_FALSE(all.contains(name));
}

TEST_F(DeviceResult, IsNoLongerGoodThanTheEvidence) {
  device.attested_at = from_unix(now) - freshness + std::chrono::seconds(100);
  EXPECT_EQ(claims()["exp"], now + 100);
}

TEST_F(DeviceResult, BearsAUeidOfTheDevicesRandomName) {
  const auto ueid = jose::from_base64url(claims()["ueid"].get<std::string>());
  ASSERT_TRUE(ueid);
  ASSERT_EQ(ueid->size(), 17U);
  EXPECT_EQ(ueid->front(), 0x01);
  EXPECT_EQ(ueid->back(), 15);
  device.id = "a-name-of-another-kind";
  EXPECT_FALSE(claims().contains("ueid"));
}

TEST_F(DeviceResult, EchoesTheNonceAndHasNoneUnasked) {
  EXPECT_EQ(claims({.nonce = "12345678"})["eat_nonce"], "12345678");
  EXPECT_FALSE(claims().contains("eat_nonce"));
}

TEST_F(DeviceResult, TakesNoncesOf8To88PrintableCharacters) {
  for (const std::string& good : {std::string(), std::string(8, 'a'), std::string(88, '~')})
    EXPECT_TRUE(check_wish({.nonce = good})) << good;
  for (const std::string& bad :
       {std::string("1234567"), std::string(89, 'a'), std::string("with a space"),
        std::string("with\nline"), std::string("n\xC3\xB6nascii"), std::string(8, '\0')}) {
    const auto fits = check_wish({.nonce = bad});
    ASSERT_FALSE(fits) << bad;
    EXPECT_EQ(fits.error().code, Code::invalid_argument);
  }
}

TEST_F(DeviceResult, TellsFactsButNeverMemoryChainOrLabelsUnasked) {
  device.facts.more = {{"os_version", std::int64_t{140000}}, {"boot_locked", true}};
  const Json all = claims();
  const Json& told = all["submods"]["tpm2"]["mintmark"];
  EXPECT_EQ(told["format"], "tpm2");
  EXPECT_EQ(told["key_protection"], "hardware");
  EXPECT_EQ(told["proves"], (Json{"boot_state", "hardware", "token_key"}));
  EXPECT_EQ(told["facts"], (Json{{"os_version", 140000}, {"boot_locked", true}}));
  EXPECT_EQ(told["pcr_bank"], "sha256");
  EXPECT_EQ(told["pcrs"], (Json{{"7", "aa"}}));
  EXPECT_EQ(told["attested_at"], now - 60);
  EXPECT_EQ(told["boot"], "passed");
  for (const char* name : {"memory", "chain", "labels"}) EXPECT_FALSE(told.contains(name)) << name;
  EXPECT_EQ(all.dump().find("berlin"), std::string::npos);
}

TEST_F(DeviceResult, TellsLabelsWhereTheyAreAskedFor) {
  const Json all = claims({.nonce = {}, .labels = true});
  EXPECT_EQ(all["submods"]["tpm2"]["mintmark"]["labels"], (Json{{"site", "berlin"}}));
}

TEST_F(DeviceResult, AffirmsATrustedTpmWhoseBootPassed) {
  expect_vector({2, 2, 3, 2}, "affirming");
}

TEST_F(DeviceResult, WarnsOfABootThatWouldBeRefused) {
  device.boot = "would_be_refused";
  expect_vector({2, 32, 33, 2}, "warning");
}

TEST_F(DeviceResult, ContraindicatesABootThatWasRefused) {
  device.boot = "refused";
  expect_vector({2, 96, 96, 2}, "contraindicated");
}

TEST_F(DeviceResult, SaysNothingOfABootThatNobodyJudged) {
  for (const char* boot : {"not_appraised", "", "a word of tomorrow"}) {
    device.boot = boot;
    expect_vector({2, 0, 0, 2}, "affirming");
  }
}

TEST_F(DeviceResult, SaysNothingOfHardwareThatOnlyAPersonLetIn) {
  device.facts.standing = "review";
  device.facts.key_protection = "unproven";
  device.facts.proves = {};
  expect_vector({0, 0, 0, 0}, "none");
  EXPECT_FALSE(claims().contains("ueid")) << "no hardware is known to bear it";
  device.boot = "refused";
  expect_vector({0, 96, 96, 0}, "contraindicated");
}

TEST_F(DeviceResult, SaysNothingGoodOfABootThatIsNotProven) {
  device.facts.format = "android-key";
  device.facts.proves = {attest::proves::hardware};
  device.boot = "";
  device.facts.more = {{"boot_state", std::string("verified")}, {"boot_locked", true}};
  expect_vector({2, 0, 0, 2}, "affirming");
}

TEST_F(DeviceResult, SaysNothingOfHardwareThatTheEvidenceDoesNotProve) {
  device.facts.proves = {attest::proves::application, attest::proves::boot_state};
  expect_vector({0, 2, 3, 0}, "none");
}

TEST_F(DeviceResult, SaysNothingAtAllOfAKeyThatOnlyShowedItself) {
  device.facts = {};
  device.facts.format = "key";
  device.facts.key_protection = "none";
  device.boot = "passed";  // Whatever stands there.
  expect_vector({0, 0, 0, 0}, "none");
  const Json all = claims();
  EXPECT_EQ(all["exp"], now + 300) << "it has no evidence that could age";
  EXPECT_FALSE(all.contains("ueid"));
}

TEST_F(DeviceResult, GoesByTheVendorsWordOnTheTcb) {
  device.facts.format = "tdx";
  device.boot = "";
  device.facts.more["tcb_status"] = std::string("UpToDate");
  expect_vector({2, 0, 0, 2}, "affirming");
  for (const char* weak : {"OutOfDate", "SWHardeningNeeded", "a word of tomorrow"}) {
    device.facts.more["tcb_status"] = std::string(weak);
    expect_vector({2, 0, 0, 32}, "warning");
  }
  device.facts.more["tcb_status"] = std::string("Revoked");
  expect_vector({2, 0, 0, 96}, "contraindicated");
  device.facts.more["tcb_status"] = std::string("not_evaluated");
  expect_vector({2, 0, 0, 0}, "none");
}

TEST_F(DeviceResult, AffirmsNoHardwareOfWhichPartsWereNotLookedAt) {
  device.boot = "";
  device.facts.more["not_evaluated"] = std::vector<std::string>{"revocation"};
  expect_vector({2, 0, 0, 0}, "none");
  device.facts.more["not_evaluated"] = std::vector<std::string>{};
  expect_vector({2, 0, 0, 2}, "affirming");
}

TEST_F(DeviceResult, GoesByAndroidsVerifiedBoot) {
  device.facts.format = "android-key";
  device.boot = "";
  device.facts.more = {{"boot_state", std::string("verified")}, {"boot_locked", true}};
  expect_vector({2, 0, 3, 2}, "affirming");
  device.facts.more["boot_locked"] = false;
  expect_vector({2, 0, 33, 2}, "warning");
  device.facts.more = {{"boot_state", std::string("self_signed")}, {"boot_locked", true}};
  expect_vector({2, 0, 33, 2}, "warning");
  device.facts.more["boot_state"] = std::string("failed");
  expect_vector({2, 0, 96, 2}, "contraindicated");
}

TEST_F(DeviceResult, IsNeverBetterThanTheForeignVerifiersWord) {
  device.facts.format = "eat";
  device.boot = "";
  for (const auto& [said, status] :
       std::map<std::string, std::string>{{"affirming", "affirming"},
                                          {"none", "affirming"},
                                          {"warning", "warning"},
                                          {"contraindicated", "contraindicated"}}) {
    device.facts.more["attester_status"] = said;
    expect_vector({0, 0, 0, 2}, status);
  }
}

}  // namespace
}  // namespace mintmark::issuer
