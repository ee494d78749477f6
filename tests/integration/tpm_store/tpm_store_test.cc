// mintd whose signing keys live in a TPM, as an operator moves it there from SoftHSM.
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>

#include "jose/jws.h"
#include "operating.h"
#include "support/swtpm.h"

namespace mintmark::test {
namespace {

class TpmStoreOfMintd : public Operating {
 protected:
  static void SetUpTestSuite() {
    Operating::SetUpTestSuite();
    if (tpm_) return;
    tpm_ = std::make_unique<Swtpm>();
    const TpmStoreOfMintd operation;
    operation.configure();
    operation.stack.down();
    operation.stack.up();
  }
  static void TearDownTestSuite() {
    Stack::instance().down();  // Before its TPM.
    tpm_.reset();
  }
  void TestBody() override {}

  void configure() const {
    Json configuration = Json::parse(content("mintd.json"));
    hsm_ = configuration["hsm"]["stores"]["main"];
    configuration["hsm"]["stores"] = {
        {"chip", {{"tpm", {{"tcti", tpm_->tcti()}}}, {"pin", {{"file", "hsm/pin"}}}}}};
    write("mintd.json", configuration.dump(2));
  }
  /// The HSM that the stack began with, as another store beside the TPM.
  void add_hsm() const {
    Json configuration = Json::parse(content("mintd.json"));
    configuration["hsm"]["stores"]["hsm"] = hsm_;
    write("mintd.json", configuration.dump(2));
  }
  /// Alone: the device's TPM counts each time that it is cut off.
  void restart_mintd() const {
    const int before = stack.keeper_pid();
    ASSERT_EQ(kill(before, SIGTERM), 0);
    await("mintd's end", [&] { return kill(before, 0) != 0; });
    const auto started = execute(
        {"bash", "-c",
         "setsid \"$1/mintd\" --config \"$2/mintd.json\" </dev/null >>\"$2/mintd.log\" 2>&1 "
         "& echo $! >\"$2/mintd.pid\"",
         "bash", stack["MINT_BIN"], stack.directory()});
    ASSERT_EQ(started.status, 0) << started.output;
    stack.wait_until_ready();
  }
  [[nodiscard]] Json signer(const std::string& store) const {
    const Json status = stack.control({"status"});
    for (const Json& one : status["signers"]) {
      if (one["store"] == store) return one;
    }
    return {};
  }
  /// The store whose key signed a fresh token; "" where there is none.
  [[nodiscard]] std::string signed_in() const {
    auto token = fresh_token("read");
    EXPECT_EQ(token.status, 0) << token.output;
    while (!token.output.empty() && token.output.back() == '\n') token.output.pop_back();
    const auto jws = jose::UnverifiedJws::parse(token.output);
    const Json listed = stack.control({"keys", "list"});
    for (const Json& key : listed["keys"]) {
      if (jws && key["kid"] == jws->kid()) return key["store"];
    }
    return "";
  }
  [[nodiscard]] std::string published() const {
    return stack.curl({"--fail", stack["MINT_ISSUER"] + "/.well-known/jwks.json"}).output;
  }

  static inline std::unique_ptr<Swtpm> tpm_;
  static inline Json hsm_;
};

TEST_F(TpmStoreOfMintd, IssuesTokensThatAServiceTakes) {
  const auto token = fresh_token("read");
  ASSERT_EQ(token.status, 0) << token.output;
  std::string text = token.output;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const auto judged =
      stack.gate({"--audience", "https://api.example", "--no-proof", "--token", text});
  EXPECT_EQ(judged.status, 0) << judged.output;
}

TEST_F(TpmStoreOfMintd, SaysAtItsStartHowSlowTheTpmIs) {
  const std::string lines = log();
  const auto at = lines.find(R"("tpm_speed")");
  ASSERT_NE(at, std::string::npos);
  EXPECT_NE(lines.find(R"("signatures_a_second":")", at), std::string::npos)
      << lines.substr(at, 400);
}

TEST_F(TpmStoreOfMintd, KeepsItsBlobsWhereTheSignersUserAloneMayLook) {
  const std::string directory = file("state/signer-chip");
  struct stat facts {};
  ASSERT_EQ(stat(directory.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0700U);
  struct stat pin {};
  ASSERT_EQ(stat(file("hsm/pin").c_str(), &pin), 0);
  EXPECT_EQ(facts.st_uid, pin.st_uid);
  EXPECT_TRUE(std::filesystem::exists(directory + "/store.json"));
}

TEST_F(TpmStoreOfMintd, HasTheSameKeysAfterARestart) {
  const std::string before = published();
  ASSERT_NE(before.find("kid"), std::string::npos) << before;
  stack.down();
  stack.up();
  EXPECT_EQ(published(), before);
  EXPECT_EQ(fresh_token("read").status, 0);
}

TEST_F(TpmStoreOfMintd, OutlivesAPowerCutOfItsTpm) {
  tpm_->power_cycle();
  const auto token = fresh_token("read");
  EXPECT_EQ(token.status, 0) << token.output;
}

TEST_F(TpmStoreOfMintd, ToolsOfTokensSayThatItIsNone) {
  const auto objects =
      execute({stack["MINT_BIN"] + "/mintctl", "hsm", "objects", "--config", file("mintd.json")});
  EXPECT_NE(objects.status, 0);
  EXPECT_NE(objects.output.find("is a TPM"), std::string::npos) << objects.output;
}

TEST_F(TpmStoreOfMintd, AndAnHsmMakeOneIssuer) {
  add_hsm();
  restart_mintd();
  for (const char* store : {"chip", "hsm"})
    await(store, [&] { return signer(store)["state"] == "ready"; });
  await("load goes where it is quicker", [&] { return signed_in() == "hsm"; });
  const int hsm = signer("hsm")["pid"].get<int>();
  ASSERT_EQ(kill(hsm, SIGSTOP), 0);
  EXPECT_EQ(signed_in(), "chip") << "no token is lost with the HSM";
  await("another signer", [&] { return signer("hsm")["pid"] != hsm; });
  await("the HSM signs again", [&] { return signed_in() == "hsm"; });
}

}  // namespace
}  // namespace mintmark::test
