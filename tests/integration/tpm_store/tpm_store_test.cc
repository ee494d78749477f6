// mintd whose signing keys live in a TPM, as an operator moves it there from SoftHSM.
#include <sys/stat.h>

#include <filesystem>

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
    configuration["hsm"]["stores"] = {
        {"chip", {{"tpm", {{"tcti", tpm_->tcti()}}}, {"pin", {{"file", "hsm/pin"}}}}}};
    write("mintd.json", configuration.dump(2));
  }
  [[nodiscard]] std::string published() const {
    return stack.curl({"--fail", stack["MINT_ISSUER"] + "/.well-known/jwks.json"}).output;
  }

  static inline std::unique_ptr<Swtpm> tpm_;
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

}  // namespace
}  // namespace mintmark::test
