#include "admin/policy_endpoints.h"

#include <gtest/gtest.h>

#include "support/manual_clock.h"

namespace mintmark::admin {
namespace {

using std::chrono::seconds;

constexpr auto policy_text = R"({"rules": [
  {"name": "berlin", "match": {"format": "tpm2", "labels": {"site": "berlin"}},
   "grant": [{"audience": "https://api.example", "scopes": ["read", "write"]}],
   "default_audience": "https://api.example"},
  {"name": "mondays", "match": {"format": "tpm2", "times": [{"days": ["mon"]}]},
   "grant": [{"audience": "https://log.example", "scopes": ["append"]}]}]})";

class PolicyEndpoints : public testing::Test {
 protected:
  PolicyEndpoints() {
    device_.id = "d1";
    device_.state = "enrolled";
    device_.jkt = "jkt";
    device_.facts.format = "tpm2";
    device_.facts.key_protection = "hardware";
    device_.labels = {{"site", "berlin"}};
    device_.attested_at = clock_.now();
    add_policy(router_, {.policy = [this] { return policy_; },
                         .device = [this](const std::string& id) { return find(id); },
                         .clock = clock_,
                         .freshness = seconds{3600},
                         .longest_life = seconds{300}});
  }

  std::shared_ptr<const attest::RecordedDevice> find(const std::string& id) const {
    return id == device_.id ? std::make_shared<const attest::RecordedDevice>(device_) : nullptr;
  }
  http::Response post(const std::string& what, const std::string& body) const {
    http::Request request;
    request.method = "POST";
    request.path = "/admin/v1/policy/" + what;
    request.body = body;
    http::Response answer;
    router_(request, [&](http::Response response) { answer = std::move(response); });
    return answer;
  }
  Json explain(const Json& question) const {
    const http::Response answer = post("explain", question.dump());
    EXPECT_EQ(answer.status, 200U) << answer.body;
    return Json::parse(answer.body);
  }
  static void expect_refused(const http::Response& answer, unsigned status, const char* code,
                             const std::string& words) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const Json body = Json::parse(answer.body);
    EXPECT_EQ(body["error"], code);
    EXPECT_NE(body["error_description"].get<std::string>().find(words), std::string::npos)
        << answer.body;
  }

  test::ManualClock clock_;
  attest::RecordedDevice device_;
  std::shared_ptr<const policy::Policy> policy_ =
      std::make_shared<const policy::Policy>(*policy::Policy::from_text("p", policy_text));
  http::Router router_;
};

TEST_F(PolicyEndpoints, ExplainAGrant) {
  const Json answer =
      explain({{"id", "d1"}, {"scopes", {"read", "admin"}}, {"resource", "https://api.example"}});
  EXPECT_EQ(answer["granted"], Json::parse(R"({
    "rule": "berlin", "audience": "https://api.example", "scopes": ["read"], "expires_in": 300,
    "life_limit": "configuration", "key_protection": "hardware"})"));
  EXPECT_FALSE(answer.contains("refused"));
  EXPECT_EQ(answer["device"], Json::parse(R"({
    "id": "d1", "format": "tpm2", "key_protection": "hardware", "state": "enrolled"})"));
  EXPECT_EQ(answer["at"], to_unix(clock_.now()));
}

TEST_F(PolicyEndpoints, ExplainWithTheIdAlone) {
  EXPECT_EQ(explain({{"id", "d1"}})["granted"]["audience"], "https://api.example");
}

TEST_F(PolicyEndpoints, ExplainARefusal) {
  device_.labels["site"] = "paris";
  const Json answer = explain({{"id", "d1"}, {"resource", "https://api.example"}});
  EXPECT_FALSE(answer.contains("granted"));
  EXPECT_EQ(answer["refused"]["code"], "policy_audience");
  EXPECT_EQ(answer["refused"]["error"], "invalid_target");
  EXPECT_EQ(answer["rules"][0]["condition"], "labels.site");
}

