// Each condition on a boot: that it holds for the good one, for what it fails and what is said
// then, and that it fails without the log that it goes by.
#include <gtest/gtest.h>

#include <ctime>
#include <functional>

#include "base/bytes.h"
#include "boot_sample.h"

namespace mintmark::policy {
namespace {

using attest::BootRecord;
using test::digest;
using test::good_boot;
using test::list_of;

using Break = std::function<void(BootRecord&)>;

struct Condition {
  const char* name;
  std::string expect;
  Break broken;
  std::string finding;  ///< The name that the finding has.
  std::string text;
  bool needs_log = true;
};

std::vector<Condition> conditions() {
  return {
      {"Pcrs", R"({"pcrs": {"4": )" + list_of(digest("04a")) + "}}",
       [](BootRecord& record) { record = test::boot_with_other_shim(); }, "pcrs.4",
       "PCR 4 differs: event 8, EV_EFI_BOOT_SERVICES_APPLICATION, digest " + digest("e5") +
           " (\\EFI\\debian\\shimx64.efi) is not one of the allowed; the last good boot had " +
           test::shim + "; likely a boot loader update",
       false},
      {"SecureBoot", R"({"secure_boot": true})",
       [](BootRecord& record) { record.facts.secure_boot = false; }, "secure_boot",
       "Secure Boot is off, and must be on; at the last good boot it was on; likely: Secure Boot "
       "was turned off"},
      {"DbxContains", R"({"dbx_contains": )" + list_of(test::dbx_entry) + "}",
       [](BootRecord& record) { record.facts.dbx.clear(); }, "dbx_contains",
       "dbx lacks " + test::dbx_entry +
           ", which it had at the last good boot; likely: dbx was set back"},
      {"DbOnly", R"({"db_only": )" + list_of(test::microsoft_certificate) + "}",
       [](BootRecord& record) {
         record.facts.db.push_back({"x509", digest("bad"), "CN=Mallory", ""});
       },
       "db_only",
       "db holds x509 " + digest("bad") +
           " (CN=Mallory), which is not one of the allowed; the last good boot had it not; likely: "
           "Secure Boot keys changed"},
      {"KekOnly", R"({"kek_only": )" + list_of(digest("8")) + "}",
       [](BootRecord& record) { record.facts.kek.at(0).digest = digest("bad"); }, "kek_only",
       "kek holds x509 " + digest("bad") +
           " (CN=KEK), which is not one of the allowed; the last good boot had it not; likely: "
           "Secure Boot keys changed"},
      {"PkOnly", R"({"pk_only": )" + list_of(digest("9")) + "}",
       [](BootRecord& record) { record.facts.pk.clear(); }, "pk_only",
       "pk was not measured, or is empty"},
      {"BootSigners", R"({"boot_signers": )" + list_of(test::microsoft_certificate) + "}",
       [](BootRecord& record) {
         record.facts.authorities.at(0).entry = {"x509", digest("bad"), "CN=Mallory", ""};
       },
       "boot_signers",
       "event 6: an image was let through by an entry of db that is not one of the allowed: " +
           digest("bad") + " (CN=Mallory); the last good boot had " + test::microsoft_certificate +
           "; likely: an image of another signer was started"},
      {"BootApplications",
       R"({"boot_applications": [")" + test::shim + R"(", ")" + test::grub + R"(", ")" +
           test::kernel + "\"]}",
       [](BootRecord& record) { record = test::boot_with_other_shim(); }, "boot_applications",
       "PCR 4 differs: event 8, EV_EFI_BOOT_SERVICES_APPLICATION, digest " + digest("e5") +
           " (\\EFI\\debian\\shimx64.efi) is not one of the allowed; the last good boot had " +
           test::shim + "; likely a boot loader update"},
      {"Drivers",
       R"({"drivers": [")" + digest("d1") + R"(", ")" + test::shim + R"(", ")" + test::grub +
           R"(", ")" + test::kernel + "\"]}",
       [](BootRecord& record) {
         record.facts.images.push_back({13, 2, "EV_EFI_BOOT_SERVICES_DRIVER", "", digest("d2")});
         test::add_event(record, 2, "EV_EFI_BOOT_SERVICES_DRIVER", digest("d2"), "");
       },
       "drivers",
       "PCR 2 differs: event 13, EV_EFI_BOOT_SERVICES_DRIVER, digest " + digest("d2") +
           " is not one of the allowed; the last good boot had no such event; likely an option ROM "
           "or driver update"},
      {"CommandLineContains", R"({"kernel_command_line": {"contains": ["ro quiet", "root="]}})",
       [](BootRecord& record) {
         record.facts.kernel_command_lines = {"/vmlinuz root=/dev/vda1 rw"};
       },
       "kernel_command_line.contains",
       "the kernel command line lacks \"ro quiet\"; the last good boot had \"" +
           std::string(test::command_line) + "\"; likely: kernel command line changed"},
      {"CommandLineLacks", R"({"kernel_command_line": {"lacks": ["init="]}})",
       [](BootRecord& record) { record.facts.kernel_command_lines.at(0) += " init=/bin/sh"; },
       "kernel_command_line.lacks",
       "the kernel command line has \"init=\"; the last good boot had \"" +
           std::string(test::command_line) + "\"; likely: kernel command line changed"},
      {"CommandLineIs",
       R"({"kernel_command_line": {"is": [")" + std::string(test::command_line) + "\"]}}",
       [](BootRecord& record) { record.facts.kernel_command_lines.emplace_back("single"); },
       "kernel_command_line.is",
       "the kernel command line \"single\" is not one of the allowed; the last good boot had \"" +
           std::string(test::command_line) + "\"; likely: kernel command line changed"},
      {"FirmwareVersion", R"({"firmware_version": ["1.16.0"]})",
       [](BootRecord& record) { record.facts.firmware_version = "1.17.0"; }, "firmware_version",
       "the firmware's version is 1.17.0, which is not one of the allowed; the last good boot had "
       "1.16.0; likely a firmware update"},
      {"ExitBootServices", R"({"exit_boot_services": true})",
       [](BootRecord& record) { record.facts.exit_boot_services = false; }, "exit_boot_services",
       "ExitBootServices was not measured: the list of what was started may not be whole"},
      {"ClockSafe", R"({"clock_safe": true})",
       [](BootRecord& record) { record.clock_safe = false; }, "clock_safe",
       "the TPM's clock is not safe: it may have stood at a later time before; it is safe again "
       "after an orderly shutdown or some minutes of running",
       false},
      {"EventLog", R"({"event_log": true})", [](BootRecord& record) { record.log_given = false; },
       "event_log", "event_log: no event log was given to judge it by"},
      {"ImaViolations", R"({"ima": {"violations": 0}})",
       [](BootRecord& record) { record.ima->violations = 1; }, "ima.violations",
       "IMA noted 1 violation: a file was written while it was measured", false},
      {"ImaReference", R"({"ima": {"reference": "files.sha256"}})",
       [](BootRecord& record) {
         record.ima->files.emplace_back("/usr/bin/evil", "sha256:" + digest("ee"));
       },
       "ima.reference",
       "a file was measured that files.sha256 does not list: sha256:" + digest("ee") +
           "  /usr/bin/evil",
       false},
      {"Reference", R"({"reference": "vendor.json"})",
       [](BootRecord& record) { record = test::boot_with_other_shim(); }, "reference.4",
       "PCR 4 differs: event 8, EV_EFI_BOOT_SERVICES_APPLICATION, digest " + digest("e5") +
           " (\\EFI\\debian\\shimx64.efi) is not one of the allowed; the last good boot had " +
           test::shim + "; likely a boot loader update"},
      {"Baseline", R"({"baseline": "vendor.json"})",
       [](BootRecord& record) { record = test::boot_with_other_shim(); }, "baseline.4",
       "PCR 4 differs: event 8, EV_EFI_BOOT_SERVICES_APPLICATION, digest " + digest("e5") +
           " (\\EFI\\debian\\shimx64.efi) is not one of the allowed; the last good boot had " +
           test::shim + "; likely a boot loader update"},
  };
}

