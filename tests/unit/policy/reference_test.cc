// Files of measurements: what is refused, what they let pass, and the one that a boot makes.
#include "policy/reference.h"

#include <gtest/gtest.h>

#include "attest/bank.h"
#include "boot_sample.h"

namespace mintmark::policy {
namespace {

using attest::BootRecord;
using test::digest;
using test::good_boot;

using Files = std::map<std::string, std::string>;

/// The refusal of a policy that names this file.
Error refusal(const std::string& content,
              const std::string& expect = R"({"reference": "r.json"})") {
  const auto policy =
      Policy::from_text("policy.json", test::boot_policy(expect),
                        test::files_of({{"r.json", content}, {"r.sha256", content}}));
  if (policy) return {Code::internal, "(not refused)"};
  return policy.error();
}

void expect_refused(const std::string& content, const std::string& detail) {
  const Error error = refusal(content);
  EXPECT_EQ(error.code, Code::reference_invalid);
  EXPECT_EQ(error.detail, detail);
}

const std::string head = R"({"name": "n", "bank": "sha256",)";

TEST(ReferenceFile, ThatCannotBeHadIsRefusedAtThePlaceThatNamesIt) {
  const auto policy = Policy::from_text(
      "policy.json", test::boot_policy(R"({"baseline": "gone.json"})"), test::files_of({}));
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code, Code::reference_invalid);
  EXPECT_EQ(policy.error().detail,
            "policy.json:8: key \"boot[0].expect.baseline\": names a file that cannot be had: "
            "gone.json: no such file");
}

TEST(ReferenceFile, IsNotReadForATextThatComesAlone) {
  const auto policy =
      Policy::from_text("policy.json", test::boot_policy(R"({"ima": {"reference": "x"}})"));
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code, Code::reference_invalid);
  EXPECT_NE(policy.error().detail.find("boot[0].expect.ima.reference"), std::string::npos);
  EXPECT_NE(policy.error().detail.find("mintctl policy check"), std::string::npos);
}

TEST(ReferenceFile, WithBrokenJsonIsRefusedWithItsLine) {
  const Error error = refusal("{\n\"name\": }");
  EXPECT_EQ(error.code, Code::reference_invalid);
  EXPECT_TRUE(error.detail.starts_with("r.json:2: not valid JSON")) << error.detail;
}

TEST(ReferenceFile, WithoutNameOrBankIsRefused) {
  expect_refused(R"({"bank": "sha256"})", "r.json:1: key \"name\": is missing");
  expect_refused(R"({"name": "n"})", "r.json:1: key \"bank\": is missing");
}

TEST(ReferenceFile, OfABankThatIsNoneIsRefused) {
  expect_refused(R"({"name": "n", "bank": "md5"})",
                 "r.json:1: key \"bank\": must be \"sha1\" or \"sha256\" or \"sha384\" or "
                 "\"sha512\"");
}

TEST(ReferenceFile, ThatHoldsNothingIsRefused) {
  expect_refused(R"({"name": "n", "bank": "sha256", "events": []})",
                 "r.json:1: the document must hold \"pcrs\", \"events\" or both");
}

TEST(ReferenceFile, WithADigestOfAnotherBankIsRefused) {
  const std::string sha1(40, 'a');
  expect_refused(head + "\n\"pcrs\": {\"4\": [\"" + sha1 + "\"]}}",
                 "r.json:2: key \"pcrs.4[0]\": must be a sha256 value of 64 hexadecimal digits");
  expect_refused(
      head + "\n\"events\": [{\"pcr\": 4, \"type\": \"EV_IPL\", \"digests\": [\"" + sha1 + "\"]}]}",
      "r.json:2: key \"events[0].digests[0]\": must be a sha256 value of 64 hexadecimal digits");
}

TEST(ReferenceFile, WithAPcrThatIsNoneIsRefused) {
  expect_refused(head + R"("pcrs": {"04": []}})",
                 "r.json:1: key \"pcrs.04\": must be the number of a PCR, from 0 to 23");
  const Error error = refusal(head + R"("events": [{"pcr": 24, "type": "x", "digests": []}]})");
  EXPECT_EQ(error.detail, "r.json:1: key \"events[0].pcr\": must be from 0 to 23, not 24");
}

TEST(ReferenceFile, WithAMisspeltKeyIsRefused) {
  expect_refused(head + R"("event": []})",
                 "r.json:1: key \"event\": unknown key; the nearest known one is \"events\"");
}

TEST(ReferenceFile, LongerThanFourMebioctetsIsRefused) {
  const Error error = refusal(std::string(longest_reference + 1, ' '));
  EXPECT_EQ(error.code, Code::reference_invalid);
  EXPECT_TRUE(error.detail.starts_with("r.json:1: longer than")) << error.detail;
}

