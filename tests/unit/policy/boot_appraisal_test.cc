// Modes, matching, and what is said of PCRs: for operators, for the device, as JSON.
#include <gtest/gtest.h>

#include "boot_sample.h"

namespace mintmark::policy {
namespace {

using attest::BootRecord;
using test::digest;
using test::good_boot;
using test::list_of;

const std::string pcr_4 = R"({"pcrs": {"4": )" + list_of(digest("04a")) + "}}";

Appraisal of_shim(const std::string& mode) {
  const BootRecord good = good_boot();
  return test::boot_policy_of(pcr_4, mode)
      .appraise(test::fitting_device(), test::boot_with_other_shim(), &good);
}

TEST(BootAppraisal, InModeEnforceRefuses) {
  const Appraisal appraisal = of_shim("enforce");
  EXPECT_TRUE(appraisal.refused());
  EXPECT_FALSE(appraisal.would_refuse());
  EXPECT_STREQ(appraisal.outcome(), "refused");
}

TEST(BootAppraisal, InModeMonitorPassesAndSaysWhatEnforcingWouldHaveDone) {
  const Appraisal appraisal = of_shim("monitor");
  EXPECT_FALSE(appraisal.refused());
  EXPECT_TRUE(appraisal.would_refuse());
  EXPECT_STREQ(appraisal.outcome(), "passed");
  EXPECT_TRUE(appraisal.text().starts_with("would have been refused: PCR 4 differs"));
}

TEST(BootAppraisal, OfADeviceThatNoRuleMatchesSaysSo) {
  const Policy policy = test::boot_policy_of(R"({"event_log": true})");
  attest::RecordedDevice device = test::fitting_device();
  device.facts.format = "key";
  const Appraisal appraisal = policy.appraise(device, good_boot(), nullptr);
  EXPECT_STREQ(appraisal.outcome(), "not_appraised");
  EXPECT_FALSE(appraisal.refused());
  EXPECT_EQ(appraisal.text(), "no boot rule is for this device: what it booted is not appraised");
}

Policy two_rules() {
  return test::policy_of(R"({"rules": [], "boot": [
    {"name": "a", "match": {"labels": {"site": "berlin"}}, "mode": "monitor",
     "expect": {"secure_boot": true}, "attest_again_seconds": 7200},
    {"name": "b", "match": {"format": "tpm2"}, "mode": "enforce",
     "expect": {"exit_boot_services": true}, "attest_again_seconds": 3600},
    {"name": "c", "match": {"labels": {"site": "paris"}}, "mode": "enforce",
     "expect": {"firmware_version": ["9"]}, "attest_again_seconds": 60}]})");
}

