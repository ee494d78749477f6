// Our verdict as an EAT, on the whole path: switched on, fetched by device and operator, judged by
// programs we did not write.
#include <fstream>

#include "base/file.h"
#include "operating.h"

namespace mintmark::test {
namespace {

constexpr const char* profile = "tag:ietf.org,2026:rats/ear#04";

std::string line_of(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void expect_said(const Outcome& outcome, int status, const std::string& what) {
  EXPECT_EQ(outcome.status, status) << outcome.output;
  EXPECT_NE(outcome.output.find(what), std::string::npos) << outcome.output;
}

class ResultsOfAStack : public Operating {
 protected:
  static void SetUpTestSuite() {
    Operating::SetUpTestSuite();
    Stack& stack = Stack::instance();
    config_before = read_file(stack.directory() + "/mintd.json").value();
    before.agent = stack.agent({"result"});
    before.operators = control(stack, {"devices", "result", device_of(stack)});
    before.jwks = jwks_of(stack);
    std::string text = config_before;
    const std::string policy = R"("policy": "policy.json",)";
    text.replace(text.find(policy), policy.size(),
                 policy + R"( "results": {"enabled": true, "life_seconds": 120},)");
    restart_with(stack, text);
  }
  static void TearDownTestSuite() { restart_with(Stack::instance(), config_before); }

  static void restart_with(Stack& stack, const std::string& text) {
    std::ofstream(stack.directory() + "/mintd.json", std::ios::trunc) << text;
    stack.down();
    stack.up();
  }
  static Outcome control(const Stack& stack, std::vector<std::string> words) {
    words.insert(words.begin(), {stack["MINT_BIN"] + "/mintctl", "--admin", stack["MINT_ADMIN"]});
    return execute(words);
  }
  static std::string device_of(const Stack& stack) {
    return Json::parse(
        read_file(stack["MINT_AGENT_STATE"] + "/identity.json").value())["client_id"];
  }
  static std::string jwks_of(const Stack& stack) {
    return stack.curl({"--fail", stack["MINT_ISSUER"] + "/.well-known/jwks.json"}).output;
  }

  /// The claims, as the npm package jose has verified them.
  Json judged(const std::string& result) {
    const std::string keys = file("results-jwks.json");
    std::ofstream(keys, std::ios::trunc) << jwks_of(stack);
    const auto node =
        execute({"bash", "-c", "printf %s \"$1\" | \"$2/run\" verify.mjs \"${@:3}\"", "bash",
                 result, MINTMARK_JUDGES, "result", keys, stack["MINT_ISSUER"], id});
    EXPECT_EQ(node.status, 0) << node.output;
    const auto cli = execute(
        {"bash", "-c", "printf %s \"$1\" | jose jws ver -i- -k \"$2\" -O-", "bash", result, keys});
    EXPECT_EQ(cli.status, 0) << cli.output;
    return node.status == 0 ? Json::parse(node.output) : Json();
  }
  std::string own_result() {
    const auto outcome = stack.agent({"result", "--nonce", "a-nonce-of-mine"});
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    return line_of(outcome.output);
  }

  struct Before {
    Outcome agent;
    Outcome operators;
    std::string jwks;
  };
  static inline Before before;
  static inline std::string config_before;
  const std::string id = device_of(stack);
};

TEST_F(ResultsOfAStack, AreOffUnlessTheConfigurationWantsThem) {
  expect_said(before.agent, 1, "http_path_unknown");
  expect_said(before.operators, 1, "result_unavailable");
  EXPECT_EQ(before.jwks.find("\"result\""), std::string::npos);
}

TEST_F(ResultsOfAStack, AreSignedByAKeyThatIsPublishedForThem) {
  const Json keys = Json::parse(jwks_of(stack))["keys"];
  int of_results = 0;
  for (const Json& key : keys) of_results += key["mintmark_purpose"] == "result" ? 1 : 0;
  EXPECT_GE(of_results, 1) << keys.dump();
}

TEST_F(ResultsOfAStack, OfTheDeviceItselfAreTakenByAnotherJose) {
  const Json claims = judged(own_result());
  EXPECT_EQ(claims["eat_profile"], profile);
  EXPECT_EQ(claims["sub"], id);
  EXPECT_EQ(claims["eat_nonce"], "a-nonce-of-mine");
  EXPECT_EQ(claims["exp"].get<int>() - claims["iat"].get<int>(), 120);
  EXPECT_EQ(claims["cnf"]["jkt"], stack.control({"devices", "show", id})["jkt"]);
  const Json& appraisal = claims["submods"]["tpm2"];
  EXPECT_EQ(appraisal["ear_status"], "affirming");
  EXPECT_EQ(appraisal["ear_trustworthiness_vector"]["instance-identity"], 2);
  EXPECT_EQ(appraisal["ear_trustworthiness_vector"]["hardware"], 2);
  EXPECT_EQ(appraisal["mintmark"]["key_protection"], "hardware");
  EXPECT_FALSE(appraisal["mintmark"]["pcrs"].empty());
}

TEST_F(ResultsOfAStack, OfTheOperatorAreTheSame) {
  const auto plain = mintctl({"devices", "result", id, "--nonce", "an-operators-nonce"});
  ASSERT_EQ(plain.status, 0) << plain.output;
  EXPECT_EQ(judged(line_of(plain.output))["eat_nonce"], "an-operators-nonce");
  const Json whole = stack.control({"devices", "result", id});
  EXPECT_EQ(whole["claims"], judged(whole["result"].get<std::string>()));
  expect_said(mintctl({"devices", "result", id, "--nonce", "short"}), 2, "invalid_argument");
  expect_said(mintctl({"devices", "result", "nobody"}), 1, "device_not_found");
}

TEST_F(ResultsOfAStack, AreNoTokens) {
  const auto gate =
      stack.gate({"--audience", "https://api.example", "--token", own_result(), "--no-proof"});
  expect_said(gate, 1, "token_");
}

TEST_F(ResultsOfAStack, OfAnotherDeviceAreNotGiven) {
  const std::string other =
      stack.control({"devices", "expect", std::string(64, 'd')})["devices"][0]["id"];
  const std::string path = stack["MINT_AGENT_STATE"] + "/identity.json";
  const std::string own = read_file(path).value();
  for (const std::string& foreign : {other, std::string(22, 'A')}) {
    std::string text = own;
    text.replace(text.find(id), id.size(), foreign);
    std::ofstream(path, std::ios::trunc) << text;
    expect_said(stack.agent({"result"}), 1, "device_not_found");
  }
  std::ofstream(path, std::ios::trunc) << own;
  expect_said(stack.agent({"result"}), 0, "eyJ");
}

TEST_F(ResultsOfAStack, OfARevokedDeviceAreGivenToNobody) {
  expect_said(mintctl({"devices", "revoke", id, "--reason", "stolen"}), 0, "revoked, since");
  expect_said(stack.agent({"result"}), 1, "device_revoked");
  expect_said(mintctl({"devices", "result", id}), 1, "device_revoked");
  expect_said(mintctl({"devices", "reinstate", id}), 0, "approved");
  expect_said(mintctl({"devices", "result", id}), 1, "evidence_stale");
  expect_said(stack.agent({"result"}), 0, "eyJ");
}

TEST_F(ResultsOfAStack, AreCountedUnderOneRoute) {
  (void)own_result();
  EXPECT_GE(figure(R"(mintmark_http_requests_total{route="device_result",status="2xx"})"), 1);
}

}  // namespace
}  // namespace mintmark::test
