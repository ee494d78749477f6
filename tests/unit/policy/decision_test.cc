#include <gtest/gtest.h>

#include "sample.h"

namespace mintmark::policy {
namespace {

using test::decide;
using test::fitting_device;
using test::policy_of;
using test::sample;
using Scopes = std::vector<std::string>;

constexpr auto api = "https://api.example";

class Decision : public testing::Test {
 protected:
  Result<Grant> ask(const TokenRequest& request) { return decide(policy_, device_, request); }
  Code refusal(const TokenRequest& request) {
    const auto grant = ask(request);
    return grant ? Code::internal : grant.error().code;
  }

  const Policy policy_ = policy_of(sample);
  attest::RecordedDevice device_ = fitting_device();
};

TEST_F(Decision, GrantsWhatTheRuleSays) {
  const auto grant = ask({api, {"read", "write"}});
  ASSERT_TRUE(grant) << grant.error().to_string();
  EXPECT_EQ(grant->audience(), api);
  EXPECT_EQ(grant->scopes(), (Scopes{"read", "write"}));
  EXPECT_EQ(grant->life(), std::chrono::seconds(200));
  EXPECT_EQ(grant->rule(), "sensors");
}

TEST_F(Decision, GrantsAllScopesWhenNoneIsAskedFor) {
  EXPECT_EQ(ask({api, {}})->scopes(), (Scopes{"read", "write"}));
}

TEST_F(Decision, GrantsOnlyWhatIsAskedFor) {
  EXPECT_EQ(ask({api, {"write"}})->scopes(), Scopes{"write"});
}

TEST_F(Decision, GivesScopesOnceAndInTheOrderOfTheGrant) {
  EXPECT_EQ(ask({api, {"write", "read", "write", "read"}})->scopes(), (Scopes{"read", "write"}));
}

TEST_F(Decision, TakesTheDefaultAudienceWhenNoneIsNamed) {
  EXPECT_EQ(ask({"", {}})->audience(), api);
}

TEST_F(Decision, TakesTheShorterLifeOfGrantAndConfiguration) {
  const TokenRequest request{api, {}};
  EXPECT_EQ(decide(policy_, device_, request, std::chrono::seconds(100))->life(),
            std::chrono::seconds(100));
  EXPECT_EQ(decide(policy_, device_, request, std::chrono::seconds(999))->life(),
            std::chrono::seconds(200));
}

TEST_F(Decision, TakesTheConfiguredLifeWhereTheGrantNamesNone) {
  EXPECT_EQ(ask({"https://log.example", {}})->life(), std::chrono::seconds(300));
}

TEST_F(Decision, TakesTheConfiguredLifeWhereTheEvidenceDoesNotAge) {
  EXPECT_EQ(ask({.audience = "https://log.example", .scopes = {}, .now = from_unix(1'800'000'000)})
                ->life(),
            std::chrono::seconds(300));
}

TEST_F(Decision, NeverOutlivesTheEvidence) {
  TokenRequest request{.audience = api, .scopes = {}, .now = from_unix(1'800'000'000)};
  request.evidence_until = request.now + std::chrono::seconds(17);
  EXPECT_EQ(ask(request)->life(), std::chrono::seconds(17));
  request.evidence_until = request.now + std::chrono::seconds(201);
  EXPECT_EQ(ask(request)->life(), std::chrono::seconds(200));
}

TEST_F(Decision, IsADenialWhereTheEvidenceHasNothingLeft) {
  TokenRequest request{.audience = api, .scopes = {}, .now = from_unix(1'800'000'000)};
  for (const int left : {0, -1}) {
    request.evidence_until = request.now + std::chrono::seconds(left);
    EXPECT_EQ(refusal(request), Code::evidence_stale) << left;
  }
}

TEST_F(Decision, ForASessionKeyLivesAnHourAtMost) {
  const Policy policy = policy_of(R"({"rules": [
    {"name": "a", "match": {"format": "tpm2"}, "grant": [{"audience": "urn:a", "scopes": ["x"]}]}]})");
  TokenRequest request{.audience = "urn:a", .scopes = {}};
  const auto longest = std::chrono::hours(8);
  EXPECT_EQ(decide(policy, device_, request, longest)->life(), longest);
  request.session_key = true;
  EXPECT_EQ(decide(policy, device_, request, longest)->life(), std::chrono::seconds(3600));
}

TEST_F(Decision, SaysHowTheTokensKeyIsProtected) {
  const Policy policy = policy_of(R"({"rules": [
    {"name": "a", "match": {"format": "tpm2"}, "grant": [{"audience": "urn:a", "scopes": ["x"]}]}]})");
  TokenRequest request{.audience = "urn:a", .scopes = {}};
  EXPECT_EQ(decide(policy, device_, request)->key_protection(), "hardware");
  request.session_key = true;
  EXPECT_EQ(decide(policy, device_, request)->key_protection(), "session");
}

/// The sample, whose first rule is open on Mondays from 08:00 to 18:00 UTC.
Policy on_mondays() {
  return policy_of(test::replaced(
      test::sample, R"("labels": )",
      R"("times": [{"days": ["mon"], "from": "08:00", "to": "18:00"}], "labels": )"));
}
const Moment monday = from_unix(1'701'043'200);  // 27 November 2023.

TEST_F(Decision, IsMadeByARuleWithinItsTimes) {
  const Policy policy = on_mondays();
  TokenRequest request{.audience = api, .scopes = {}, .now = monday + std::chrono::hours(8)};
  EXPECT_EQ(decide(policy, device_, request)->life(), std::chrono::seconds(200));
}

TEST_F(Decision, IsADenialForTheTimeWhereARuleWouldMatchButForIt) {
  const Policy policy = on_mondays();
  TokenRequest request{.audience = api, .scopes = {}, .now = monday};
  const auto grant = decide(policy, device_, request);
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().code, Code::policy_time);
  EXPECT_EQ(grant.error().detail,
            "it is mon 00:00 UTC, and the rule \"sensors\" is for mon 08:00 to 18:00 (UTC)");
  request.audience.clear();
  EXPECT_EQ(decide(policy, device_, request).error().code, Code::policy_time);
}

TEST_F(Decision, IsNoDenialForTheTimeWhereMoreThanItIsWrong) {
  const Policy policy = on_mondays();
  TokenRequest request{.audience = "https://bank.example", .scopes = {}, .now = monday};
  EXPECT_EQ(decide(policy, device_, request).error().code, Code::policy_audience);
  request.audience = api;
  device_.labels["site"] = "paris";
  EXPECT_EQ(decide(policy, device_, request).error().code, Code::policy_audience);
  device_.facts.format = "key";
  EXPECT_EQ(decide(policy, device_, request).error().code, Code::policy_no_rule);
}

TEST_F(Decision, IsMadeByALaterRuleWhereTheFirstIsClosed) {
  const Policy policy = policy_of(R"({"rules": [
    {"name": "day", "match": {"format": "tpm2", "times": [{"from": "08:00", "to": "18:00"}]},
     "grant": [{"audience": "urn:a", "scopes": ["x", "y"]}]},
    {"name": "night", "match": {"format": "tpm2"}, "grant": [{"audience": "urn:a", "scopes": ["x"]}]}]})");
  TokenRequest request{.audience = "urn:a", .scopes = {}, .now = monday};
  EXPECT_EQ(decide(policy, device_, request)->rule(), "night");
  request.now = monday + std::chrono::hours(9);
  EXPECT_EQ(decide(policy, device_, request)->rule(), "day");
}

TEST_F(Decision, NeverOutlivesTheTimesOfItsRule) {
  const Policy policy = on_mondays();
  TokenRequest request{.audience = api,
                       .scopes = {},
                       .now = monday + std::chrono::hours(18) - std::chrono::seconds(9)};
  EXPECT_EQ(decide(policy, device_, request)->life(), std::chrono::seconds(9));
}

TEST_F(Decision, GoesOnToALaterRuleThatGrantsTheAudience) {
  const auto grant = ask({"https://time.example", {}});
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->rule(), "all the others");
}

TEST_F(Decision, IsMadeByTheFirstRuleThatGrantsTheAudience) {
  const Policy policy = policy_of(R"({"rules": [
    {"name": "narrow", "match": {"format": "tpm2"}, "grant": [{"audience": "urn:a", "scopes": ["x"]}]},
    {"name": "wide", "match": {"format": "tpm2"}, "grant": [{"audience": "urn:a", "scopes": ["x", "y"]}]}]})");
  EXPECT_EQ(decide(policy, device_, {"urn:a", {}})->rule(), "narrow");
  EXPECT_EQ(decide(policy, device_, {"urn:a", {"y"}}).error().code, Code::policy_scope);
}

