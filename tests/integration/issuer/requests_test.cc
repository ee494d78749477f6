// The endpoints from outside: what strangers get, with curl.
#include <fstream>

#include "stack.h"

namespace mintmark::test {
namespace {

class Requests : public ::testing::Test {
 protected:
  // Status and body of a request; every answer has a request id.
  std::pair<std::string, std::string> ask(std::vector<std::string> arguments,
                                          const std::string& path) {
    arguments.insert(arguments.end(),
                     {"--include", "--write-out", "\n%{http_code}", stack["MINT_ISSUER"] + path});
    const auto answer = stack.curl(std::move(arguments));
    EXPECT_EQ(answer.status, 0) << answer.output;
    EXPECT_NE(answer.output.find("X-Request-Id: "), std::string::npos);
    const auto last = answer.output.rfind('\n');
    return {answer.output.substr(last + 1), answer.output};
  }
  void expect(const std::vector<std::string>& arguments, const std::string& path,
              const std::string& status, const std::string& code) {
    const auto [got, body] = ask(arguments, path);
    EXPECT_EQ(got, status) << body;
    EXPECT_NE(body.find("\"" + code + "\""), std::string::npos) << body;
  }
  Stack& stack = Stack::instance();
};

TEST_F(Requests, MetadataTellTheTruthAboutThisIssuer) {
  const auto answer =
      stack.curl({"--fail", stack["MINT_ISSUER"] + "/.well-known/oauth-authorization-server"});
  ASSERT_EQ(answer.status, 0);
  const Json metadata = Json::parse(answer.output);
  EXPECT_EQ(metadata["issuer"], stack["MINT_ISSUER"]);
  EXPECT_EQ(metadata["token_endpoint"], stack["MINT_ISSUER"] + "/token");
  EXPECT_EQ(metadata["token_endpoint_auth_methods_supported"],
            Json::array({"attest_jwt_client_auth_dpop", "private_key_jwt"}));
  EXPECT_EQ(metadata["token_endpoint_auth_signing_alg_values_supported"],
            Json::array({"ES256", "ES384", "RS256", "PS256", "Ed25519", "EdDSA"}));
  EXPECT_EQ(metadata["client_attestation_pop_methods_supported"], Json::array({"dpop_combined"}));
  EXPECT_FALSE(metadata.contains("challenge_endpoint"))
      << "offering it would oblige clients to use it";
}

TEST_F(Requests, NoChallengeIsGivenWhereNoneIsRequired) {
  expect({"--data", ""}, "/challenge", "404", "http_path_unknown");
  const auto [status, answer] = ask({"--data", "grant_type=client_credentials"}, "/token");
  EXPECT_EQ(status, "401");
  EXPECT_EQ(answer.find("DPoP-Nonce"), std::string::npos) << answer;
}

TEST_F(Requests, PublishedKeysAreNotSentAgainToWhoHasThem) {
  const auto [status, first] = ask({}, "/.well-known/jwks.json");
  EXPECT_EQ(status, "200");
  const auto at = first.find("ETag: ") + 6;
  const std::string etag = first.substr(at, first.find('\r', at) - at);
  EXPECT_NE(first.find("Cache-Control: public, max-age=300"), std::string::npos);
  EXPECT_EQ(ask({"--header", "If-None-Match: " + etag}, "/.well-known/jwks.json").first, "304");
}

TEST_F(Requests, TokensAreRefusedWithTheReason) {
  const std::string form = "grant_type=client_credentials";
  expect({"--data", "a=b"}, "/token", "400", "parameter_missing");
  expect({"--data", "grant_type=password"}, "/token", "400", "grant_type_unsupported");
  expect({"--data", form + "&" + form}, "/token", "400", "parameter_repeated");
  expect({"--data", form + "&scope=%zz"}, "/token", "400", "http_malformed");
  expect({"--data", form + "&scope=a%20%20b"}, "/token", "400", "scope_malformed");
  const std::string bearer =
      "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
  expect({"--data", form + "&client_assertion=a.b.c"}, "/token", "400", "parameter_missing");
  expect({"--data", form + "&" + bearer}, "/token", "400", "parameter_missing");
  expect({"--data", form + "&client_assertion=a.b.c&client_assertion_type=saml"}, "/token", "401",
         "assertion_type_unknown");
  expect({"--data", form + "&client_assertion=a.b.c&" + bearer}, "/token", "400", "proof_missing");
  expect({"--data", form + "&client_assertion=a.b.c&" + bearer, "--header", "DPoP: a"}, "/token",
         "401", "assertion_malformed");
  expect({"--data", form + "&client_assertion=a.b.c&" + bearer, "--header", "DPoP: a", "--header",
          "OAuth-Client-Attestation: a"},
         "/token", "400", "client_methods_mixed");
  expect({"--data", form + "&client_secret=a"}, "/token", "401", "client_unauthenticated");
  expect({"--data", "{}", "--header", "Content-Type: application/json"}, "/token", "415",
         "content_type_wrong");
  expect({"--data", form}, "/token", "401", "client_unauthenticated");
  expect({"--data", form, "--user", "id:secret"}, "/token", "401", "client_unauthenticated");
  expect({"--data", form, "--header", "OAuth-Client-Attestation: x"}, "/token", "400",
         "proof_missing");
  expect({"--data", form, "--header", "OAuth-Client-Attestation: x", "--header", "DPoP: y"},
         "/token", "400", "attestation_malformed");
  expect({"--data", form, "--header", "OAuth-Client-Attestation: x", "--header", "DPoP: y",
          "--header", "DPoP: z"},
         "/token", "400", "proof_repeated");
  expect({"--data", form, "--header", "OAuth-Client-Attestation: x", "--header",
          "OAuth-Client-Attestation-PoP: y", "--header", "DPoP: z"},
         "/token", "400", "attestation_pop_unsupported");
}

TEST_F(Requests, EnrolmentsAreRefusedWithTheReason) {
  const std::vector<std::string> json = {"--header", "Content-Type: application/json", "--data"};
  const auto with = [&](const std::string& body) {
    auto arguments = json;
    arguments.push_back(body);
    return arguments;
  };
  expect(with("{"), "/attest/tpm2/begin", "400", "json_malformed");
  expect(with("[]"), "/attest/tpm2/begin", "400", "json_malformed");
  expect(with("{}"), "/attest/tpm2/begin", "400", "request_member_missing");
  expect(with(R"({"ek_certificate":"!","ak_public":"","device_public":""})"), "/attest/tpm2/begin",
         "400", "request_member_missing");
  expect(with(R"({"ek_certificate":"","ek_certificate":""})"), "/attest/tpm2/begin", "400",
         "json_duplicate_key");
  expect(with(R"({"ek_certificate":"AAAA","ak_public":"AAAA","device_public":"AAAA"})"),
         "/attest/tpm2/begin", "400", "ek_certificate_malformed");
  expect(with("{}"), "/attest/tpm2/finish", "400", "proof_missing");
  expect({"--data", "x"}, "/attest/tpm2/begin", "415", "content_type_wrong");
}

TEST_F(Requests, OtherPathsAndMethodsAreRefused) {
  EXPECT_EQ(ask({}, "/nothing").first, "404");
  const auto [status, body] = ask({}, "/token");
  EXPECT_EQ(status, "405");
  EXPECT_NE(body.find("Allow: "), std::string::npos);
  EXPECT_EQ(ask({}, "/admin/v1/status").first, "404") << "operators' endpoints are not out here";
}

TEST_F(Requests, TheAgentIsNoSigningOracle) {
  const std::string token = stack.token();
  const auto for_issuer = stack.agent(
      {"proof", "--method", "POST", "--url", stack["MINT_ISSUER"] + "/token", "--token", token});
  EXPECT_EQ(for_issuer.status, 1) << for_issuer.output;
  EXPECT_NE(for_issuer.output.find("agent_proof_for_issuer"), std::string::npos)
      << for_issuer.output;
  EXPECT_EQ(
      stack.agent({"proof", "--method", "GET", "--url", "https://api.example/", "--token", ""})
          .status,
      1);
}

TEST_F(Requests, TheGateTakesATokenWithItsProofOnceAndNothingElse) {
  const std::string token = stack.token();
  const auto made =
      stack.agent({"proof", "--method", "GET", "--url", "https://api.example/a", "--token", token});
  ASSERT_EQ(made.status, 0) << made.output;
  std::string proof = made.output;
  while (!proof.empty() && proof.back() == '\n') proof.pop_back();
  const auto gate = [&](const std::string& audience, const std::string& method,
                        const std::string& url, const std::string& with) {
    return stack.gate({"--audience", audience, "--token", with, "--proof", proof, "--method",
                       method, "--url", url});
  };
  const std::string api = "https://api.example";
  const auto taken = gate(api, "GET", api + "/a", token);
  EXPECT_EQ(taken.status, 0) << taken.output;
  EXPECT_NE(gate("https://other.example", "GET", api + "/a", token).output.find("token_audience"),
            std::string::npos);
  EXPECT_NE(gate(api, "POST", api + "/a", token).output.find("proof_htm"), std::string::npos);
  EXPECT_NE(gate(api, "GET", api + "/b", token).output.find("proof_htu"), std::string::npos);
  EXPECT_EQ(stack.gate({"--audience", api, "--token", token}).status, 1)
      << "a bound token without its proof";
  EXPECT_EQ(stack.gate({"--audience", api, "--token", token, "--no-proof"}).status, 0);
  EXPECT_EQ(stack.gate({"--audience", api}).status, 2);
  EXPECT_EQ(stack.gate({"--token", token}).status, 2) << "the audience cannot be left out";
}

TEST_F(Requests, OperatorsAreToldWhyThePolicyDecides) {
  const std::string id = stack.control({"devices", "list"})["devices"][0]["id"];
  const Json granted = stack.control({"policy", "explain", "--device", id, "--scope", "read",
                                      "--resource", "https://api.example"});
  EXPECT_TRUE(granted["rules"][0]["decides"].get<bool>()) << granted;
  EXPECT_EQ(granted["granted"]["scopes"], Json::array({"read"})) << granted;
  const Json refused =
      stack.control({"policy", "explain", "--device", id, "--resource", "https://bank.example"});
  EXPECT_EQ(refused["refused"]["code"], "policy_audience") << refused;
  const std::vector<std::string> mintctl = {stack["MINT_BIN"] + "/mintctl", "--admin",
                                            stack["MINT_ADMIN"], "policy", "explain"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), mintctl.begin(), mintctl.end());
    return execute(more);
  };
  const Outcome table = with({"--device", id, "--scope", "read write"});
  EXPECT_EQ(table.status, 0);
  EXPECT_NE(table.output.find("scope read write"), std::string::npos) << table.output;
  EXPECT_NE(with({"--device", id, "--at", "2000-01-01T00:00Z"}).output.find("at        2000-01-01"),
            std::string::npos);
  EXPECT_EQ(with({"--device", "nobody"}).status, 1);
  EXPECT_EQ(with({}).status, 2);
  EXPECT_EQ(with({"--device", id, "--at", "noon"}).status, 2);
}

