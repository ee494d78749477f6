// What was issued, judged by programs we did not write: the npm package jose, and the jose CLI.
#include <fstream>

#include "base/file.h"
#include "stack.h"

namespace mintmark::test {
namespace {

class Judges : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto keys = stack.curl({"--fail", stack["MINT_ISSUER"] + "/.well-known/jwks.json"});
    ASSERT_EQ(keys.status, 0) << keys.output;
    jwks = stack.directory() + "/jwks.json";
    std::ofstream(jwks) << keys.output;
    token = stack.token();
    const auto identity = read_file(stack["MINT_AGENT_STATE"] + "/identity.json");
    ASSERT_TRUE(identity);
    const Json parsed = Json::parse(*identity);
    attestation = parsed["client_attestation"];
    client_id = parsed["client_id"];
  }

  Outcome node(const std::string& what, const std::string& jwt, const std::string& expected,
               const std::string& issuer) {
    return execute({"bash", "-c", "printf %s \"$1\" | \"$2/run\" verify.mjs \"${@:3}\"", "bash",
                    jwt, MINTMARK_JUDGES, what, jwks, issuer, expected});
  }
  Outcome cli(const std::string& jwt) {
    return execute(
        {"bash", "-c", "printf %s \"$1\" | jose jws ver -i- -k \"$2\" -O-", "bash", jwt, jwks});
  }

  Stack& stack = Stack::instance();
  std::string jwks;
  std::string token;
  std::string attestation;
  std::string client_id;
};

std::string altered(std::string jwt) {
  char& first = jwt[jwt.rfind('.') + 1];
  first = first == 'A' ? 'B' : 'A';
  return jwt;
}

TEST_F(Judges, NodesJoseTakesTheTokenWithItsTypIssuerAndAudience) {
  const auto good = node("token", token, "https://api.example", stack["MINT_ISSUER"]);
  ASSERT_EQ(good.status, 0) << good.output;
  const Json claims = Json::parse(good.output);
  EXPECT_EQ(claims["sub"], client_id);
  EXPECT_EQ(claims["client_id"], client_id);
  EXPECT_EQ(claims["key_protection"], "hardware");
  EXPECT_NE(node("token", altered(token), "https://api.example", stack["MINT_ISSUER"]).status, 0);
  EXPECT_NE(node("token", token, "https://other.example", stack["MINT_ISSUER"]).status, 0);
  EXPECT_NE(node("token", token, "https://api.example", "https://other.example").status, 0);
}

TEST_F(Judges, NodesJoseTakesTheClientAttestationAndItsKeyIsTheTokens) {
  const auto good = node("attestation", attestation, client_id, stack["MINT_ISSUER"]);
  ASSERT_EQ(good.status, 0) << good.output;
  const Json claims = Json::parse(good.output);
  const Json of_token =
      Json::parse(node("token", token, "https://api.example", stack["MINT_ISSUER"]).output);
  EXPECT_EQ(claims["jkt"], of_token["cnf"]["jkt"]);
  EXPECT_NE(node("attestation", altered(attestation), client_id, stack["MINT_ISSUER"]).status, 0);
}

TEST_F(Judges, NodesJoseTakesNeitherForTheOther) {
  EXPECT_NE(node("token", attestation, "https://api.example", stack["MINT_ISSUER"]).status, 0);
  EXPECT_NE(node("attestation", token, client_id, stack["MINT_ISSUER"]).status, 0);
}

TEST_F(Judges, TheJoseCommandTakesBothSignatures) {
  for (const std::string& jwt : {token, attestation}) {
    const auto good = cli(jwt);
    EXPECT_EQ(good.status, 0) << good.output;
    EXPECT_NE(good.output.find("\"sub\""), std::string::npos);
    EXPECT_NE(cli(altered(jwt)).status, 0);
  }
}

}  // namespace
}  // namespace mintmark::test
