// The log as people read it: one line a request, and never a secret.
#include <signal.h>

#include <sstream>

#include "base/file.h"
#include "jose/base64url.h"
#include "operating.h"

namespace mintmark::test {
namespace {

class Logs : public Operating {
 protected:
  [[nodiscard]] std::vector<Json> lines_since(std::size_t before) const {
    std::istringstream text(log().substr(before));
    std::vector<Json> lines;
    for (std::string line; std::getline(text, line);) {
      auto parsed = Json::parse(line, nullptr, false);
      EXPECT_FALSE(parsed.is_discarded()) << line;
      if (!parsed.is_discarded()) lines.push_back(std::move(parsed));
    }
    return lines;
  }
  [[nodiscard]] Json line_of(std::size_t before, const std::string& id) const {
    for (Json& line : lines_since(before)) {
      if (line.value("request", "") == id) return line;
    }
    return {};
  }
};

TEST_F(Logs, AreOneJsonObjectALine) {
  for (const Json& line : lines_since(0)) {
    EXPECT_TRUE(line.contains("ts") && line.contains("level") && line.contains("program") &&
                line.contains("event"))
        << line;
  }
}

TEST_F(Logs, HaveTheRequestIdThatTheAnswerHas) {
  const std::size_t before = log().size();
  const auto answer = stack.curl({"--include", "--data", "grant_type=password&secret=s3cr3t",
                                  stack["MINT_ISSUER"] + "/token?query=s3cr3t"});
  const auto at = answer.output.find("X-Request-Id: ") + 14;
  const std::string id = answer.output.substr(at, answer.output.find('\r', at) - at);
  const Json line = line_of(before, id);
  ASSERT_TRUE(line.is_object()) << log().substr(before);
  EXPECT_EQ(line["event"], "request");
  EXPECT_EQ(line["method"], "POST");
  EXPECT_EQ(line["path"], "/token");
  EXPECT_EQ(line["status"], "400");
  EXPECT_EQ(line["code"], "grant_type_unsupported");
  EXPECT_EQ(log().substr(before).find("s3cr3t"), std::string::npos);
}

TEST_F(Logs, HaveALineForWhatNeverBecameARequest) {
  const std::size_t before = log().size();
  const auto answer = stack.curl({"--include", "--header", "Host: a b", stack["MINT_ISSUER"]});
  EXPECT_NE(answer.output.find("http_host_wrong"), std::string::npos) << answer.output;
  auto lines = lines_since(before);
  // Beside it others of the issuer may say something of their own.
  std::erase_if(lines, [](const Json& line) { return line["event"] != "request"; });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["code"], "http_host_wrong");
  EXPECT_EQ(lines[0]["path"], "");
}

TEST_F(Logs, NeverHoldATokenAProofAnAttestationOrThePin) {
  const std::string token = stack.token();
  const auto proof =
      stack.agent({"proof", "--method", "GET", "--url", "https://api.example/", "--token", token});
  ASSERT_EQ(proof.status, 0);
  const std::string form = "grant_type=client_credentials";
  const std::string jwt = token.substr(0, token.rfind('.'));
  // Everything that is secret, in every place where it may be pasted by mistake.
  (void)stack.curl({"--data", form, "--header", "DPoP: " + proof.output.substr(0, 200), "--header",
                    "OAuth-Client-Attestation: " + token, stack["MINT_ISSUER"] + "/token"});
  (void)stack.curl({"--data",
                    form + "&client_assertion=" + token +
                        "&client_assertion_type=urn:ietf:params:oauth:client-assertion-"
                        "type:jwt-bearer",
                    "--header", "DPoP: " + token, stack["MINT_ISSUER"] + "/token"});
  (void)stack.curl(
      {"--data", token + "=" + token + "&" + token + "=", stack["MINT_ISSUER"] + "/token"});
  (void)stack.curl({stack["MINT_ISSUER"] + "/" + token});
  (void)stack.curl({stack["MINT_ISSUER"] + "/token?access_token=" + token});
  (void)stack.curl({"--header", "Authorization: DPoP " + token, stack["MINT_ISSUER"] + "/readyz"});
  (void)stack.curl({"--header", "Content-Type: application/json", "--data",
                    R"({"code":"INVITATION-CODE","ticket":")" + token + R"("})",
                    stack["MINT_ISSUER"] + "/attest/key/finish"});
  // A signature is what makes a token worth anything; its claims begin after the first dot.
  const std::string text = log();
  EXPECT_EQ(text.find(token), std::string::npos);
  EXPECT_EQ(text.find(token.substr(token.rfind('.') + 1)), std::string::npos) << "a signature";
  EXPECT_EQ(text.find(jwt.substr(jwt.find('.') + 1)), std::string::npos) << "its claims";
  EXPECT_EQ(text.find(proof.output.substr(0, 100)), std::string::npos) << "a proof";
  EXPECT_EQ(text.find("INVITATION-CODE"), std::string::npos);
  auto pin = read_file(stack["PKCS11_PIN_FILE"]);
  ASSERT_TRUE(pin);
  while (!pin->empty() && pin->back() == '\n') pin->pop_back();
  EXPECT_EQ(text.find(*pin), std::string::npos);
}

TEST_F(Logs, SayOfTheIssuersOwnFaultWhatTheStrangerIsNotTold) {
  const std::size_t before = log().size();
  ASSERT_EQ(kill(stack.signer_pid(), SIGSTOP), 0);
  const auto signer = stack.signer_pid();
  const auto refused = fresh_token("read");
  ASSERT_EQ(kill(signer, SIGCONT), 0);
  EXPECT_NE(refused.status, 0);
  bool found = false;
  for (const Json& line : lines_since(before)) {
    found = found || (line.value("event", "") == "request" && line.value("status", "") == "503" &&
                      line.value("level", "") == "error" && !line.value("detail", "").empty());
  }
  EXPECT_TRUE(found) << log().substr(before);
  stack.wait_until_ready();
}

}  // namespace
}  // namespace mintmark::test