TEST(BootAppraisal, IsByEveryRuleThatMatchesAndTheShortestOfTheirTimes) {
  const Appraisal appraisal = two_rules().appraise(test::fitting_device(), good_boot(), nullptr);
  EXPECT_EQ(appraisal.rules, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(appraisal.findings.size(), 2U);
  EXPECT_EQ(appraisal.attest_again, std::chrono::seconds(3600));
  EXPECT_FALSE(appraisal.refused());
}

TEST(BootAppraisal, RefusesByAnEnforcedRuleWhateverAMonitoredOneSays) {
  BootRecord record = good_boot();
  record.facts.secure_boot = false;
  record.facts.exit_boot_services = false;
  const Appraisal appraisal = two_rules().appraise(test::fitting_device(), record, nullptr);
  EXPECT_TRUE(appraisal.refused());
  EXPECT_TRUE(appraisal.text().starts_with("ExitBootServices was not measured"));
}

TEST(BootAppraisal, TellsTheDeviceTheConditionAndNothingThatThePolicyAllows) {
  const Error error = of_shim("enforce").refusal();
  EXPECT_EQ(error.code, Code::boot_refused);
  EXPECT_EQ(error.detail,
            "what this machine booted is not what the policy allows (pcrs.4); the issuer's "
            "operator can see why");
}

TEST(BootAppraisal, TellsTheDeviceFourConditionsAtMostAndNoneTwice) {
  Appraisal appraisal;
  const auto add = [&](const char* condition, BootMode mode = BootMode::enforce) {
    Finding& finding = appraisal.findings.emplace_back();
    finding.condition = condition;
    finding.mode = mode;
  };
  for (const char* condition : {"pcrs.0", "pcrs.0", "pcrs.1", "pcrs.2", "pcrs.4"}) add(condition);
  add("drivers", BootMode::monitor);
  EXPECT_NE(appraisal.refusal().detail.find("(pcrs.0, pcrs.1, pcrs.2, pcrs.4)"), std::string::npos);
  add("secure_boot");
  EXPECT_NE(appraisal.refusal().detail.find("(pcrs.0, pcrs.1, pcrs.2, pcrs.4, …)"),
            std::string::npos);
}

TEST(BootAppraisal, OfWhichEveryConditionHoldsSaysSo) {
  const Appraisal appraisal = test::boot_policy_of(R"({"secure_boot": true})")
                                  .appraise(test::fitting_device(), good_boot(), nullptr);
  EXPECT_STREQ(appraisal.outcome(), "passed");
  EXPECT_FALSE(appraisal.would_refuse());
  EXPECT_EQ(appraisal.text(), "every condition holds");
  const Json finding = to_json(appraisal)["findings"].at(0);
  EXPECT_EQ(finding["ok"], true);
  for (const char* name : {"pcr", "event", "event_type", "last_good", "likely", "proposals"})
    EXPECT_FALSE(finding.contains(name)) << name;
}

TEST(BootAppraisal, IsJsonThatSaysWhenToAttestAgain) {
  BootRecord record = good_boot();
  record.facts.secure_boot = false;
  const Json json = to_json(two_rules().appraise(test::fitting_device(), record, nullptr));
  EXPECT_EQ(json["attest_again_seconds"], 3600);
  EXPECT_EQ(json["would_refuse"], true);
  EXPECT_EQ(json["findings"].at(0)["mode"], "monitor");
}

TEST(BootAppraisal, IsJsonWithEveryMember) {
  const Json json = to_json(of_shim("enforce"));
  EXPECT_EQ(json["outcome"], "refused");
  EXPECT_EQ(json["would_refuse"], false);
  EXPECT_EQ(json["rules"], Json::array({"machines"}));
  EXPECT_FALSE(json.contains("attest_again_seconds"));
  const Json& finding = json["findings"].at(0);
  EXPECT_EQ(finding["rule"], "machines");
  EXPECT_EQ(finding["mode"], "enforce");
  EXPECT_EQ(finding["condition"], "pcrs.4");
  EXPECT_EQ(finding["ok"], false);
  EXPECT_EQ(finding["has"], digest("04b"));
  EXPECT_EQ(finding["wants"], digest("04a"));
  EXPECT_EQ(finding["pcr"], 4);
  EXPECT_EQ(finding["event"], 8);
  EXPECT_EQ(finding["event_type"], "EV_EFI_BOOT_SERVICES_APPLICATION");
  EXPECT_EQ(finding["last_good"], test::shim);
  EXPECT_EQ(finding["likely"], "boot loader update");
  const Json proposal = {
      {"file", ""}, {"at", "/boot/0/expect/pcrs/4"}, {"add", Json::array({digest("04b")})}};
  EXPECT_EQ(finding["proposals"], Json::array({proposal}));
}

// ---- what is said of a PCR ----

std::string said_of(const BootRecord& record, const BootRecord* good, unsigned pcr = 4) {
  const std::string expect =
      R"({"pcrs": {")" + std::to_string(pcr) + R"(": )" + list_of(digest("1")) + "}}";
  return test::boot_policy_of(expect).appraise(test::fitting_device(), record, good).text();
}

TEST(BootExplanation, WithoutAGoodBootNamesTheValueAlone) {
  EXPECT_EQ(said_of(good_boot(), nullptr),
            "PCR 4 differs: its value " + digest("04a") +
                " is not one of the 1 allowed; there is no good boot to compare with");
}

TEST(BootExplanation, OfAValueThatTheLastGoodBootHadBlamesThePolicy) {
  const BootRecord good = good_boot();
  EXPECT_EQ(said_of(good, &good),
            "PCR 4 differs: its value " + digest("04a") +
                " is not one of the 1 allowed; the last good boot had the same; likely: the policy "
                "changed");
}

TEST(BootExplanation, WithoutALogSaysThatNothingCanSayWhy) {
  const BootRecord good = good_boot();
  BootRecord record = test::boot_with_other_shim();
  record.log_given = false;
  EXPECT_EQ(said_of(record, &good), "PCR 4 differs: its value " + digest("04b") +
                                        " is not one of the 1 allowed; the last good boot had " +
                                        digest("04a") +
                                        "; there is no event log that could say why");
}

TEST(BootExplanation, OfAGoodBootOfAnotherBankComparesNothing) {
  BootRecord good = good_boot();
  good.bank = "sha384";
  EXPECT_NE(said_of(test::boot_with_other_shim(), &good).find("there is no good boot"),
            std::string::npos);
}

TEST(BootExplanation, NamesAnEventThatIsMissing) {
  const BootRecord good = good_boot();
  BootRecord record = good_boot();
  record.pcrs[7] = digest("07b");
  record.events.erase(record.events.begin() + 4);
  EXPECT_EQ(
      said_of(record, &good, 7),
      "PCR 7 differs: the last good boot had event 4, EV_EFI_VARIABLE_DRIVER_CONFIG, digest " +
          digest("9c1") + " (dbx), which is missing now; likely a dbx update");
}

TEST(BootExplanation, CountsWhatElseChanged) {
  const BootRecord good = good_boot();
  BootRecord record = test::boot_with_other_shim();
  record.events.at(9).digest = digest("e6");
  record.events.at(10).digest = digest("e7");
  const std::string text = said_of(record, &good);
  EXPECT_TRUE(text.ends_with("likely a boot loader update (and 2 more events)")) << text;
}

TEST(BootExplanation, OfTheSameEventsInAnotherOrderSaysSo) {
  const BootRecord good = good_boot();
  BootRecord record = good_boot();
  record.pcrs[4] = digest("04b");
  std::swap(record.events.at(8).digest, record.events.at(9).digest);
  std::swap(record.events.at(8).what, record.events.at(9).what);
  EXPECT_NE(said_of(record, &good).find("the same events, in another order"), std::string::npos);
}

std::string likely_in(const BootRecord& record, const BootRecord& good, unsigned pcr) {
  const std::string expect =
      R"({"pcrs": {")" + std::to_string(pcr) + R"(": )" + list_of(digest("1")) + "}}";
  return test::boot_policy_of(expect)
      .appraise(test::fitting_device(), record, &good)
      .findings.at(0)
      .likely;
}

/// What is likely when the event of that number has another digest.
std::string likely(std::uint32_t number, unsigned pcr) {
  BootRecord record = good_boot();
  record.pcrs[pcr] = digest("b");
  record.events.at(number).digest = digest("ee");
  return likely_in(record, good_boot(), pcr);
}

TEST(BootExplanation, FindsTheWordsByWhatTheEventIs) {
  EXPECT_EQ(likely(1, 0), "firmware update");
  EXPECT_EQ(likely(3, 7), "Secure Boot keys changed");
  EXPECT_EQ(likely(4, 7), "dbx update");
  EXPECT_EQ(likely(6, 7), "an image of another signer was started");
  EXPECT_EQ(likely(8, 4), "boot loader update");
  EXPECT_EQ(likely(9, 4), "boot loader update");
  EXPECT_EQ(likely(10, 4), "kernel update");
  EXPECT_EQ(likely(11, 8), "kernel command line changed");
  EXPECT_EQ(likely(12, 9), "kernel update");
}

/// What is likely where the last event, of that PCR and type, said this.
std::string likely_of(unsigned pcr, const std::string& type, const std::string& what) {
  BootRecord good = good_boot();
  good.pcrs[pcr] = digest("a");
  BootRecord record = good;
  record.pcrs[pcr] = digest("b");
  test::add_event(good, pcr, type, digest("c1"), what);
  test::add_event(record, pcr, type, digest("c2"), what);
  return likely_in(record, good, pcr);
}

TEST(BootExplanation, FindsTheWordsByWhatALoaderSaysOrByItsPcr) {
  EXPECT_EQ(likely_of(8, "EV_IPL", "grub_cmd: linux /vmlinuz"), "kernel update");
  EXPECT_EQ(likely_of(8, "EV_IPL", "grub_cmd: initrd /initrd.img"), "kernel update");
  EXPECT_EQ(likely_of(8, "EV_IPL", "kernel_cmdline: quiet"), "kernel command line changed");
  EXPECT_EQ(likely_of(12, "EV_IPL", "Kernel Command Line quiet"), "kernel command line changed");
  EXPECT_EQ(likely_of(8, "EV_IPL", "grub_cmd: menuentry"), "boot loader configuration changed");
  EXPECT_EQ(likely_of(4, "EV_IPL", "stage 2"), "boot loader update");
  EXPECT_EQ(likely_of(9, "EV_IPL", "a file"), "kernel update");
  EXPECT_EQ(likely_of(11, "EV_IPL", ".osrel"), "kernel update");
  EXPECT_EQ(likely_of(12, "EV_IPL", "addon"), "kernel command line changed");
  EXPECT_EQ(likely_of(14, "EV_IPL", "MokList"), "machine owner keys changed");
  EXPECT_EQ(likely_of(14, "EV_IPL", "other"), "machine owner keys changed");
  EXPECT_EQ(likely_of(7, "EV_EFI_VARIABLE_AUTHORITY", "SbatLevel"), "SBAT level update");
  EXPECT_EQ(likely_of(7, "EV_EFI_VARIABLE_AUTHORITY", "MokListRT"), "machine owner keys changed");
  EXPECT_EQ(likely_of(1, "EV_EFI_VARIABLE_BOOT", "BootOrder"), "boot order changed");
}

TEST(BootExplanation, OfTheSecureBootVariableSaysWhichWayItWasTurned) {
  const BootRecord good = good_boot();
  BootRecord record = good_boot();
  record.pcrs[7] = digest("b");
  record.events.at(2).digest = digest("ee");
  record.facts.secure_boot = false;
  EXPECT_TRUE(said_of(record, &good, 7).ends_with("likely: Secure Boot was turned off"));
  record.facts.secure_boot = true;
  EXPECT_TRUE(said_of(record, &good, 7).ends_with("likely: Secure Boot was turned on"));
}

TEST(BootExplanation, OfAnApplicationThatReplacedNoneCallsItNoUpdate) {
  const BootRecord good = good_boot();
  BootRecord record = good_boot();
  record.pcrs[4] = digest("b");
  test::add_application(record, digest("ee"), "\\EFI\\memtest.efi");
  const std::string text = said_of(record, &good);
  EXPECT_TRUE(
      text.ends_with("the last good boot had no such event; likely: another boot "
                     "application was started"))
      << text;
}

TEST(BootExplanation, LeavesOutWhatWasNeverExtended) {
  const BootRecord good = good_boot();
  BootRecord record = good_boot();
  record.pcrs[0] = digest("b");
  record.events.at(0).digest = digest("ee");
  EXPECT_NE(said_of(record, &good, 0).find("the same events"), std::string::npos);
}

TEST(BootExplanation, OfAThousandChangedEventsIsMadeInNoTime) {
  BootRecord good = good_boot();
  BootRecord record = good_boot();
  record.pcrs[4] = digest("b");
  for (int i = 0; i < 20'000; ++i) {
    test::add_event(good, 4, "EV_IPL", "a" + std::to_string(i), "");
    test::add_event(record, 4, "EV_IPL", "b" + std::to_string(i), "");
  }
  const std::string text = said_of(record, &good);
  EXPECT_TRUE(text.ends_with("(and 19999 more events)")) << text;
}

}  // namespace
}  // namespace mintmark::policy