std::map<std::string, std::string> files() {
  const std::string vendor = R"({"name": "v", "bank": "sha256", "events": [
    {"pcr": 4, "type": "EV_SEPARATOR", "digests": [")" +
                             digest("df3") + R"("]},
    {"pcr": 4, "type": "EV_EFI_BOOT_SERVICES_APPLICATION", "digests": [")" +
                             test::kernel + R"(", ")" + test::grub + R"(", ")" + test::shim +
                             "\"]}]}";
  return {{"vendor.json", vendor}, {"files.sha256", digest("7e") + "  /usr/bin/true\n"}};
}

class BootCondition : public testing::TestWithParam<Condition> {
 protected:
  /// The one finding that does not hold.
  static Finding failed(const Appraisal& appraisal) {
    for (const Finding& finding : appraisal.findings) {
      if (!finding.ok) return finding;
    }
    ADD_FAILURE() << "every finding holds";
    return {};
  }
};

TEST_P(BootCondition, HoldsForAGoodBoot) {
  const Appraisal appraisal = test::appraised(GetParam().expect, good_boot(), files());
  ASSERT_EQ(appraisal.findings.size(), 1U);
  EXPECT_TRUE(appraisal.findings[0].ok) << appraisal.findings[0].text;
  EXPECT_EQ(appraisal.findings[0].condition, GetParam().finding);
  EXPECT_EQ(appraisal.findings[0].text, "");
  EXPECT_STREQ(appraisal.outcome(), "passed");
}

TEST_P(BootCondition, IsRefusedAndExplained) {
  BootRecord record = good_boot();
  GetParam().broken(record);
  const Appraisal appraisal = test::appraised(GetParam().expect, record, files());
  EXPECT_TRUE(appraisal.refused());
  const Finding finding = failed(appraisal);
  EXPECT_EQ(finding.condition, GetParam().finding);
  EXPECT_EQ(finding.text, GetParam().text);
  EXPECT_NE(finding.has, "");
  EXPECT_NE(finding.wants, "");
}

TEST_P(BootCondition, OnFactsFailsWithoutALog) {
  BootRecord record = good_boot();
  record.log_given = false;
  record.events.clear();
  record.facts = {};
  record.ima.reset();
  const Appraisal appraisal = test::appraised(GetParam().expect, record, files());
  const bool ima = GetParam().finding.starts_with("ima");
  EXPECT_EQ(appraisal.refused(), GetParam().needs_log || ima);
  if (!appraisal.refused()) return;
  EXPECT_NE(failed(appraisal).text.find(" log was given"), std::string::npos);
}

TEST_P(BootCondition, IsExplainedWithoutAGoodBootToo) {
  BootRecord record = good_boot();
  GetParam().broken(record);
  const Policy policy = test::boot_policy_of(GetParam().expect, "enforce", files());
  const Appraisal appraisal = policy.appraise(test::fitting_device(), record, nullptr);
  EXPECT_TRUE(appraisal.refused());
  const Finding finding = failed(appraisal);
  EXPECT_NE(finding.text, "");
  EXPECT_EQ(finding.last_good, "");
}

INSTANTIATE_TEST_SUITE_P(Each, BootCondition, testing::ValuesIn(conditions()),
                         [](const auto& about) { return std::string(about.param.name); });

TEST_P(BootCondition, OnFactsThatTheLogDoesNotProveFails) {
  const std::map<std::string, std::string> facts = {{"secure_boot", "secure_boot"},
                                                    {"dbx_contains", "dbx"},
                                                    {"db_only", "db"},
                                                    {"kek_only", "kek"},
                                                    {"pk_only", "pk"},
                                                    {"boot_signers", "authorities"},
                                                    {"boot_applications", "images"},
                                                    {"drivers", "drivers"},
                                                    {"firmware_version", "firmware_version"}};
  BootRecord record = good_boot();
  const bool line = GetParam().finding.starts_with("kernel_command_line");
  const auto fact = facts.find(GetParam().finding);
  if (!line && fact == facts.end()) return;  // By no fact: values, events, the quote, IMA.
  record.facts.not_known[line ? "kernel_command_lines" : fact->second] = "PCR 7 was not quoted";
  if (GetParam().finding == "firmware_version") record.facts.firmware_version.clear();
  const Appraisal appraisal = test::appraised(GetParam().expect, record, files());
  EXPECT_TRUE(appraisal.refused());
  EXPECT_NE(failed(appraisal).text.find(": the log does not prove it: PCR 7 was not quoted; at the "
                                        "last good boot it did"),
            std::string::npos)
      << failed(appraisal).text;
}

// ---- what the table does not say ----

bool refused(const std::string& expect, const BootRecord& record) {
  return test::appraised(expect, record, files()).refused();
}

TEST(BootConditions, SecureBootThatWasNeverMeasuredIsNotOn) {
  BootRecord record = good_boot();
  record.facts.secure_boot.reset();
  EXPECT_TRUE(refused(R"({"secure_boot": true})", record));
}

TEST(BootConditions, SignersOfConfigurationAreNoSignersOfImages) {
  BootRecord record = good_boot();
  record.facts.authorities.push_back({9, "SbatLevel", {}});
  EXPECT_FALSE(
      refused(R"({"boot_signers": )" + list_of(test::microsoft_certificate) + "}", record));
  record.facts.authorities.push_back({9, "Shim", {"x509", test::vendor_certificate, "", ""}});
  EXPECT_TRUE(refused(R"({"boot_signers": )" + list_of(test::microsoft_certificate) + "}", record));
}

TEST(BootConditions, WithoutSecureBootNoSignerCountsThatTheLogNames) {
  const std::string allowed = R"({"boot_signers": )" + list_of(test::microsoft_certificate) + "}";
  BootRecord record = good_boot();
  record.facts.secure_boot = false;
  const Appraisal off = test::appraised(allowed, record);
  EXPECT_TRUE(off.refused());
  EXPECT_EQ(off.text(),
            "boot_signers: Secure Boot is off, so that no signature was checked; at the last good "
            "boot it was on; likely: Secure Boot was turned off");
  EXPECT_TRUE(off.findings.at(0).proposals.empty());
  record.facts.secure_boot.reset();
  EXPECT_TRUE(refused(allowed, record));
  record.facts.not_known["secure_boot"] = "event 2: UEFI Debug Mode";
  EXPECT_EQ(test::appraised(allowed, record).text(),
            "boot_signers: the log does not prove it: event 2: UEFI Debug Mode; at the last good "
            "boot it did");
}

TEST(BootConditions, DatabaseOfManyForeignEntriesIsJudgedInNoTime) {
  BootRecord record = good_boot();
  for (int i = 0; i < 40'000; ++i)
    record.facts.db.push_back({"sha256", "f" + std::to_string(i), "", ""});
  const std::clock_t start = std::clock();
  const Appraisal appraisal =
      test::appraised(R"({"db_only": )" + list_of(test::microsoft_certificate) + "}", record);
  EXPECT_LT(std::clock() - start, 3 * CLOCKS_PER_SEC);
  EXPECT_TRUE(appraisal.refused());
  EXPECT_NE(appraisal.text().find("(and 39999 more)"), std::string::npos) << appraisal.text();
  EXPECT_TRUE(appraisal.findings.at(0).proposals.empty());
}

TEST(BootConditions, EntryThatADatabaseHasTwiceIsProposedOnce) {
  BootRecord record = good_boot();
  for (int i = 0; i < 2; ++i) record.facts.db.push_back({"x509", digest("bad"), "", ""});
  const Appraisal appraisal =
      test::appraised(R"({"db_only": )" + list_of(test::microsoft_certificate) + "}", record);
  ASSERT_EQ(appraisal.findings.at(0).proposals.size(), 1U);
  EXPECT_EQ(appraisal.findings.at(0).proposals.at(0).add, Json::array({digest("bad")}));
}

TEST(BootConditions, WithoutAnySignerNothingIsSigned) {
  BootRecord record = good_boot();
  record.facts.authorities.clear();
  EXPECT_TRUE(refused(R"({"boot_signers": )" + list_of(test::microsoft_certificate) + "}", record));
}

TEST(BootConditions, WithoutAnyApplicationNothingAllowedWasStarted) {
  BootRecord record = good_boot();
  record.facts.images.clear();
  EXPECT_TRUE(refused(R"({"boot_applications": )" + list_of(test::shim) + "}", record));
  EXPECT_FALSE(refused(R"({"drivers": )" + list_of(test::shim) + "}", record));
}

TEST(BootConditions, DriverThatTheLogCallsAnApplicationIsInSomeList) {
  const std::string boot = test::shim + R"(", ")" + test::grub + R"(", ")" + test::kernel;
  const std::string alone = R"({"drivers": [")" + boot + "\"]}";
  const std::string beside =
      R"({"drivers": )" + list_of(digest("d1")) + R"(, "boot_applications": [")" + boot + "\"]}";
  BootRecord record = good_boot();
  EXPECT_FALSE(refused(alone, record));
  EXPECT_FALSE(refused(beside, record));
  test::add_application(record, digest("bad"), "");
  EXPECT_TRUE(refused(beside, record));
  const Appraisal appraisal = test::appraised(alone, record);
  EXPECT_TRUE(appraisal.refused());
  EXPECT_TRUE(appraisal.text().ends_with(
      "; without boot_applications every image in PCR 4 counts as a driver"))
      << appraisal.text();
}

TEST(BootConditions, DriversWithoutApplicationsGoByPcr4Too) {
  BootRecord record = good_boot();
  record.facts.images.clear();
  record.facts.not_known["images"] = "PCR 4 was not quoted";
  EXPECT_TRUE(refused(R"({"drivers": )" + list_of(digest("d1")) + "}", record));
}

TEST(BootConditions, ImageInPcr4IsAnApplicationWhateverTypeTheLogGivesIt) {
  BootRecord record = good_boot();
  const std::string allowed = R"({"boot_applications": [")" + test::shim + R"(", ")" + test::grub +
                              R"(", ")" + test::kernel + "\"]}";
  for (const std::string type : {"EV_IPL", "EV_EFI_BOOT_SERVICES_DRIVER", "EV_EFI_GPT_EVENT"}) {
    record.facts.images.push_back({13, 4, type, "", digest("bad")});
    EXPECT_TRUE(refused(allowed, record)) << type;
    record.facts.images.pop_back();
  }
}

