// The list "boot" of a policy file: one test a refusal, with its line, key and words.
#include <gtest/gtest.h>

#include <set>

#include "boot_sample.h"
#include "support/mutations.h"

namespace mintmark::policy {
namespace {

using test::digest;

std::string refusal_of(const std::string& text) {
  const auto policy = Policy::from_text("policy.json", text);
  if (policy) return "(not refused)";
  EXPECT_EQ(policy.error().code, Code::policy_invalid);
  return policy.error().detail;
}

std::string refusal_of_expect(const std::string& expect) {
  return refusal_of(test::boot_policy(expect));
}

std::string refusal(const std::string& from, const std::string& to) {
  return refusal_of(test::replaced(test::boot_policy(R"({"event_log": true})"), from, to));
}

TEST(BootRules, MayBeAbsent) {
  const Policy policy = test::policy_of(test::sample);
  EXPECT_EQ(policy.boot_rules(), 0U);
  EXPECT_FALSE(policy.wanted_logs().event_log);
}

TEST(BootRules, WantTheEventLogAndOneOnImaTheOtherToo) {
  const Policy plain = test::boot_policy_of(R"({"clock_safe": true})");
  EXPECT_EQ(plain.boot_rules(), 1U);
  EXPECT_TRUE(plain.wanted_logs().event_log);
  EXPECT_FALSE(plain.wanted_logs().ima_log);
  EXPECT_TRUE(test::boot_policy_of(R"({"ima": {"violations": 0}})").wanted_logs().ima_log);
}

TEST(BootRules, WithoutAModeAreRefused) {
  EXPECT_EQ(refusal(R"("mode": "enforce",)", ""),
            "policy.json:4: key \"boot[0].mode\": is missing");
}

TEST(BootRules, WithAModeThatIsNoneAreRefused) {
  EXPECT_EQ(refusal(R"("enforce")", R"("warn")"),
            "policy.json:7: key \"boot[0].mode\": must be \"monitor\" or \"enforce\"");
}

TEST(BootRules, WithoutAMatchAreRefused) {
  EXPECT_EQ(refusal(R"("match": {"format": "tpm2"},)", ""),
            "policy.json:4: key \"boot[0].match\": is missing");
}

TEST(BootFile, WithAnotherFormatIsRefusedSinceItBringsNoBootRecord) {
  EXPECT_NE(refusal(R"({"format": "tpm2"})", R"({"format": ["tpm2", "nitro"]})")
                .find("match.format[1]\": must be \"tpm2\": what other formats tell"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"format": "tpm2"})", R"({"format": "tpm2", "facts": {"chip": "a"}})")
                .find("may stand in token rules alone"),
            std::string::npos);
}

TEST(BootRules, ThatMatchEveryDeviceByAnEmptyMatchAreRefused) {
  EXPECT_NE(refusal(R"({"format": "tpm2"})", "{}").find("must not be empty"), std::string::npos);
}

TEST(BootRules, MatchByNoTimes) {
  EXPECT_EQ(refusal(R"({"format": "tpm2"})", R"({"format": "tpm2", "times": []})"),
            "policy.json:6: key \"boot[0].match.times\": may stand in token rules alone");
}

TEST(BootRules, MatchByNoPcrs) {
  EXPECT_EQ(refusal(R"({"format": "tpm2"})", R"({"format": "tpm2", "pcrs": {}})"),
            "policy.json:6: key \"boot[0].match.pcrs\": may stand in token rules alone; write it "
            "under \"expect\"");
}

TEST(BootRules, OfOneNameAreRefused) {
  const std::string rule =
      R"({"name": "a", "match": {"format": "tpm2"}, "mode": "monitor", "expect": {"event_log": true}})";
  EXPECT_NE(refusal_of(R"({"rules": [], "boot": [)" + rule + "," + rule + "]}")
                .find("key \"boot[1].name\": is another boot rule's name too"),
            std::string::npos);
}

TEST(BootRules, WithALongNameAreRefused) {
  EXPECT_NE(refusal("\"machines\"", "\"" + std::string(65, 'n') + "\"").find("at most 64 octets"),
            std::string::npos);
}

TEST(BootRules, ThatExpectNothingAreRefused) {
  EXPECT_NE(refusal_of_expect("{}").find("key \"boot[0].expect\": must not be empty"),
            std::string::npos);
}

TEST(BootRules, WithAMisspeltConditionAreRefused) {
  EXPECT_EQ(
      refusal_of_expect(R"({"secure_bot": true})"),
      "policy.json:8: key \"boot[0].expect.secure_bot\": unknown key; the nearest known one is "
      "\"secure_boot\"");
}

TEST(BootRules, ThatWouldExpectTheContraryAreRefused) {
  for (const std::string key : {"secure_boot", "exit_boot_services", "clock_safe", "event_log"}) {
    EXPECT_EQ(refusal_of_expect("{\"" + key + "\": false}"),
              "policy.json:8: key \"boot[0].expect." + key +
                  "\": must be true; leave it out to expect nothing");
  }
}

TEST(BootRules, WithAPcrThatIsNoneAreRefused) {
  EXPECT_EQ(refusal_of_expect(R"({"pcrs": {"24": []}})"),
            "policy.json:8: key \"boot[0].expect.pcrs.24\": must be the number of a PCR, from 0 to "
            "23");
  EXPECT_NE(refusal_of_expect(R"({"pcrs": {}})").find("must hold at least one PCR"),
            std::string::npos);
}

TEST(BootRules, WithAValueOfNoBankAreRefused) {
  EXPECT_EQ(
      refusal_of_expect(R"({"pcrs": {"4": ["00"]}})"),
      "policy.json:8: key \"boot[0].expect.pcrs.4[0]\": must be a digest of 40, 64, 96 or 128 "
      "hexadecimal digits (SHA-1, SHA-256, SHA-384, SHA-512)");
  EXPECT_NE(refusal_of_expect(R"({"boot_applications": ["x"]})").find("must be a digest"),
            std::string::npos);
  EXPECT_NE(refusal_of_expect(R"({"drivers": ["x"]})").find("must be a digest"), std::string::npos);
}

TEST(BootRules, WithWhatIsNoSha256OfACertificateAreRefused) {
  for (const std::string key : {"dbx_contains", "db_only", "kek_only", "pk_only", "boot_signers"}) {
    EXPECT_EQ(refusal_of_expect("{\"" + key + "\": [\"" + std::string(40, 'a') + "\"]}"),
              "policy.json:8: key \"boot[0].expect." + key +
                  "[0]\": must be a SHA-256 value of 64 hexadecimal digits");
  }
}

TEST(BootRules, WithAnEmptyListAreRefused) {
  for (const std::string key : {"dbx_contains", "db_only", "boot_signers", "boot_applications",
                                "drivers", "firmware_version"}) {
    EXPECT_NE(refusal_of_expect("{\"" + key + "\": []}").find("must hold at least one"),
              std::string::npos)
        << key;
  }
}

TEST(BootRules, OnTheCommandLineSayWhatOfIt) {
  EXPECT_NE(refusal_of_expect(R"({"kernel_command_line": {}})").find("must hold \"contains\""),
            std::string::npos);
}

TEST(BootRules, OnTheCommandLineNameWords) {
  for (const std::string key : {"contains", "lacks"}) {
    for (const std::string none : {"  ", R"(\"\")", R"(' ')"}) {
      EXPECT_EQ(
          refusal_of_expect(R"({"kernel_command_line": {")" + key + R"(": [")" + none + "\"]}}"),
          "policy.json:8: key \"boot[0].expect.kernel_command_line." + key +
              "[0]\": must hold a word")
          << none;
    }
  }
}

