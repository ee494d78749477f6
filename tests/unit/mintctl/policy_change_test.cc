// From a refused boot to the diff that lets it pass, by patch(1), and what no diff can.
#include "programs/mintctl/policy_change.h"

#include <gtest/gtest.h>

#include "patched.h"
#include "policy/reference.h"
#include "unit/policy/boot_sample.h"

namespace mintmark::programs {
namespace {

using attest::BootRecord;
using policy::test::boot_policy;
using policy::test::digest;
using policy::test::good_boot;

class PolicyChangeTest : public testing::Test {
 protected:
  void write_policy(const std::string& expect, const std::string& mode = "enforce") {
    directory_.write("policy.json", boot_policy(expect, mode));
  }
  [[nodiscard]] policy::Bundle bundle() const {
    auto read = policy::read_bundle((directory_.path() / "policy.json").string());
    if (!read) throw std::runtime_error(read.error().to_string());
    return *read;
  }
  static BootAtHand boot_of(BootRecord record) {
    return {policy::test::fitting_device(), std::move(record), good_boot()};
  }
  [[nodiscard]] bool passes(const BootRecord& record) const {
    const BootRecord good = good_boot();
    return !policy::Policy::from(bundle())
                ->appraise(policy::test::fitting_device(), record, &good)
                .refused();
  }
  [[nodiscard]] Error refusal(BootRecord record) const {
    const auto change = propose_change(bundle(), boot_of(std::move(record)));
    return change ? Error{Code::internal, "(a change was proposed)"} : change.error();
  }
  /// Refused before, passes when the proposed diff was applied; the diff.
  std::string allow(const BootRecord& record) {
    EXPECT_FALSE(passes(record));
    const auto change = propose_change(bundle(), boot_of(record));
    if (!change) {
      ADD_FAILURE() << change.error().to_string();
      return "";
    }
    EXPECT_FALSE(passes(record)) << "applied by itself";
    test::apply(directory_, change->diff, "-d / -p0");
    EXPECT_EQ(bundle(), change->changed);
    EXPECT_TRUE(passes(record));
    return change->diff;
  }
  mintmark::test::TemporaryDirectory directory_;
};

TEST_F(PolicyChangeTest, OfABaselineAddsTheNewDigestBesideTheOld) {
  directory_.write("golden.json", *policy::baseline_of(good_boot(), "golden"));
  write_policy(R"({"baseline": "golden.json"})");
  EXPECT_TRUE(passes(good_boot()));
  const std::string diff = allow(policy::test::boot_with_other_shim());
  EXPECT_NE(diff.find("\n+    {\"pcr\": 4, \"type\": \"EV_EFI_BOOT_SERVICES_APPLICATION\", "
                      "\"digests\": [\"" +
                      policy::test::shim + "\", \"" + digest("e5") + "\"], \"note\": "),
            std::string::npos)
      << diff;
  EXPECT_TRUE(passes(good_boot()));
}

TEST_F(PolicyChangeTest, OfABaselineAddsAnEventThatIsNew) {
  directory_.write("golden.json", *policy::baseline_of(good_boot(), "golden"));
  write_policy(R"({"baseline": "golden.json"})");
  BootRecord record = good_boot();
  record.pcrs[9] = digest("09b");
  policy::test::add_event(record, 9, "EV_IPL", digest("c9"), "/initrd.img-6.1");
  allow(record);
}

TEST_F(PolicyChangeTest, OfAPcrAddsItsValue) {
  write_policy(R"({"pcrs": {"4": [")" + digest("04a") + R"("], "7": [")" + digest("07a") + "\"]}}");
  const std::string diff = allow(policy::test::boot_with_other_shim());
  EXPECT_NE(diff.find("[\"" + digest("04a") + "\", \"" + digest("04b") + "\"]"), std::string::npos)
      << diff;
}

TEST_F(PolicyChangeTest, AnswersEveryConditionThatAddingHelps) {
  directory_.write("files.sha256", digest("7e") + "  /usr/bin/true");
  write_policy(R"({"boot_applications": [")" + policy::test::shim +
               R"("], "firmware_version": ["1"],
        "db_only": [")" +
               digest("1") + R"("], "boot_signers": [
          ")" + digest("1") +
               R"(" // nobody
        ],
        "kernel_command_line": {"is": ["quiet"]},
        "ima": {"violations": 0, "reference": "files.sha256"}})");
  BootRecord record = good_boot();
  record.ima->files.emplace_back("/usr/bin/new", "sha256:" + digest("ee"));
  const std::string diff = allow(record);
  EXPECT_NE(diff.find("+sha256:" + digest("ee") + "  /usr/bin/new\n"), std::string::npos) << diff;
  EXPECT_NE(diff.find("\n+          \"" + policy::test::microsoft_certificate + "\"\n"),
            std::string::npos)
      << diff;
}

TEST_F(PolicyChangeTest, OfTwoRulesOnOneFileAddsOnce) {
  directory_.write("golden.json", *policy::baseline_of(good_boot(), "golden"));
  directory_.write("policy.json", R"({"rules": [], "boot": [
    {"name": "a", "match": {"format": "tpm2"}, "mode": "enforce", "expect": {"baseline": "golden.json"}},
    {"name": "b", "match": {"format": "tpm2"}, "mode": "monitor", "expect": {"reference": "golden.json"}}]})");
  const std::string diff = allow(policy::test::boot_with_other_shim());
  const std::size_t first = diff.find(digest("e5"));
  EXPECT_EQ(diff.find(digest("e5"), first + 1), std::string::npos) << diff;
}