TEST(BootConditions, DriverFromADiskMayStandInEitherList) {
  BootRecord record = good_boot();
  record.facts.images.push_back({13, 4, "EV_EFI_BOOT_SERVICES_DRIVER", "", digest("d1")});
  EXPECT_FALSE(refused(R"({"drivers": [")" + digest("d1") + R"("], "boot_applications": [")" +
                           test::shim + R"(", ")" + test::grub + R"(", ")" + test::kernel + "\"]}",
                       record));
}

TEST(BootConditions, ImageInPcr2IsADriverWhateverTypeTheLogGivesIt) {
  BootRecord record = good_boot();
  record.facts.images = {{13, 2, "EV_IPL", "", digest("bad")}};
  EXPECT_TRUE(refused(R"({"drivers": )" + list_of(digest("d1")) + "}", record));
}

TEST(BootConditions, LogThatDoesNotFitTheQuoteIsNamedInTheRefusal) {
  BootRecord record = good_boot();
  record.log_given = false;
  record.log_problem = attest::LogProblem{"eventlog_replay", "PCR 4 is A; the log makes it B"};
  EXPECT_EQ(
      test::appraised(R"({"secure_boot": true})", record).text(),
      "secure_boot: the event log that was given does not count: PCR 4 is A; the log makes it "
      "B; at the last good boot there was one");
  record.ima.reset();
  record.ima_problem = attest::LogProblem{"ima_replay", "no entry makes PCR 10"};
  EXPECT_EQ(test::appraised(R"({"ima": {"violations": 0}})", record).text(),
            "ima: the IMA log that was given does not count: no entry makes PCR 10");
}