TEST(BootRules, OnImaSayWhatOfIt) {
  EXPECT_NE(refusal_of_expect(R"({"ima": {}})").find("must hold \"violations\""),
            std::string::npos);
  EXPECT_NE(refusal_of_expect(R"({"ima": {"violations": 1}})").find("must be from 0 to 0"),
            std::string::npos);
}

TEST(BootRules, SayWhichPcrsTheyGoBy) {
  const std::string digest_1 = "[\"" + digest("1") + "\"]";
  const std::map<std::string, std::set<unsigned>> needed = {
      {R"({"event_log": true, "clock_safe": true})", {}},
      {R"({"pcrs": {"14": )" + digest_1 + "}}", {14}},
      {R"({"secure_boot": true})", {7}},
      {R"({"dbx_contains": )" + digest_1 + "}", {7}},
      {R"({"db_only": )" + digest_1 + "}", {7}},
      {R"({"kek_only": )" + digest_1 + "}", {7}},
      {R"({"pk_only": )" + digest_1 + "}", {7}},
      {R"({"boot_signers": )" + digest_1 + "}", {7}},
      {R"({"boot_applications": )" + digest_1 + "}", {4}},
      {R"({"drivers": )" + digest_1 + "}", {2, 4}},
      {R"({"drivers": )" + digest_1 + R"(, "boot_applications": )" + digest_1 + "}", {2, 4}},
      {R"({"firmware_version": ["1"]})", {0}},
      {R"({"exit_boot_services": true})", {5}},
      {R"({"kernel_command_line": {"contains": ["ro"]}})", {8, 12}},
      {R"({"kernel_command_line": {"lacks": ["ro"]}})", {8, 12}},
      {R"({"kernel_command_line": {"is": ["ro"]}})", {8, 12}},
      {R"({"ima": {"violations": 0}})", {10}},
      {R"({"baseline": "b.json"})", {0, 9}},
      {R"({"reference": "b.json"})", {0, 9}},
  };
  const std::string file = R"({"name": "b", "bank": "sha256", "pcrs": {"0": )" + digest_1 +
                           R"(}, "events": [{"pcr": 9, "type": "EV_IPL", "digests": )" + digest_1 +
                           "}]}";
  for (const auto& [expect, wanted] : needed) {
    std::set<unsigned> pcrs;
    for (const auto& [pcr, conditions] :
         test::boot_policy_of(expect, "monitor", {{"b.json", file}}).needed_pcrs())
      pcrs.insert(pcr);
    EXPECT_EQ(pcrs, wanted) << expect;
  }
}