TEST_F(Requests, APolicyFileIsCheckedWithoutADaemon) {
  const std::string good = stack.directory() + "/policy.json";
  const std::string bad = stack.directory() + "/bad-policy.json";
  std::ofstream(bad) << "{\n\"rules\": [\n{\"nam\": \"a\"}]}\n";
  const auto check = [&](const std::string& file) {
    return execute({stack["MINT_BIN"] + "/mintctl", "--admin", "/nonexistent/admin.sock", "policy",
                    "check", file});
  };
  EXPECT_EQ(check(good).status, 0);
  const Outcome refused = check(bad);
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.output.find(bad + ":3: key \"rules[0].nam\": unknown key; the nearest known "
                                      "one is \"name\""),
            std::string::npos)
      << refused.output;
  EXPECT_EQ(check("/nonexistent.json").status, 2);
}

TEST_F(Requests, WhatDoesNotFitBetweenKeeperAndFrontIsRefusedAndHarmsNobody) {
  const int front = stack.front_pid();
  const std::string body = stack.directory() + "/long-check";
  // What is no UTF-8 grows threefold on its way.
  std::ofstream(body) << std::string(100'000, '\xff');
  const Outcome answer = execute({"curl", "--silent", "--unix-socket", stack["MINT_ADMIN"],
                                  "--data-binary", "@" + body, "-o", "/dev/null", "-w",
                                  "%{http_code}", "http://mintd/admin/v1/policy/check"});
  EXPECT_EQ(answer.output, "413");
  EXPECT_EQ(stack.front_pid(), front);
}

TEST_F(Requests, ProgramsSayWhatTheyAreAndRefuseWhatTheyDoNotKnow) {
  for (const char* name :
       {"mintd", "mintctl", "mint-agent", "mint-gate", "mintd-front", "mintd-signer"}) {
    const std::string program = stack["MINT_BIN"] + "/" + name;
    EXPECT_EQ(execute({program, "--help"}).status, 0) << name;
    EXPECT_NE(execute({program, "--version"}).output.find(name), std::string::npos);
    EXPECT_EQ(execute({program, "--no-such-option"}).status, 2) << name;
  }
  EXPECT_EQ(
      execute({stack["MINT_BIN"] + "/mintctl", "--admin", "/nonexistent/admin.sock", "status"})
          .status,
      3);
  EXPECT_EQ(execute({stack["MINT_BIN"] + "/mintd", "--config", "/nonexistent.json"}).status, 2);
  EXPECT_EQ(
      execute({stack["MINT_BIN"] + "/mintd", "--config", stack["MINT_CONFIG"], "--check-config"})
          .status,
      0);
}

}  // namespace
}  // namespace mintmark::test