TEST(ImaReferenceFile, TakesWhatSha256sumPrintsAndNamesOfHashes) {
  const auto reference = read_ima_reference(
      "r.sha256", "# files\n" + digest("a") + "  /bin/a\n\n" + digest("B") +
                      " */bin/b\r\nsha1:" + std::string(40, 'c') + "  /bin/with space");
  ASSERT_TRUE(reference) << reference.error().detail;
  EXPECT_EQ(reference->lines.size(), 3U);
  EXPECT_TRUE(reference->lines.contains("sha256:" + digest("a") + "  /bin/a"));
  EXPECT_TRUE(reference->lines.contains("sha256:" + digest("b") + "  /bin/b"));
  EXPECT_TRUE(reference->lines.contains("sha1:" + std::string(40, 'c') + "  /bin/with space"));
}

TEST(ImaReferenceFile, WithALineThatIsNoneIsRefusedWithItsNumber) {
  const std::string ima = R"({"ima": {"reference": "r.sha256"}})";
  const std::vector<std::string> wrong = {digest("a"),
                                          digest("a") + "  ",
                                          "sha256:00  /a",
                                          "md5:" + digest("a") + "  /a",
                                          std::string(64, 'x') + "  /a",
                                          "\\" + digest("a") + "  /a\\nb"};
  for (const std::string& line : wrong) {
    const Error error = refusal(digest("a") + "  /ok\n" + line + "\n", ima);
    EXPECT_EQ(error.code, Code::reference_invalid) << line;
    EXPECT_TRUE(error.detail.starts_with("r.sha256:2: must be \"HEX  PATH\"")) << error.detail;
  }
  EXPECT_EQ(refusal("# nothing\n", ima).detail, "r.sha256:1: must name at least one file");
}

// ---- what they let pass ----

Appraisal by(const std::string& content, const BootRecord& record) {
  return test::appraised(R"({"reference": "r.json"})", record, {{"r.json", content}});
}

std::string event(unsigned pcr, const std::string& type, const std::string& one) {
  return R"({"pcr": )" + std::to_string(pcr) + R"(, "type": ")" + type + R"(", "digests": [")" +
         one + "\"]}";
}

TEST(Reference, LetsAPcrPassByItsValueWithoutALog) {
  BootRecord record = good_boot();
  record.log_given = false;
  const std::string both = head + R"("pcrs": {"9": [")" + digest("09a") + R"("]}, "events": [)" +
                           event(9, "EV_IPL", digest("1")) + "]}";
  EXPECT_FALSE(by(both, record).refused());
  record.pcrs[9] = digest("09b");
  EXPECT_TRUE(by(both, record).refused());
}

TEST(Reference, LetsAPcrPassByItsEventsWhateverItsValue) {
  BootRecord record = good_boot();
  record.pcrs[9] = digest("09b");
  EXPECT_FALSE(by(head + R"("pcrs": {"9": [")" + digest("09a") + R"("]}, "events": [)" +
                      event(9, "EV_IPL", digest("c2")) + "]}",
                  record)
                   .refused());
}

TEST(Reference, RefusesTheSameDigestInAnEventOfAnotherType) {
  EXPECT_TRUE(by(head + R"("events": [)" + event(9, "EV_ACTION", digest("c2")) + "]}", good_boot())
                  .refused());
}

TEST(Reference, RefusesAPcrIntoWhichNothingWasMeasured) {
  BootRecord record = good_boot();
  record.pcrs[12] = std::string(64, '0');
  const Appraisal appraisal =
      by(head + R"("events": [)" + event(12, "EV_IPL", digest("c2")) + "]}", record);
  EXPECT_TRUE(appraisal.refused());
  EXPECT_EQ(appraisal.text(), "PCR 12 differs: nothing was measured into it");
}

TEST(Reference, OfEventsAloneRefusesABootWithoutALog) {
  BootRecord record = good_boot();
  record.log_given = false;
  const Appraisal appraisal =
      by(head + R"("events": [)" + event(9, "EV_IPL", digest("c2")) + "]}", record);
  EXPECT_EQ(appraisal.text(), "reference.9: no event log was given to judge it by");
}

TEST(Reference, OfAnotherBankRefusesEveryPcr) {
  BootRecord record = good_boot();
  record.bank = "sha384";
  const Appraisal appraisal =
      by(head + R"("events": [)" + event(9, "EV_IPL", digest("c2")) + "]}", record);
  EXPECT_EQ(appraisal.text(),
            "PCR 9 differs: it was quoted of the bank sha384, and r.json is of sha256");
}

TEST(Reference, PassesOverWhatWasNeverExtended) {
  EXPECT_FALSE(
      by(head + R"("events": [)" + event(0, "EV_S_CRTM_VERSION", digest("f1")) + "]}", good_boot())
          .refused());
}

// ---- PCRs that the running system extends, so that a record does not prove their events ----

std::string hex_after(const std::string& event_digest) {
  const attest::Bank& bank = *attest::bank_named("sha256");
  return to_hex(bank.extend(attest::initial_pcr(bank, 11), *from_hex(event_digest)));
}

