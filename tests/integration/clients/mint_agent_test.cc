// mint-agent with either kind of key, at an issuer that requires nonces.
#include <sys/stat.h>

#include "base/file.h"
#include "strict_stack.h"
#include "support/temporary_directory.h"

namespace mintmark::test {
namespace {

class MintAgent : public ::testing::Test {
 protected:
  Outcome agent(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {stack["MINT_BIN"] + "/mint-agent", "--state", state()});
    return execute(arguments);
  }
  Outcome enroll(std::vector<std::string> more) {
    more.insert(more.begin(),
                {"enroll", "--issuer", stack["MINT_ISSUER"], "--ca", stack["MINT_CA"]});
    return agent(more);
  }
  Outcome enroll_by_code(const std::string& code) {
    return enroll({"--key", "file", "--code", code});
  }
  std::string invitation() { return stack.control({"devices", "invite"})["code"]; }
  [[nodiscard]] std::string state() const { return (directory.path() / "agent").string(); }

  Stack& stack = Stack::instance();
  TemporaryDirectory directory;
};

std::string line_of(std::string output) {
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
}

TEST_F(MintAgent, OfATpmSendsTheIssuersChallengesBack) {
  for (const char* scope : {"read", "write", "read write"}) {
    const auto token = stack.agent({"token", "--scope", scope});
    EXPECT_EQ(token.status, 0) << token.output;
    EXPECT_EQ(token.output.substr(0, 3), "eyJ") << token.output;
  }
}

TEST_F(MintAgent, OfATpmWaitsUntilTheOperatorRunsTheCommandThatItShows) {
  const std::vector<std::string> by_tpm = {"--tcti", second_tcti(), "--json"};
  const auto waiting = enroll(by_tpm);
  ASSERT_EQ(waiting.status, 3) << waiting.output;
  const Json said = Json::parse(waiting.output);
  EXPECT_EQ(said["error"]["code"], "enrolment_pending");
  EXPECT_EQ(said["error"]["action"], "retry_later");
  const std::string fingerprint = said["fingerprint"];
  EXPECT_EQ(fingerprint.size(), 64U);
  EXPECT_EQ(said["approve"], "mintctl devices approve " + fingerprint);

  const auto by_eye = enroll({"--tcti", second_tcti()});
  EXPECT_EQ(by_eye.status, 3);
  EXPECT_NE(by_eye.output.find("\n  " + fingerprint + "\n"), std::string::npos) << by_eye.output;
  EXPECT_NE(by_eye.output.find("mintctl devices approve " + fingerprint), std::string::npos);
  EXPECT_EQ(agent({"token"}).status, 1);

  (void)stack.control({"devices", "approve", fingerprint});
  const auto enrolled = enroll(by_tpm);
  ASSERT_EQ(enrolled.status, 0) << enrolled.output;
  EXPECT_EQ(Json::parse(enrolled.output)["ek"]["spki_sha256"], fingerprint);
  EXPECT_EQ(agent({"token"}).status, 0);
}

TEST_F(MintAgent, OfATpmAttestsAgainWithItsKeysAndKeepsItsTokens) {
  const std::vector<std::string> wish = {"token", "--audience", "https://api.example"};
  const auto token = stack.agent(wish);
  ASSERT_EQ(token.status, 0) << token.output;
  const Json before = Json::parse(stack.agent({"status", "--json"}).output);
  const auto attested = stack.agent({"attest"});
  ASSERT_EQ(attested.status, 0) << attested.output;
  EXPECT_NE(attested.output.find("attested at " + stack["MINT_ISSUER"]), std::string::npos)
      << attested.output;
  const Json after = Json::parse(stack.agent({"status", "--json"}).output);
  EXPECT_EQ(after["key"], before["key"]);
  EXPECT_EQ(after["client_id"], before["client_id"]);
  EXPECT_EQ(stack.agent(wish).output, token.output);
  EXPECT_EQ(stack.agent({"token", "--audience", "https://api.example", "--scope", "write"}).status,
            0);
}

TEST_F(MintAgent, OfATpmAttestsABootThatItHasNotAttested) {
  const std::string file = stack["MINT_AGENT_STATE"] + "/identity.json";
  const Json attested = Json::parse(read_file(file).value());
  ASSERT_EQ(attested["boot_id"].get<std::string>().size(), 36U);
  Json of_another_boot = attested;
  of_another_boot["boot_id"] = "the boot before";
  ASSERT_TRUE(write_file_atomically(file, of_another_boot.dump()));
  EXPECT_EQ(Json::parse(stack.agent({"status", "--json"}).output)["attestation"]["due"], "reboot");
  const auto token = stack.agent({"token"});
  ASSERT_EQ(token.status, 0) << token.output;
  EXPECT_EQ(Json::parse(read_file(file).value())["boot_id"], attested["boot_id"]);
}

TEST_F(MintAgent, OfATpmThatItsOwnerClearedAttestsWithNewKeysAsTheSameDevice) {
  const std::vector<std::string> by_tpm = {"--tcti", second_tcti()};
  ASSERT_EQ(enroll(by_tpm).status, 0);
  const Json before = Json::parse(agent({"status", "--json"}).output);
  const auto cleared = execute({"env", "TPM2TOOLS_TCTI=" + second_tcti(), "tpm2_clear"});
  ASSERT_EQ(cleared.status, 0) << cleared.output;
  EXPECT_NE(agent({"token"}).status, 0);
  const auto attested = agent({"attest"});
  ASSERT_EQ(attested.status, 0) << attested.output;
  const Json after = Json::parse(agent({"status", "--json"}).output);
  EXPECT_EQ(after["client_id"], before["client_id"]);
  EXPECT_NE(after["key"]["jkt"], before["key"]["jkt"]);
  EXPECT_EQ(agent({"token"}).status, 0);
}

TEST_F(MintAgent, OfATpmIsEnrolledByTheFirstAttestationThatNamesAnIssuer) {
  EXPECT_EQ(agent({"attest"}).status, 1);
  ASSERT_EQ(enroll({"--tcti", second_tcti()}).status, 0);
  const Json before = Json::parse(agent({"status", "--json"}).output);
  const auto again = agent({"attest", "--issuer", stack["MINT_ISSUER"] + "/", "--ca", ""});
  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(Json::parse(agent({"status", "--json"}).output)["key"], before["key"]);
  const auto elsewhere = agent({"attest", "--issuer", "https://other.example"});
  EXPECT_EQ(elsewhere.status, 2) << elsewhere.output;

  // The machine's own TPM, which this one need not have: what matters is that it was looked for.
  ASSERT_GT(std::filesystem::remove_all(state()), 0U);
  const auto first =
      agent({"attest", "--issuer", stack["MINT_ISSUER"], "--ca", stack["MINT_CA"], "--json"});
  EXPECT_NE(first.status, 0);
  EXPECT_EQ(first.output.find("agent_not_enrolled"), std::string::npos) << first.output;
}

TEST_F(MintAgent, WithAKeyInAFileHasNothingToAttest) {
  ASSERT_EQ(enroll_by_code(invitation()).status, 0);
  const auto attested = agent({"attest"});
  EXPECT_EQ(attested.status, 1);
  EXPECT_NE(attested.output.find("agent_key_unsupported"), std::string::npos) << attested.output;
}

TEST_F(MintAgent, WithAKeyInAFileEnrolsByACodeAndGetsTokens) {
  const auto enrolled = enroll_by_code(invitation());
  ASSERT_EQ(enrolled.status, 0) << enrolled.output;
  const Json status = Json::parse(agent({"status", "--json"}).output);
  EXPECT_EQ(status["key"]["kind"], "file");
  EXPECT_EQ(status["key"]["protection"], "none");

  const std::string service = "https://api.example/things";
  const auto token = agent({"token", "--audience", "https://api.example", "--scope", "read"});
  ASSERT_EQ(token.status, 0) << token.output;
  const auto proof =
      agent({"proof", "--method", "GET", "--url", service, "--token", line_of(token.output)});
  ASSERT_EQ(proof.status, 0) << proof.output;
  const auto judged =
      stack.gate({"--audience", "https://api.example", "--token", line_of(token.output), "--proof",
                  line_of(proof.output), "--method", "GET", "--url", service, "--key-protection",
                  "none", "--json"});
  EXPECT_EQ(judged.status, 0) << judged.output;
  EXPECT_NE(judged.output.find(status["client_id"].get<std::string>()), std::string::npos)
      << judged.output;
}

TEST_F(MintAgent, WithAKeyInAFileSpendsACodeOnce) {
  const auto wrong = enroll_by_code("no-code-of-this-issuer");
  EXPECT_EQ(wrong.status, 1);
  EXPECT_NE(wrong.output.find("invite_invalid"), std::string::npos) << wrong.output;
  EXPECT_EQ(agent({"status"}).status, 1);

  const std::string code = invitation();
  ASSERT_EQ(enroll_by_code(code).status, 0);
  ASSERT_EQ(std::filesystem::remove_all(state()) > 0, true);
  const auto again = enroll_by_code(code);
  EXPECT_EQ(again.status, 1);
  EXPECT_NE(again.output.find("invite_used"), std::string::npos) << again.output;
}

TEST_F(MintAgent, WithAnExposedKeyInAFileGetsNoToken) {
  ASSERT_EQ(enroll_by_code(invitation()).status, 0);
  const std::string key = state() + "/device-key.pem";
  struct stat facts {};
  ASSERT_EQ(stat(key.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  ASSERT_EQ(chmod(key.c_str(), 0644), 0);
  const auto token = agent({"token"});
  EXPECT_EQ(token.status, 3);
  EXPECT_NE(token.output.find("agent_key_file"), std::string::npos) << token.output;
}

TEST_F(MintAgent, WithAKeyInAFileStaysOutOnceRevoked) {
  ASSERT_EQ(enroll_by_code(invitation()).status, 0);
  const std::string id = Json::parse(agent({"status", "--json"}).output)["client_id"];
  ASSERT_EQ(agent({"token", "--scope", "read"}).status, 0);
  (void)stack.control({"devices", "revoke", id});
  const auto token = agent({"token", "--scope", "write"});
  EXPECT_EQ(token.status, 1);
  EXPECT_NE(token.output.find("device_revoked"), std::string::npos) << token.output;
}

TEST_F(MintAgent, SaysWhatGoesWithWhichKindOfKey) {
  const std::vector<std::vector<std::string>> wrong = {
      {"--key", "paper"},
      {"--key", "file"},
      {"--key", "file", "--code", ""},
      {"--key", "file", "--code", "c", "--ek", "rsa"},
      {"--key", "file", "--code", "c", "--tcti", "x"},
      {"--key", "file", "--code", "c", "--event-log", "/dev/null"},
      {"--key", "file", "--code", "c", "--ima-log", "/dev/null"},
      {"--event-log", "/no/such/file"},
      {"--ima-log", "/no/such/file"},
      {"--code", "c"},
      {"--ek", "dsa"}};
  for (const auto& arguments : wrong) {
    const auto refused = enroll(arguments);
    EXPECT_EQ(refused.status, 2) << arguments.back() << refused.output;
    EXPECT_NE(refused.output.find("--"), std::string::npos) << refused.output;
  }
}

}  // namespace
}  // namespace mintmark::test