TEST_F(Decision, TakesTheDefaultOfALaterRuleWhereTheFirstHasNone) {
  const Policy policy = policy_of(R"({"rules": [
    {"name": "a", "match": {"format": "tpm2"}, "grant": [{"audience": "urn:a", "scopes": ["x"]}]},
    {"name": "b", "match": {"format": "tpm2"}, "grant": [{"audience": "urn:b", "scopes": ["x"]}],
     "default_audience": "urn:b"}]})");
  EXPECT_EQ(decide(policy, device_, {"", {}})->audience(), "urn:b");
}

TEST_F(Decision, IsADenialWhereNoRuleMatches) {
  device_.facts.format = "other";
  EXPECT_EQ(refusal({api, {"read"}}), Code::policy_no_rule);
  EXPECT_EQ(refusal({"", {}}), Code::policy_no_rule);
}

TEST_F(Decision, IsADenialWhereThereAreNoRules) {
  const Policy empty = policy_of(R"({"rules": []})");
  EXPECT_EQ(empty.rules(), 0U);
  EXPECT_EQ(decide(empty, device_, {api, {}}).error().code, Code::policy_no_rule);
}

TEST_F(Decision, IsADenialOfAnAudienceThatNobodyGrants) {
  EXPECT_EQ(refusal({"https://bank.example", {}}), Code::policy_audience);
}