TEST_F(PolicyEndpoints, ExplainAnotherMoment) {
  // 27 November 2023 was a Monday; the clock of the tests stands elsewhere in the week.
  Json question = {{"id", "d1"}, {"resource", "https://log.example"}, {"at", 1'701'129'600}};
  device_.attested_at = from_unix(1'701'043'200);
  EXPECT_EQ(explain(question)["rules"][1]["condition"], "times");
  question["at"] = 1'701'043'200;
  EXPECT_EQ(explain(question)["granted"]["rule"], "mondays");
}

TEST_F(PolicyEndpoints, ExplainASessionKey) {
  const Json answer = explain({{"id", "d1"}, {"session_key", true}});
  EXPECT_EQ(answer["granted"]["key_protection"], "session");
}

TEST_F(PolicyEndpoints, ExplainTheStandingFirst) {
  device_.state = "revoked";
  Json answer = explain({{"id", "d1"}});
  EXPECT_FALSE(answer.contains("granted"));
  EXPECT_EQ(answer["refused"]["error"], "invalid_client");
  EXPECT_EQ(answer["device"]["state"], "revoked");
  EXPECT_TRUE(answer["rules"][0]["decides"].get<bool>());
  device_.state = "enrolled";
  clock_.advance(seconds{3600});
  EXPECT_EQ(explain({{"id", "d1"}})["refused"]["code"], "evidence_stale");
}

TEST_F(PolicyEndpoints, ExplainALifeThatTheEvidenceLimits) {
  clock_.advance(seconds{3590});
  const Json answer = explain({{"id", "d1"}});
  EXPECT_EQ(answer["granted"]["expires_in"], 10);
  EXPECT_EQ(answer["granted"]["life_limit"], "evidence");
}

TEST_F(PolicyEndpoints, ExplainADeviceWithoutEvidenceAsOneWhoseEvidenceDoesNotAge) {
  policy_ = std::make_shared<const policy::Policy>(*policy::Policy::from_text("p", R"({"rules": [
    {"name": "keys", "match": {"format": "key", "key_protection": "none"},
     "grant": [{"audience": "urn:a", "scopes": ["x"]}], "default_audience": "urn:a"}]})"));
  device_.facts.format = "key";
  device_.facts.key_protection = "none";
  clock_.advance(seconds{1'000'000});
  EXPECT_EQ(explain({{"id", "d1"}})["granted"]["life_limit"], "configuration");
}

TEST_F(PolicyEndpoints, AskThePolicyThatIsInForceThen) {
  policy_ =
      std::make_shared<const policy::Policy>(*policy::Policy::from_text("p", R"({"rules": []})"));
  EXPECT_EQ(explain({{"id", "d1"}})["refused"]["code"], "policy_no_rule");
}

TEST_F(PolicyEndpoints, KnowNoOtherDevice) {
  expect_refused(post("explain", R"({"id": "d2"})"), 404, "device_not_found", "no device d2");
}

TEST_F(PolicyEndpoints, RefuseAQuestionThatIsNone) {
  for (const auto& [body, words] : std::vector<std::pair<const char*, const char*>>{
           {"", "not valid JSON"},
           {"[]", "must be an object"},
           {"{}", "\"id\": is missing"},
           {R"({"id": 1})", "\"id\": must be text"},
           {R"({"id": "d1", "scopes": "read"})", "\"scopes\": must be a list"},
           {R"({"id": "d1", "resource": ""})", "\"resource\": must not be empty"},
           {R"({"id": "d1", "at": -1})", "\"at\": must be from 0"},
           {R"({"id": "d1", "session_key": 1})", "\"session_key\": must be"},
           {R"({"id": "d1", "scope": "read"})", "the nearest known one is \"scopes\""}}) {
    expect_refused(post("explain", body), 400, "admin_member_wrong", words);
  }
}

TEST_F(PolicyEndpoints, CheckAGoodText) {
  const http::Response answer =
      post("check", Json{{"text", policy_text}, {"file", "policy.json"}}.dump());
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(Json::parse(answer.body), (Json{{"rules", 2}}));
}

TEST_F(PolicyEndpoints, CheckABadTextWithItsPlace) {
  const std::string text = "{\n\"rules\": [\n{\"name\": \"a\", \"mach\": {}}]}";
  expect_refused(post("check", Json{{"text", text}, {"file", "policy.json"}}.dump()), 400,
                 "policy_invalid",
                 "policy.json:3: key \"rules[0].mach\": unknown key; the nearest known one is "
                 "\"match\"");
}

TEST_F(PolicyEndpoints, CheckPutsNothingInForce) {
  const auto before = policy_;
  EXPECT_EQ(post("check", R"({"text": "{\"rules\": []}"})").status, 200U);
  EXPECT_EQ(policy_, before);
}

TEST_F(PolicyEndpoints, RefuseToCheckWhatIsNoText) {
  for (const auto* body : {"", "[]", "{}", R"({"text": 1})", R"({"text": "{}", "file": 1})"}) {
    const http::Response answer = post("check", body);
    EXPECT_EQ(answer.status, 400U) << body;
    EXPECT_EQ(Json::parse(answer.body)["error"], "admin_member_wrong") << body;
  }
}

}  // namespace
}  // namespace mintmark::admin