TEST(Reference, BelievesEventsOfPcr11OnlyIfTheyMakeItsValue) {
  BootRecord record = good_boot();
  test::add_event(record, 11, "EV_IPL", digest("5ec"), ".linux");
  const std::string content = head + R"("events": [)" + event(11, "EV_IPL", digest("5ec")) + "]}";
  record.pcrs[11] = hex_after(digest("5ec"));
  EXPECT_FALSE(by(content, record).refused());
  record.pcrs[11] = hex_after(digest("5ed"));
  const Appraisal appraisal = by(content, record);
  EXPECT_EQ(appraisal.text(),
            "reference.11: the PCR was not quoted, or the events do not make its value");
}

TEST(Reference, BelievesNoEventOfAPcrThatWasNotQuoted) {
  BootRecord record = good_boot();
  record.pcrs.erase(9);
  EXPECT_TRUE(
      by(head + R"("events": [)" + event(9, "EV_IPL", digest("c2")) + "]}", record).refused());
}

// ---- baselines ----

Files baseline_files(const BootRecord& record) {
  return {{"b.json", *baseline_of(record, "golden")}};
}

TEST(Baseline, PassesTheBootThatItWasMadeOf) {
  const Appraisal appraisal =
      test::appraised(R"({"baseline": "b.json"})", good_boot(), baseline_files(good_boot()));
  EXPECT_FALSE(appraisal.refused()) << appraisal.text();
  EXPECT_EQ(appraisal.findings.size(), 5U);  // Every PCR that was quoted but IMA's.
}

TEST(Baseline, PassesTheSameEventsInAnotherOrder) {
  BootRecord record = good_boot();
  record.pcrs[4] = digest("04c");
  std::swap(record.events.at(8).digest, record.events.at(9).digest);
  EXPECT_FALSE(
      test::appraised(R"({"baseline": "b.json"})", record, baseline_files(good_boot())).refused());
}

TEST(Baseline, ProposesTheDigestBesideThatOfTheSameFile) {
  const Appraisal appraisal = test::appraised(
      R"({"baseline": "b.json"})", test::boot_with_other_shim(), baseline_files(good_boot()));
  ASSERT_TRUE(appraisal.refused());
  for (const Finding& finding : appraisal.findings) {
    if (finding.ok) continue;
    ASSERT_EQ(finding.proposals.size(), 1U);
    EXPECT_EQ(finding.proposals[0].file, "b.json");
    EXPECT_EQ(finding.proposals[0].at, "/events/7/digests");
    EXPECT_EQ(finding.proposals[0].add, Json::array({digest("e5")}));
  }
}

TEST(Baseline, OfSomePcrsHoldsNoOthers) {
  const auto reference = read_reference("b.json", *baseline_of(good_boot(), "golden", {4, 10}));
  ASSERT_TRUE(reference) << reference.error().detail;
  EXPECT_EQ(reference->named(), (std::set<unsigned>{4, 10}));
}

TEST(Baseline, LeavesOutWhatIsInNoPcrOfItsBank) {
  BootRecord record = good_boot();
  test::add_event(record, 4, "EV_IPL", "", "has no digest of this bank");
  test::add_event(record, 24, "EV_IPL", digest("1"), "of no PCR");
  EXPECT_EQ(*baseline_of(record, "golden"), *baseline_of(good_boot(), "golden"));
}

TEST(Baseline, OfFewQuotedPcrsPassesTheBootThatItWasMadeOf) {
  BootRecord record = good_boot();  // Its log goes on in PCR 8, 9 and 14.
  test::add_event(record, 14, "EV_IPL", digest("3e"), "MokList");
  record.pcrs = {{0, digest("00a")}, {4, digest("04a")}, {7, digest("07a")}};
  const Appraisal appraisal =
      test::appraised(R"({"baseline": "b.json"})", record, baseline_files(record));
  EXPECT_FALSE(appraisal.refused()) << appraisal.text();
  EXPECT_EQ(appraisal.findings.size(), 3U);
}

TEST(Baseline, OfAPcrThatWasNotQuotedIsRefused) {
  BootRecord record = good_boot();
  record.pcrs.erase(8);
  const auto baseline = baseline_of(record, "golden", {4, 8});
  ASSERT_FALSE(baseline);
  EXPECT_EQ(baseline.error().code, Code::invalid_argument);
  EXPECT_EQ(baseline.error().detail,
            "PCR 8 was not quoted at that boot, only 0,4,7,9,10; enrolment.tpm2.pcrs says which "
            "are");
}

TEST(Baseline, OfNothingIsRefused) {
  BootRecord record = good_boot();
  record.pcrs = {{10, digest("10a")}};
  EXPECT_FALSE(baseline_of(record, "golden"));
  EXPECT_TRUE(baseline_of(record, "golden", {10}));
}

TEST(Baseline, OfALogThatSaysStrangeThingsIsReadAgain) {
  BootRecord record = good_boot();
  record.events.at(8).what = "\"},\n]\x01 \\ \xFF" + std::string(4000, 'x');
  const auto reference = read_reference("b.json", *baseline_of(record, "a \"name\""));
  ASSERT_TRUE(reference) << reference.error().detail;
  EXPECT_EQ(reference->name, "a \"name\"");
}

}  // namespace
}  // namespace mintmark::policy
