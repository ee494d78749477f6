// What was booted decides: expected, changed, explained, allowed.
#include "base/bytes.h"
#include "base/file.h"
#include "booting.h"

namespace mintmark::test {
namespace {

class MeasuredBootOnAStack : public Booting {};

const BootRecipe with_new_loader = {.loader = "shim 15.9"};

std::string digest_of(const std::string& image) { return to_hex(sha256(image)); }

TEST_F(MeasuredBootOnAStack, AsExpectedPasses) {
  require("enforce", {{"secure_boot", true}, {"baseline", baseline()}});
  reboot();
  expect_token();
  EXPECT_EQ(booted()["last"]["outcome"], "passed");
  EXPECT_EQ(explained()["appraisal"]["outcome"], "passed");
  EXPECT_FALSE(agent_status().contains("refusal"));
}

TEST_F(MeasuredBootOnAStack, IsOnRecordWithItsFacts) {
  reboot();
  expect_token();
  const Json record = booted()["good"]["record"];
  EXPECT_EQ(record["log_given"], true);
  EXPECT_EQ(record["facts"]["secure_boot"], true);
  EXPECT_EQ(record["facts"]["exit_boot_services"], true);
  EXPECT_EQ(record["facts"]["kernel_command_lines"], Json::array({BootRecipe{}.command_line}));
  for (const auto& [index, value] : machine().last().pcrs("sha256"))
    EXPECT_EQ(record["pcrs"][std::to_string(index)], to_hex(value)) << index;
}

TEST_F(MeasuredBootOnAStack, WithAnotherBootLoaderIsRefusedExplainedAndAllowedByAPatch) {
  require("enforce", {{"secure_boot", true}, {"baseline", baseline()}});
  reboot(with_new_loader);
  expect_refused("boot_refused");
  EXPECT_EQ(agent_status()["refusal"]["code"], "boot_refused");
  EXPECT_EQ(booted()["last"]["outcome"], "refused");

  // The device learns which condition failed, and nothing of what would pass.
  const auto told = stack.agent({"attest"});
  EXPECT_EQ(told.status, 1);
  EXPECT_EQ(told.output.find(digest_of("shim 15.8")), std::string::npos) << told.output;

  const auto findings = failed(explained()["appraisal"]);
  ASSERT_EQ(findings.size(), 1U) << explained().dump(2);
  const Json& finding = findings.front();
  EXPECT_EQ(finding["pcr"], 4);
  EXPECT_EQ(finding["event_type"], "EV_EFI_BOOT_SERVICES_APPLICATION");
  EXPECT_NE(finding["likely"].get<std::string>().find("boot loader"), std::string::npos);
  const Json record = booted()["last"]["record"];
  for (const Json& event : record["events"]) {
    if (event["event"] != finding["event"]) continue;
    EXPECT_EQ(event["digest"], digest_of("shim 15.9"));
  }
  const auto text = mintctl({"devices", "explain", id()});
  EXPECT_EQ(text.status, 0);
  for (const std::string& word :
       {std::string("PCR 4"), "event " + finding["event"].dump(), digest_of("shim 15.9"),
        digest_of("shim 15.8"), std::string("boot loader")}) {
    EXPECT_NE(text.output.find(word), std::string::npos) << word << "\n" << text.output;
  }

  const std::string before = content("baseline.json") + content("policy.json");
  const Json proposed = stack.control({"policy", "allow", "--from", id()});
  EXPECT_EQ(content("baseline.json") + content("policy.json"), before);
  EXPECT_NE(proposed["diff"].get<std::string>().find(digest_of("shim 15.9")), std::string::npos);
  write("allow.diff", proposed["diff"]);
  const auto patched = execute({"patch", "-d", "/", "-p0", "-i", file("allow.diff")});
  ASSERT_EQ(patched.status, 0) << patched.output << proposed["diff"].get<std::string>();
  expect_refused("boot_refused");
  reload();
  const auto attested = stack.agent({"attest"});
  EXPECT_EQ(attested.status, 0) << attested.output;
  expect_token();
  EXPECT_FALSE(agent_status().contains("refusal"));
}

TEST_F(MeasuredBootOnAStack, ThatIsNotAllowedDoesNotPassUnderThePatchOfAnother) {
  require("enforce", {{"baseline", baseline()}});
  reboot(with_new_loader);
  expect_refused("boot_refused");
  write("allow.diff", stack.control({"policy", "allow", "--from", id()})["diff"]);
  ASSERT_EQ(execute({"patch", "-d", "/", "-p0", "-i", file("allow.diff")}).status, 0);
  reload();
  reboot({.loader = "shim 15.10"});
  expect_refused("boot_refused");
  reboot({.loader = "shim 15.9", .command_line = "/vmlinuz-6.1 init=/bin/sh"});
  expect_refused("boot_refused");
}

TEST_F(MeasuredBootOnAStack, InModeMonitorPassesAndSaysWhatEnforcingWouldHaveDone) {
  require("monitor", {{"baseline", baseline()}});
  reboot(with_new_loader);
  expect_token();
  const Json appraisal = explained()["appraisal"];
  EXPECT_EQ(appraisal["outcome"], "passed");
  EXPECT_EQ(appraisal["would_refuse"], true);
  const auto findings = failed(appraisal);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings.front()["mode"], "monitor");
  EXPECT_EQ(findings.front()["pcr"], 4);
}

TEST_F(MeasuredBootOnAStack, WithoutSecureBootIsRefusedWhereARuleWantsIt) {
  require("enforce", {{"secure_boot", true}});
  reboot({.secure_boot = false});
  expect_refused("boot_refused");
  ASSERT_FALSE(failed(explained()["appraisal"]).empty());
  EXPECT_EQ(failed(explained()["appraisal"]).front()["condition"], "secure_boot");
  reboot();
  expect_token();
}

TEST_F(MeasuredBootOnAStack, WithAnotherCommandLineIsRefusedWhereARuleNamesWords) {
  require("enforce", {{"kernel_command_line", {{"lacks", {"init="}}}}});
  reboot();
  expect_token();
  reboot({.command_line = "/vmlinuz-6.1 root=/dev/vda2 init=/bin/sh"});
  expect_refused("boot_refused");
}

TEST_F(MeasuredBootOnAStack, ByAnotherSignerIsRefusedWhereARuleNamesOne) {
  require("enforce", {{"boot_signers", {machine().vendor_fingerprint()}}});
  reboot();
  expect_token();
  require("enforce", {{"boot_signers", {digest_of("another certificate")}}});
  reboot();
  expect_refused("boot_refused");
}

TEST_F(MeasuredBootOnAStack, AgainIsNoticedByItsCounters) {
  reboot();
  expect_token();
  const Json first = booted()["good"]["record"];
  reboot();
  expect_token();
  const Json second = booted()["good"]["record"];
  EXPECT_EQ(second["reset_count"].get<std::uint32_t>(),
            first["reset_count"].get<std::uint32_t>() + 1);
  EXPECT_EQ(second["pcrs"], first["pcrs"]);
}

TEST_F(MeasuredBootOnAStack, IsShownAgainAtTheNextTokenWhereTheOperatorWantsThat) {
  const Json before = booted()["last"];
  reboot(with_new_loader);
  remember("boot_id", "");  // The agent itself sees no reason.
  const auto asked = mintctl({"devices", "attest", id()});
  ASSERT_EQ(asked.status, 0) << asked.output;
  expect_token();
  EXPECT_NE(booted()["last"]["record"]["pcrs"]["4"], before["record"]["pcrs"]["4"]);
}

TEST_F(MeasuredBootOnAStack, KeepsTheDevicesKeyOverReboots) {
  const Json key = agent_status()["key"];
  reboot();
  expect_token();
  EXPECT_EQ(agent_status()["key"], key);
}

}  // namespace
}  // namespace mintmark::test
