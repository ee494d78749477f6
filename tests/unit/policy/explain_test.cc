// What operators are told: for each condition a device that fails it alone.
#include <gtest/gtest.h>

#include "sample.h"

namespace mintmark::policy {
namespace {

using test::fitting_device;
using test::policy_of;

constexpr auto api = "https://api.example";

// 27 November 2023 was a Monday.
const Moment monday_noon = from_unix(1'701'043'200) + std::chrono::hours(12);

class Explained : public testing::Test {
 protected:
  [[nodiscard]] Explanation ask(const TokenRequest& request) const {
    return policy_.explain(device_, request, std::chrono::seconds(300));
  }
  /// The first rule's answer, which does not match.
  void expect_mismatch(const std::string& condition, const std::string& has,
                       const std::string& wants) const {
    const Explanation explanation = ask({api, {}});
    const RuleAnswer& answer = explanation.rules.at(0);
    EXPECT_FALSE(answer.matched);
    EXPECT_FALSE(answer.decides);
    EXPECT_EQ(answer.condition, condition);
    EXPECT_EQ(answer.has, has);
    EXPECT_EQ(answer.wants, wants);
  }

  Policy policy_ = policy_of(test::sample);
  attest::RecordedDevice device_ = fitting_device();
};

TEST_F(Explained, GrantNamesTheRuleAndWhatStandsInTheToken) {
  const Explanation explanation = ask({api, {"read", "admin"}});
  ASSERT_TRUE(explanation.outcome);
  EXPECT_EQ(explanation.outcome->rule, "sensors");
  EXPECT_EQ(explanation.outcome->audience, api);
  EXPECT_EQ(explanation.outcome->scopes, std::vector<std::string>{"read"});
  EXPECT_EQ(explanation.outcome->life, std::chrono::seconds(200));
  EXPECT_EQ(explanation.outcome->life_limit, "grant");
  EXPECT_EQ(explanation.outcome->key_protection, "hardware");
}

TEST_F(Explained, RulesAreAllAnsweredAndOneDecides) {
  const Explanation explanation = ask({api, {}});
  ASSERT_EQ(explanation.rules.size(), 2U);
  EXPECT_EQ(explanation.rules[0].rule, "sensors");
  EXPECT_TRUE(explanation.rules[0].decides);
  EXPECT_TRUE(explanation.rules[1].matched);
  EXPECT_FALSE(explanation.rules[1].grants_audience);
  EXPECT_FALSE(explanation.rules[1].decides);
}

TEST_F(Explained, LaterRuleThatWouldGrantTooDoesNotDecide) {
  policy_ = policy_of(R"({"rules": [
    {"name": "a", "match": {"format": "tpm2"}, "grant": [{"audience": "urn:a", "scopes": ["x"]}]},
    {"name": "b", "match": {"format": "tpm2"}, "grant": [{"audience": "urn:a", "scopes": ["y"]}]}]})");
  const Explanation explanation = ask({"urn:a", {}});
  EXPECT_TRUE(explanation.rules[0].decides);
  EXPECT_TRUE(explanation.rules[1].grants_audience);
  EXPECT_FALSE(explanation.rules[1].decides);
}

TEST_F(Explained, FormatThatIsAnother) {
  device_.facts.format = "key";
  expect_mismatch("format", "key", "tpm2");
}

TEST_F(Explained, ProtectionThatIsAnother) {
  device_.facts.key_protection = "unproven";
  expect_mismatch("key_protection", "unproven", "hardware");
}

TEST_F(Explained, ProtectionThatNoRuleNames) {
  policy_ = policy_of(R"({"rules": [
    {"name": "a", "match": {"format": "tpm2"}, "grant": [{"audience": "urn:a", "scopes": ["x"]}]}]})");
  device_.facts.key_protection = "none";
  expect_mismatch("key_protection", "none", "hardware or session or unproven");
}

TEST_F(Explained, ManufacturerThatIsAnother) {
  device_.facts.manufacturer = "";
  expect_mismatch("manufacturer", "nothing", "id:00001014 or id:49465800");
}

TEST_F(Explained, RootThatIsAnother) {
  device_.facts.root = std::string(64, 'b');
  expect_mismatch("root", std::string(64, 'b'), test::root_a);
}

TEST_F(Explained, ModelThatIsAnother) {
  device_.facts.model = "SLB\n9670";
  expect_mismatch("model", "SLB?9670", "swtpm");
}

TEST_F(Explained, LabelThatIsAnotherOrMissing) {
  device_.labels["site"] = "paris";
  expect_mismatch("labels.site", "paris", "berlin");
  device_.labels.clear();
  expect_mismatch("labels.site", "nothing", "berlin");
}

TEST_F(Explained, PcrThatIsAnotherOrMissing) {
  device_.facts.pcrs[7] = std::string(64, '1');
  expect_mismatch("pcrs.7", std::string(64, '1'), test::pcr_7);
  device_.facts.pcrs.erase(7);
  expect_mismatch("pcrs.7", "nothing", test::pcr_7);
}

TEST_F(Explained, BankThatIsAnother) {
  device_.facts.pcr_bank = "sha1";
  expect_mismatch("pcrs.7", "the bank sha1", "a bank of SHA-256, SHA-384 or SHA-512");
}

TEST_F(Explained, ProofThatIsMissing) {
  policy_ = policy_of(test::replaced(test::sample, R"("labels": )",
                                     R"("proves": ["hardware", "boot_state"], "labels": )"));
  expect_mismatch("proves", "nothing", "hardware");
  device_.facts.proves = {"hardware", "token_key"};
  expect_mismatch("proves", "hardware, token_key", "boot_state");
}