TEST(BootConditions, RuntimeDriversAreDrivers) {
  BootRecord record = good_boot();
  record.facts.images = {{13, 2, "EV_EFI_RUNTIME_SERVICES_DRIVER", "", digest("d2")}};
  EXPECT_TRUE(refused(R"({"drivers": )" + list_of(digest("d1")) + "}", record));
  EXPECT_FALSE(refused(R"({"drivers": )" + list_of(digest("d2")) + "}", record));
}

TEST(BootConditions, WordsOfTheCommandLineAreWhole) {
  const BootRecord record = good_boot();
  EXPECT_TRUE(refused(R"({"kernel_command_line": {"contains": ["qui"]}})", record));
  EXPECT_FALSE(refused(R"({"kernel_command_line": {"lacks": ["qui"]}})", record));
  EXPECT_TRUE(refused(R"({"kernel_command_line": {"lacks": ["root="]}})", record));
}

bool lacks(const std::string& line, const std::string& word) {
  BootRecord record = good_boot();
  record.facts.kernel_command_lines = {line};
  return !refused(Json{{"kernel_command_line", {{"lacks", {word}}}}}.dump(), record);
}

bool contains(const std::string& line, const std::string& word) {
  BootRecord record = good_boot();
  record.facts.kernel_command_lines = {line};
  return !refused(Json{{"kernel_command_line", {{"contains", {word}}}}}.dump(), record);
}