TEST(BootRules, NameTheConditionsThatGoByAPcr) {
  const auto policy = test::policy_of(R"({"rules": [{"name": "all", "match": {"pcrs": {"7": [")" +
                                      digest("1") + R"("]}},
    "grant": [{"audience": "https://api.example", "scopes": ["read"]}]}],
    "boot": [{"name": "machines", "match": {"format": "tpm2"}, "mode": "monitor",
              "expect": {"secure_boot": true}}]})");
  const NeededPcrs wanted = {{7, {"rule \"all\": pcrs", "boot rule \"machines\": secure_boot"}}};
  EXPECT_EQ(policy.needed_pcrs(), wanted);
}

TEST(BootRules, AttestAgainWithinAMinuteAndAMonth) {
  EXPECT_NE(refusal(R"("mode")", R"("attest_again_seconds": 59, "mode")")
                .find("must be from 60 to 2592000, not 59"),
            std::string::npos);
}

TEST(BootRules, TakeDigestsInEitherCase) {
  std::string upper = digest("04a");
  upper[2] = 'A';
  EXPECT_FALSE(
      test::appraised(R"({"pcrs": {"4": [")" + upper + R"("]}})", test::good_boot()).refused());
}

TEST(BootRules, ThatAreBrokenInAnyWayAreRefusedWithTheirLine) {
  const std::string good =
      test::boot_policy(R"({"pcrs": {"4": [")" + digest("04a") + R"("]}, "secure_boot": true,
        "kernel_command_line": {"lacks": ["init="]}, "ima": {"violations": 0}})");
  std::size_t refused = 0;
  mintmark::test::for_each_mutation(good, 3'000, [&](const std::string& text) {
    const auto policy = Policy::from_text("policy.json", text);
    if (policy) return;
    ++refused;
    ASSERT_TRUE(mintmark::test::names_a_line(policy.error().detail, "policy.json", text))
        << policy.error().detail;
  });
  EXPECT_GT(refused, 2'000U);
}

}  // namespace
}  // namespace mintmark::policy