TEST_F(PolicyChangeTest, IsProposedForAMonitoredRuleToo) {
  write_policy(R"({"firmware_version": ["1"]})", "monitor");
  const auto change = propose_change(bundle(), boot_of(good_boot()));
  ASSERT_TRUE(change) << change.error().to_string();
  EXPECT_FALSE(change->after.would_refuse());
  EXPECT_EQ(change->reasons.size(), 1U);
}

TEST_F(PolicyChangeTest, IsNoneWhereNothingIsRefused) {
  write_policy(R"({"secure_boot": true})");
  const Error error = refusal(good_boot());
  EXPECT_EQ(error.code, Code::not_found);
  EXPECT_NE(error.detail.find("every condition holds"), std::string::npos);
}

TEST_F(PolicyChangeTest, IsNoneWhereNoRuleIsForTheDevice) {
  write_policy(R"({"secure_boot": true})");
  BootAtHand boot = boot_of(good_boot());
  boot.device.facts.format = "key";
  const auto change = propose_change(bundle(), boot);
  ASSERT_FALSE(change);
  EXPECT_EQ(change.error().code, Code::not_found);
  EXPECT_NE(change.error().detail.find("no boot rule is for this device"), std::string::npos);
}

TEST_F(PolicyChangeTest, IsNoneForWhatNoListTakes) {
  BootRecord record = good_boot();
  record.facts.secure_boot = false;
  record.facts.dbx.clear();
  record.facts.exit_boot_services = false;
  record.clock_safe = false;
  record.ima->violations = 2;
  for (const std::string expect :
       {R"({"secure_boot": true})", R"({"exit_boot_services": true})", R"({"clock_safe": true})",
        R"({"ima": {"violations": 0}})", R"({"kernel_command_line": {"contains": ["ima"]}})",
        R"({"kernel_command_line": {"lacks": ["quiet"]}})"}) {
    write_policy(expect);
    const Error error = refusal(record);
    EXPECT_EQ(error.code, Code::boot_refused) << expect;
    EXPECT_EQ(error.detail.find("no value that could be added would let this boot pass:\n  "), 0U)
        << error.detail;
  }
}

TEST_F(PolicyChangeTest, IsNoneWhereOneOfTwoConditionsCannotBeHelped) {
  write_policy(R"({"firmware_version": ["1"], "secure_boot": true})");
  BootRecord record = good_boot();
  record.facts.secure_boot = false;
  EXPECT_EQ(refusal(record).code, Code::boot_refused);
}

/// A rule that enforces beside one that only watches.
std::string enforced_and_watched(const std::string& enforced, const std::string& watched) {
  return R"({"rules": [], "boot": [
    {"name": "a", "match": {"format": "tpm2"}, "mode": "enforce", "expect": )" +
         enforced + R"(},
    {"name": "b", "match": {"format": "tpm2"}, "mode": "monitor", "expect": )" +
         watched + "}]}";
}

TEST_F(PolicyChangeTest, OfARefusedBootAddsNothingToRulesThatOnlyWatch) {
  directory_.write("policy.json",
                   enforced_and_watched(R"({"firmware_version": ["1"]})",
                                        R"({"boot_signers": [")" + digest("1") + "\"]}"));
  const auto change = propose_change(bundle(), boot_of(good_boot()));
  ASSERT_TRUE(change) << change.error().to_string();
  EXPECT_EQ(change->diff.find(policy::test::microsoft_certificate), std::string::npos)
      << change->diff;
  EXPECT_EQ(change->reasons.size(), 1U);
  EXPECT_FALSE(change->after.refused());
  EXPECT_TRUE(change->after.would_refuse());
}

TEST_F(PolicyChangeTest, OfARefusedBootIsNotHeldUpByRulesThatOnlyWatch) {
  directory_.write("policy.json", enforced_and_watched(R"({"firmware_version": ["1"]})",
                                                       R"({"secure_boot": true})"));
  BootRecord record = good_boot();
  record.facts.secure_boot = false;
  EXPECT_NE(allow(record), "");
}

TEST_F(PolicyChangeTest, IsNoneWhereOneOfTwoMonitoredConditionsCannotBeHelped) {
  write_policy(R"({"firmware_version": ["1"], "secure_boot": true})", "monitor");
  BootRecord record = good_boot();
  record.facts.secure_boot = false;
  const Error error = refusal(record);
  EXPECT_EQ(error.code, Code::boot_refused);
  EXPECT_EQ(error.detail.find("no value that could be added would let this boot pass:\n  "
                              "secure_boot: Secure Boot is off"),
            0U)
      << error.detail;
}

TEST_F(PolicyChangeTest, IsNoneForAMonitoredConditionThatCannotBeHelped) {
  write_policy(R"({"secure_boot": true})", "monitor");
  BootRecord record = good_boot();
  record.facts.secure_boot = false;
  EXPECT_EQ(refusal(record).code, Code::boot_refused);
}

}  // namespace
}  // namespace mintmark::programs