TEST(BootConditions, WordOfACommandLineIsFoundBehindAnySpaceOfTheKernels) {
  for (const char space : {' ', '\t', '\n', '\v', '\f', '\r', '\xA0'}) {
    const std::string line = std::string("/vmlinuz ro") + space + "init=/bin/sh";
    EXPECT_FALSE(lacks(line, "init=")) << static_cast<unsigned>(static_cast<unsigned char>(space));
    EXPECT_TRUE(contains(line, "init=/bin/sh"));
  }
}

TEST(BootConditions, WordOfACommandLineIsFoundInQuotes) {
  for (const std::string line : {"/vmlinuz \"init=/bin/sh\"", "/vmlinuz \"init=/bin/sh\" ro",
                                 "/vmlinuz init=\"/bin/sh\"", "/vmlinuz \"init=/bin/sh"}) {
    EXPECT_FALSE(lacks(line, "init=")) << line;
    EXPECT_FALSE(lacks(line, "init=/bin/sh")) << line;
    EXPECT_TRUE(contains(line, "init=/bin/sh")) << line;
  }
}

TEST(BootConditions, NameOnACommandLineMayBeWrittenWithEitherDash) {
  EXPECT_FALSE(lacks("/vmlinuz module.sig-enforce=0", "module.sig_enforce=0"));
  EXPECT_FALSE(lacks("/vmlinuz module.sig_enforce=0", "module.sig-enforce="));
  EXPECT_TRUE(contains("/vmlinuz module.sig-enforce=1", "module.sig_enforce=1"));
  EXPECT_FALSE(contains("/vmlinuz root=a-b", "root=a_b"));
  EXPECT_TRUE(lacks("/vmlinuz root=a-b", "root=a_b"));
}

