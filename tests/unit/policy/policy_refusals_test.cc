// One test a refusal: each breaks one thing of a good file and sees the line, the key and the
// words.
#include <gtest/gtest.h>

#include "sample.h"

namespace mintmark::policy {
namespace {

using test::replaced;
using test::sample;

std::string refusal_of(const std::string& text) {
  const auto policy = Policy::from_text("policy.json", text);
  if (policy) return "(not refused)";
  EXPECT_EQ(policy.error().code, Code::policy_invalid);
  return policy.error().detail;
}

/// The detail of the refusal of the sample with `from` replaced by `to`.
std::string refusal(const std::string& from, const std::string& to) {
  return refusal_of(replaced(sample, from, to));
}

void expect_text(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

/// Of the sample with more members in a match.
std::string refusal_of_match(const std::string& members) {
  return refusal(R"({"format": "tpm2"})", R"({"format": "tpm2", )" + members + "}");
}

TEST(PolicyRefusal, OfAFactThatNoFormatTells) {
  expect_text(refusal_of_match(R"("facts": {"patch": {"at_least": 1}})"),
              "key \"rules[1].match.facts.patch\": is no fact that any format tells; these are: "
              "aaguid, application");
}

TEST(PolicyRefusal, OfAConditionThatDoesNotFitItsFact) {
  expect_text(refusal_of_match(R"("facts": {})"), "key \"rules[1].match.facts\": must hold");
  expect_text(refusal_of_match(R"("facts": {"os_version": 14})"),
              "key \"rules[1].match.facts.os_version\"");
  expect_text(refusal_of_match(R"("facts": {"os_version": {}})"),
              "key \"rules[1].match.facts.os_version\": must say \"at_least\"");
  expect_text(refusal_of_match(R"("facts": {"os_version": {"at_least": 2, "at_most": 1}})"),
              "at_most\": must not be below at_least");
  expect_text(refusal_of_match(R"("facts": {"boot_locked": "yes"})"),
              "key \"rules[1].match.facts.boot_locked\"");
  expect_text(refusal_of_match(R"("facts": {"application": []})"),
              "key \"rules[1].match.facts.application\": must hold at least one");
  expect_text(refusal_of_match(R"("facts": {"application": {"none": true}})"),
              "key \"rules[1].match.facts.application");
}

TEST(PolicyRefusal, OfAnotherWordForStandingTokens) {
  expect_text(refusal(R"("match": {"format": "tpm2"},)",
                      R"("match": {"format": "tpm2"}, "standing_tokens": "suspend",)"),
              "key \"rules[1].standing_tokens\": must be \"keep\" or \"revoke\"");
}

TEST(PolicyRefusal, OfAProofThatThereIsNot) {
  expect_text(refusal_of_match(R"("proves": ["hardware", "love"])"),
              "key \"rules[1].match.proves[1]\": must be \"token_key\"");
}

TEST(PolicyFile, ThatIsGoodIsTaken) { EXPECT_EQ(test::policy_of(sample).rules(), 2U); }

TEST(PolicyFile, WithBrokenJsonIsRefusedWithItsLine) {
  expect_text(refusal(R"("name": "sensors",)", R"("name": "sensors")"),
              "policy.json:6: not valid JSON");
}

TEST(PolicyFile, WithAKeyThatStandsTwiceIsRefused) {
  expect_text(refusal(R"("name": "sensors",)", R"("name": "sensors", "name": "x",)"),
              "policy.json:5: the member \"name\" stands twice");
}

TEST(PolicyFile, ThatIsNoObjectIsRefused) {
  expect_text(refusal_of("[]"), "policy.json:1: the document must be");
}

TEST(PolicyFile, WithoutRulesIsRefused) {
  expect_text(refusal_of("{}"), "key \"rules\": is missing");
}

TEST(PolicyFile, WithRulesThatAreNoListIsRefused) {
  expect_text(refusal_of(R"({"rules": {}})"),
              "key \"rules\": must be a list of objects, not an object");
}

TEST(PolicyFile, WithAForeignKeyAtItsTopIsRefused) {
  expect_text(refusal_of(R"({"rules": [], "default": "allow"})"), "key \"default\": unknown key");
}

TEST(PolicyFile, WithAMisspeltKeyInARuleIsRefused) {
  EXPECT_EQ(
      refusal(R"("grant": [{"audience": "https://time.example")",
              R"("grants": [{"audience": "https://time.example")"),
      "policy.json:24: key \"rules[1].grants\": unknown key; the nearest known one is \"grant\"");
}

TEST(PolicyFile, WithAMisspeltConditionIsRefused) {
  expect_text(
      refusal(R"("manufacturer")", R"("manufacturers")"),
      "policy.json:9: key \"rules[0].match.manufacturers\": unknown key; the nearest known one is "
      "\"manufacturer\"");
}

TEST(PolicyFile, WithAForeignKeyInAGrantIsRefused) {
  expect_text(refusal(R"("scopes": ["append"])", R"("scopes": ["append"], "until": 1)"),
              "key \"rules[0].grant[1].until\": unknown key");
}

TEST(PolicyFile, WithARuleWithoutNameIsRefused) {
  expect_text(refusal(R"("name": "sensors",)", ""),
              "policy.json:4: key \"rules[0].name\": is missing");
}

TEST(PolicyFile, WithTwoRulesOfOneNameIsRefused) {
  expect_text(refusal("all the others", "sensors"),
              "policy.json:22: key \"rules[1].name\": is another rule's name too");
}

TEST(PolicyFile, WithALongNameIsRefused) {
  expect_text(refusal("all the others", std::string(65, 'a')),
              "key \"rules[1].name\": must be at most 64");
}

TEST(PolicyFile, WithoutMatchIsRefused) {
  expect_text(refusal(R"("match": {"format": "tpm2"},)", ""), "key \"rules[1].match\": is missing");
}

TEST(PolicyFile, WithAnEmptyMatchIsRefused) {
  EXPECT_EQ(
      refusal(R"("match": {"format": "tpm2"})", R"("match": {})"),
      "policy.json:23: key \"rules[1].match\": must not be empty, nor name times alone, since "
      "it would match every device; write {\"format\": \"tpm2\"} at least");
}

TEST(PolicyFile, WithAnUnknownFormatIsRefused) {
  expect_text(refusal(R"({"format": "tpm2"})", R"({"format": "tpm"})"),
              "key \"rules[1].match.format\": must be \"tpm2\"");
}

TEST(PolicyFile, WithAnEmptyFormatIsRefused) {
  expect_text(refusal(R"({"format": "tpm2"})", R"({"format": ""})"),
              "key \"rules[1].match.format\": must not be empty");
}

TEST(PolicyFile, WithAnUnknownKeyProtectionIsRefused) {
  expect_text(refusal(R"("hardware")", R"("strong")"),
              "key \"rules[0].match.key_protection\": must be \"hardware\"");
}

TEST(PolicyFile, WithAnUnknownWordInAListIsRefused) {
  expect_text(refusal(R"({"format": "tpm2"})", R"({"format": ["tpm2", "tpm"]})"),
              "key \"rules[1].match.format[1]\": must be \"tpm2\", \"key\", \"android-key\"");
  expect_text(refusal(R"("hardware")", R"(["none", "nothing"])"),
              "key \"rules[0].match.key_protection[1]\": must be \"hardware\", \"session\", "
              "\"unproven\" or \"none\"");
}

TEST(PolicyFile, WithAWordTwiceIsRefused) {
  expect_text(refusal(R"("hardware")", R"(["none", "none"])"),
              "key \"rules[0].match.key_protection[1]\": stands twice");
}

TEST(PolicyFile, WithAnEmptyListOfWordsIsRefused) {
  expect_text(refusal(R"({"format": "tpm2"})", R"({"format": []})"),
              "key \"rules[1].match.format\": must hold at least one");
}

std::string refusal_of_times(const std::string& times) {
  return refusal(R"({"format": "tpm2"})", R"({"format": "tpm2", "times": )" + times + "}");
}

TEST(PolicyFile, WithTimesIsTaken) {
  for (const auto* times :
       {R"([{"days": ["sat", "sun"]}])", R"([{"from": "22:00", "to": "06:00"}])",
        R"([{"days": ["mon"], "from": "00:00", "to": "24:00", "utc_offset": "-05:30"}])"}) {
    EXPECT_EQ(refusal_of_times(times), "(not refused)");
  }
}

TEST(PolicyFile, WithTimesAloneIsRefused) {
  expect_text(refusal(R"({"format": "tpm2"})", R"({"times": [{"days": ["mon"]}]})"),
              "key \"rules[1].match\": must not be empty, nor name times alone");
}

TEST(PolicyFile, WithTimesThatAreNoneIsRefused) {
  expect_text(refusal_of_times("[]"),
              "key \"rules[1].match.times\": must hold at least one window");
  expect_text(refusal_of_times("{}"), "key \"rules[1].match.times\": must be a list of objects");
  expect_text(refusal_of_times("[{}]"),
              "key \"rules[1].match.times[0]\": must name \"days\", or \"from\" and \"to\"");
}

TEST(PolicyFile, WithADayThatIsNoneIsRefused) {
  expect_text(refusal_of_times(R"([{"days": ["mon", "Tue"]}])"),
              "key \"rules[1].match.times[0].days[1]\": must be \"mon\", \"tue\"");
  expect_text(refusal_of_times(R"([{"days": []}])"),
              "key \"rules[1].match.times[0].days\": must hold at least one");
  expect_text(refusal_of_times(R"([{"days": ["mon", "mon"]}])"),
              "key \"rules[1].match.times[0].days[1]\": stands twice");
}

TEST(PolicyFile, WithHalfAWindowIsRefused) {
  expect_text(refusal_of_times(R"([{"from": "08:00"}])"),
              "key \"rules[1].match.times[0].to\": is missing");
  expect_text(refusal_of_times(R"([{"days": ["mon"], "to": "08:00"}])"),
              "key \"rules[1].match.times[0].from\": is missing");
}

TEST(PolicyFile, WithATimeThatIsNoneIsRefused) {
  expect_text(refusal_of_times(R"([{"from": "8:00", "to": "18:00"}])"),
              "key \"rules[1].match.times[0].from\": must be a time from \"00:00\" to \"23:59\"");
  expect_text(refusal_of_times(R"([{"from": "24:00", "to": "18:00"}])"),
              "key \"rules[1].match.times[0].from\": must be a time");
  expect_text(refusal_of_times(R"([{"from": "08:00", "to": "24:01"}])"),
              "key \"rules[1].match.times[0].to\": must be a time from \"00:00\" to \"24:00\"");
}

TEST(PolicyFile, WithAWindowOfNothingIsRefused) {
  expect_text(refusal_of_times(R"([{"from": "08:00", "to": "08:00"}])"),
              "key \"rules[1].match.times[0].to\": must be another time than \"from\"");
}

TEST(PolicyFile, WithAnOffsetThatIsNoneIsRefused) {
  expect_text(
      refusal_of_times(R"([{"days": ["mon"], "utc_offset": "CET"}])"),
      "policy.json:23: key \"rules[1].match.times[0].utc_offset\": must be an offset such as");
}

TEST(PolicyFile, WithAMisspeltKeyInAWindowIsRefused) {
  expect_text(
      refusal_of_times(R"([{"day": ["mon"], "from": "08:00", "to": "09:00"}])"),
      "key \"rules[1].match.times[0].day\": unknown key; the nearest known one is \"days\"");
}

TEST(PolicyFile, WithAManufacturerThatIsNoVendorIdIsRefused) {
  expect_text(refusal("id:49465800", "49465800"),
              "policy.json:9: key \"rules[0].match.manufacturer[1]\": must be a TCG vendor id");
}

TEST(PolicyFile, WithAnEmptyListOfManufacturersIsRefused) {
  expect_text(refusal(R"(["id:00001014", "id:49465800"])", "[]"),
              "key \"rules[0].match.manufacturer\": must hold at least one");
}

TEST(PolicyFile, WithTheSameManufacturerTwiceIsRefused) {
  expect_text(refusal("id:49465800", "id:00001014"),
              "key \"rules[0].match.manufacturer[1]\": stands twice");
}

TEST(PolicyFile, WithARootThatIsNoDigestIsRefused) {
  expect_text(refusal(test::root_a, test::root_a.substr(1)),
              "key \"rules[0].match.root[0]\": must be a SHA-256 value");
}

TEST(PolicyFile, WithARootThatIsNotHexadecimalIsRefused) {
  expect_text(refusal(test::root_a, "x" + test::root_a.substr(1)),
              "must be a SHA-256 value of 64 hexadecimal digits");
}

TEST(PolicyFile, WithAnEmptyListOfRootsIsRefused) {
  expect_text(refusal("[\"" + test::root_a + "\"]", "[]"),
              "key \"rules[0].match.root\": must hold at least one");
}

TEST(PolicyFile, WithAModelThatIsNoListIsRefused) {
  expect_text(refusal(R"(["swtpm"])", R"("swtpm")"),
              "key \"rules[0].match.model\": must be a list of texts, not text");
}

TEST(PolicyFile, WithAnEmptyListOfModelsIsRefused) {
  expect_text(refusal(R"(["swtpm"])", "[]"),
              "key \"rules[0].match.model\": must hold at least one");
}

TEST(PolicyFile, WithALabelThatIsNoTextIsRefused) {
  expect_text(refusal(R"("berlin")", "7"),
              "key \"rules[0].match.labels.site\": must be text, not a number");
}

TEST(PolicyFile, WithoutAnyLabelInLabelsIsRefused) {
  expect_text(refusal(R"({"site": "berlin"})", "{}"),
              "key \"rules[0].match.labels\": must hold at least one");
}

TEST(PolicyFile, WithAPcrThatNoTpmHasIsRefused) {
  expect_text(refusal(R"({"7":)", R"({"24":)"),
              "key \"rules[0].match.pcrs.24\": must be the number of a PCR");
}

TEST(PolicyFile, WithAPcrInAnotherSpellingIsRefused) {
  expect_text(refusal(R"({"7":)", R"({"07":)"),
              "key \"rules[0].match.pcrs.07\": must be the number of a PCR");
}

TEST(PolicyFile, WithAPcrValueThatIsNoDigestIsRefused) {
  expect_text(refusal(test::pcr_7, "77"),
              "key \"rules[0].match.pcrs.7[0]\": must be a PCR's value");
}

TEST(PolicyFile, WithoutAnyValueForAPcrIsRefused) {
  expect_text(refusal("[\"" + test::pcr_7 + "\"]", "[]"),
              "key \"rules[0].match.pcrs.7\": must hold at least one");
}

TEST(PolicyFile, WithoutAnyPcrInPcrsIsRefused) {
  expect_text(refusal("{\"7\": [\"" + test::pcr_7 + "\"]}", "{}"),
              "key \"rules[0].match.pcrs\": must hold at least one");
}

TEST(PolicyFile, WithoutGrantIsRefused) {
  expect_text(refusal(R"("match": {"format": "tpm2"},
      "grant": [{"audience": "https://time.example", "scopes": ["read"]}])",
                      R"("match": {"format": "tpm2"})"),
              "key \"rules[1].grant\": is missing");
}

TEST(PolicyFile, WithAnEmptyGrantIsRefused) {
  expect_text(refusal(R"([{"audience": "https://time.example", "scopes": ["read"]}])", "[]"),
              "key \"rules[1].grant\": must hold at least one");
}

TEST(PolicyFile, WithAnAudienceThatIsNoUriIsRefused) {
  expect_text(refusal("https://time.example", "time.example"),
              "policy.json:24: key \"rules[1].grant[0].audience\": must be an absolute URI");
}

TEST(PolicyFile, WithAnAudienceWithFragmentIsRefused) {
  expect_text(refusal("https://time.example", "https://time.example#now"),
              "key \"rules[1].grant[0].audience\": must be a URI without fragment");
}

TEST(PolicyFile, WithOneAudienceInTwoGrantsOfARuleIsRefused) {
  expect_text(refusal("https://log.example", "https://api.example"),
              "key \"rules[0].grant[1].audience\": stands in an earlier grant");
}

TEST(PolicyFile, WithoutScopesIsRefused) {
  expect_text(refusal(R"(, "scopes": ["append"])", ""),
              "key \"rules[0].grant[1].scopes\": is missing");
}

TEST(PolicyFile, WithEmptyScopesIsRefused) {
  expect_text(refusal(R"(["append"])", "[]"),
              "key \"rules[0].grant[1].scopes\": must hold at least one");
}

TEST(PolicyFile, WithTwoScopesInOneTextIsRefused) {
  expect_text(refusal(R"(["append"])", R"(["append read"])"),
              "key \"rules[0].grant[1].scopes[0]\": must be one scope");
}

TEST(PolicyFile, WithAScopeTwiceIsRefused) {
  expect_text(refusal(R"(["read", "write"])", R"(["read", "read"])"),
              "key \"rules[0].grant[0].scopes[1]\": stands twice");
}

TEST(PolicyFile, WithALifeOfNothingIsRefused) {
  expect_text(refusal("200", "0"),
              "policy.json:16: key \"rules[0].grant[0].longest_life_seconds\": must be from 1 to "
              "86400, not 0");
}

TEST(PolicyFile, WithALifeOfMoreThanADayIsRefused) {
  expect_text(refusal("200", "86401"), "must be from 1 to 86400, not 86401");
}

TEST(PolicyFile, WithADefaultAudienceThatTheRuleDoesNotGrantIsRefused) {
  expect_text(refusal(R"("default_audience": "https://api.example")",
                      R"("default_audience": "https://time.example")"),
              "policy.json:19: key \"rules[0].default_audience\": must be an audience that this "
              "rule grants");
}

}  // namespace
}  // namespace mintmark::policy