TEST_F(Decision, IsADenialOfAnAudienceThatOnlyAnotherRuleGrants) {
  device_.labels["site"] = "paris";
  EXPECT_EQ(refusal({api, {"read"}}), Code::policy_audience);
}

TEST_F(Decision, ComparesAudiencesOctetByOctet) {
  for (const auto* audience :
       {"https://API.example", "https://api.example/", "https://api.example:443",
        "https://api.example ", "HTTPS://api.example", "https://api.exampl"}) {
    EXPECT_EQ(refusal({audience, {}}), Code::policy_audience) << audience;
  }
}

TEST_F(Decision, IsADenialWithoutAudienceWhereNoRuleHasADefault) {
  device_.labels["site"] = "paris";
  EXPECT_EQ(refusal({"", {"read"}}), Code::policy_audience);
}

TEST_F(Decision, GrantsWhatIsBothAskedForAndGranted) {
  EXPECT_EQ(ask({api, {"admin", "write", "root"}})->scopes(), Scopes{"write"});
}

TEST_F(Decision, IsADenialWhereNothingAskedForIsGrantedAndNamesBoth) {
  const auto grant = ask({api, {"admin", "root"}});
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().code, Code::policy_scope);
  EXPECT_EQ(grant.error().detail, "none of these is granted: admin root; granted are: read write");
}

TEST_F(Decision, DoesNotTakeScopesOfAnotherAudience) {
  EXPECT_EQ(refusal({api, {"append"}}), Code::policy_scope);
}

TEST_F(Decision, ComparesScopesOctetByOctet) {
  for (const auto* scope : {"Read", "rea", "read ", "readwrite", ""}) {
    EXPECT_EQ(refusal({api, {scope}}), Code::policy_scope) << scope;
  }
}

TEST_F(Decision, KeepsWhatStrangersSendShortAndOnOneLine) {
  const auto audience = ask({std::string(5000, 'a') + "\n", {}});
  EXPECT_LT(audience.error().detail.size(), 200U);
  const auto scopes = ask({api, Scopes(100, std::string(1000, '\n'))});
  EXPECT_LT(scopes.error().detail.size(), 300U);
  EXPECT_EQ(scopes.error().detail.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace mintmark::policy