TEST_F(Explained, FactOfEachKindThatIsAnotherOrMissing) {
  struct Case {
    const char* name;
    const char* condition;
    std::optional<attest::FactValue> value;
    const char* has;
    const char* wants;
  };
  using Texts = std::vector<std::string>;
  const std::vector<Case> cases = {
      {"boot_locked", "true", std::nullopt, "nothing", "true"},
      {"boot_locked", "true", false, "false", "true"},
      {"boot_locked", "false", true, "true", "false"},
      {"security_level", R"(["strongbox", "software"])", "trusted_environment",
       "trusted_environment", "strongbox or software"},
      {"security_level", R"("strongbox")", "", "nothing", "strongbox"},
      {"os_patch_level", R"({"at_least": 202501})", std::int64_t{202412}, "202412",
       "at least 202501"},
      {"os_patch_level", R"({"at_most": 202501})", std::int64_t{202502}, "202502",
       "at most 202501"},
      {"os_patch_level", R"({"at_least": 202501, "at_most": 202503})", std::int64_t{202504},
       "202504", "at least 202501, at most 202503"},
      {"policies", R"(["1.2", "1.3"])", Texts{"1.4", "1.5"}, "1.4, 1.5", "1.2 or 1.3"},
      {"policies", R"("1.2")", Texts{}, "none", "1.2"},
      {"tcb_advisories", R"({"only": ["A", "B"]})", Texts{"A", "C"}, "A, C", "only A, B"},
      {"tcb_advisories", R"({"only": []})", Texts{"A"}, "A", "none"}};
  for (const Case& one : cases) {
    SCOPED_TRACE(std::string(one.name) + " " + one.condition);
    policy_ = policy_of(test::replaced(
        test::sample, R"("labels": )",
        R"("facts": {")" + std::string(one.name) + R"(": )" + one.condition + R"(}, "labels": )"));
    device_.facts.more.clear();
    if (one.value) device_.facts.more[one.name] = *one.value;
    expect_mismatch("facts." + std::string(one.name), one.has, one.wants);
  }
}

TEST_F(Explained, FirstConditionThatFailedIsTold) {
  device_.facts.manufacturer = "id:00000000";
  device_.labels.clear();
  expect_mismatch("manufacturer", "id:00000000", "id:00001014 or id:49465800");
}

TEST_F(Explained, TimeThatIsAnother) {
  policy_ = policy_of(test::replaced(test::sample, R"("labels": )",
                                     R"("times": [{"from": "13:00", "to": "14:00"}], "labels": )"));
  const Explanation explanation =
      ask({.audience = api, .scopes = {}, .session_key = false, .now = monday_noon});
  EXPECT_EQ(explanation.rules[0].condition, "times");
  EXPECT_EQ(explanation.rules[0].has, "mon 12:00 UTC");
  EXPECT_EQ(explanation.rules[0].wants, "13:00 to 14:00 (UTC)");
  ASSERT_FALSE(explanation.outcome);
  EXPECT_EQ(explanation.outcome.error().code, Code::policy_time);
}

TEST_F(Explained, LifeSaysWhatLimitsIt) {
  TokenRequest request{.audience = "https://log.example", .scopes = {}, .now = monday_noon};
  EXPECT_EQ(ask(request).outcome->life_limit, "configuration");
  request.evidence_until = monday_noon + std::chrono::seconds(10);
  EXPECT_EQ(ask(request).outcome->life_limit, "evidence");
  request.evidence_until.reset();
  request.session_key = true;
  policy_ = policy_of(R"({"rules": [{"name": "a", "match": {"format": "tpm2"},
    "grant": [{"audience": "https://log.example", "scopes": ["x"]}]}]})");
  const auto long_lived = policy_.explain(device_, request, std::chrono::hours(8));
  EXPECT_EQ(long_lived.outcome->life_limit, "session key");
  EXPECT_EQ(long_lived.outcome->key_protection, "session");
}

TEST_F(Explained, RefusalIsTheOneThatTheDeviceGets) {
  for (const TokenRequest& request :
       {TokenRequest{api, {"admin"}}, TokenRequest{"https://bank.example", {}}}) {
    const auto explained = ask(request).outcome;
    const auto decided = test::decide(policy_, device_, request);
    ASSERT_FALSE(explained);
    ASSERT_FALSE(decided);
    EXPECT_EQ(explained.error().to_string(), decided.error().to_string());
  }
}

TEST_F(Explained, GrantAsJson) {
  EXPECT_EQ(to_json(ask({api, {"read"}})), Json::parse(R"({
    "rules": [
      {"rule": "sensors", "matched": true, "grants_audience": true, "decides": true},
      {"rule": "all the others", "matched": true, "grants_audience": false, "decides": false}],
    "granted": {"rule": "sensors", "audience": "https://api.example", "scopes": ["read"],
                "expires_in": 200, "life_limit": "grant", "key_protection": "hardware"}})"));
}

TEST_F(Explained, RefusalAsJson) {
  device_.labels["site"] = "paris";
  EXPECT_EQ(to_json(ask({api, {}})), Json::parse(R"({
    "rules": [
      {"rule": "sensors", "matched": false, "condition": "labels.site", "has": "paris",
       "wants": "berlin"},
      {"rule": "all the others", "matched": true, "grants_audience": false, "decides": false}],
    "refused": {"error": "invalid_target", "code": "policy_audience",
                "error_description": "no rule for this device grants the audience https://api.example"}})"));
}

}  // namespace
}  // namespace mintmark::policy