TEST(BootConditions, WordInTheValueOfAnotherIsNoneThatTheKernelTakes) {
  EXPECT_FALSE(contains("/vmlinuz x=\"a lockdown=integrity b\"", "lockdown=integrity"));
  EXPECT_TRUE(contains("/vmlinuz x=\"a b\" ro", "x=\"a b\" ro"));
}

TEST(BootConditions, WordBehindTwoDashesIsNotForTheKernel) {
  EXPECT_FALSE(contains("/vmlinuz -- lockdown=integrity", "lockdown=integrity"));
  EXPECT_TRUE(contains("/vmlinuz lockdown=integrity -- single", "lockdown=integrity --"));
  EXPECT_FALSE(lacks("/vmlinuz -- single", "single"));
}

TEST(BootConditions, WordThatOnlyALaterReaderFindsStandsThereToo) {
  for (const std::string line : {"/vmlinuz x=\"a init=/bin/sh b\"", "/vmlinuz 'init=/bin/sh'",
                                 "/vmlinuz in\"it\"=/bin/sh", "/vmlinuz -- init=/bin/sh"})
    EXPECT_FALSE(lacks(line, "init=")) << line;
}

TEST(BootConditions, EveryCommandLineMustFit) {
  BootRecord record = good_boot();
  record.facts.kernel_command_lines.emplace_back("/vmlinuz single");
  EXPECT_TRUE(refused(R"({"kernel_command_line": {"contains": ["ro"]}})", record));
  EXPECT_TRUE(refused(R"({"kernel_command_line": {"lacks": ["single"]}})", record));
}

TEST(BootConditions, WithoutACommandLineNoneLacksAWord) {
  BootRecord record = good_boot();
  record.facts.kernel_command_lines.clear();
  EXPECT_TRUE(refused(R"({"kernel_command_line": {"lacks": ["single"]}})", record));
}

TEST(BootConditions, PcrThatWasNotQuotedHasNoAllowedValue) {
  BootRecord record = good_boot();
  record.pcrs.erase(4);
  const Appraisal appraisal =
      test::appraised(R"({"pcrs": {"4": )" + list_of(digest("04a")) + "}}", record);
  EXPECT_TRUE(appraisal.refused());
  EXPECT_EQ(appraisal.findings.at(0).text, "PCR 4 differs: it was not quoted");
  EXPECT_TRUE(appraisal.findings.at(0).proposals.empty());
}

TEST(BootConditions, ImaFilesThatWereNotKeptCannotBeLookedUp) {
  BootRecord record = good_boot();
  record.ima->files_cut = true;
  EXPECT_TRUE(refused(R"({"ima": {"reference": "files.sha256"}})", record));
}

TEST(BootConditions, ImaEntriesOfNoKnownFileCannotBeLookedUp) {
  BootRecord record = good_boot();
  record.ima->unnamed = 1;
  const std::string expect = R"({"ima": {"reference": "files.sha256"}})";
  EXPECT_EQ(
      test::appraised(expect, record, files()).text(),
      "1 entry of the IMA log names no file that can be looked up: of an unknown template, or "
      "shown as one");
  // A longer list would not let it pass.
  record.ima->files.emplace_back("/usr/bin/evil", "sha256:" + digest("ee"));
  const Appraisal appraisal = test::appraised(expect, record, files());
  EXPECT_TRUE(appraisal.refused());
  EXPECT_TRUE(appraisal.findings.at(0).proposals.empty());
}

TEST(BootConditions, ImaLogWithoutFilesIsNoneOfGoodFilesAlone) {
  BootRecord record = good_boot();
  record.ima->files.clear();
  EXPECT_EQ(test::appraised(R"({"ima": {"reference": "files.sha256"}})", record, files()).text(),
            "the IMA log has no file that can be looked up");
}

TEST(BootConditions, OnlyTheFirstEntryOfImaIsTheBootAggregate) {
  BootRecord record = good_boot();
  record.ima->files.emplace_back("boot_aggregate", "sha256:" + digest("ee"));
  EXPECT_TRUE(refused(R"({"ima": {"reference": "files.sha256"}})", record));
}

TEST(BootConditions, FileWhoseNameIsNoPlainLineIsNeverProposed) {
  for (const std::string part : {"\n", "\x1B[", "\x7F", "\xFF", "\xC2\x9B", "\xE2\x80\xAE"}) {
    BootRecord record = good_boot();
    record.ima->files.emplace_back("/a" + part + "b", "sha256:" + digest("ee"));
    const Appraisal appraisal =
        test::appraised(R"({"ima": {"reference": "files.sha256"}})", record, files());
    EXPECT_TRUE(appraisal.refused());
    EXPECT_TRUE(appraisal.findings.at(0).proposals.empty()) << to_hex(as_bytes(part));
  }
}

TEST(BootConditions, FileWhoseNameIsOfAnotherAlphabetIsProposed) {
  BootRecord record = good_boot();
  record.ima->files.emplace_back("/Größe", "sha256:" + digest("ee"));
  const Appraisal appraisal =
      test::appraised(R"({"ima": {"reference": "files.sha256"}})", record, files());
  EXPECT_EQ(appraisal.findings.at(0).proposals.size(), 1U);
}

}  // namespace
}  // namespace mintmark::policy
