// What is read as one and checked as one, and what of it a reload may change.
#include "programs/mintd/loaded.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "support/temporary_directory.h"
#include "support/test_tls.h"

namespace mintmark::mintd {
namespace {

const std::string policy_text = R"({"rules": [{"name": "all", "match": {"format": "tpm2"},
  "grant": [{"audience": "https://api.example", "scopes": ["read"]}]}]})";

class LoadedTest : public testing::Test {
 protected:
  LoadedTest() {
    write_tls();
    directory_.write("policy.json", policy_text);
    std::filesystem::create_directory(directory_.path() / "roots");
    directory_.write("roots/ca.pem", ca_.certificate_pem());
    write_config("");
  }
  void write_tls() {
    const auto certificate = ca_.issue();
    directory_.write("server.pem", certificate.certificate_pem);
    directory_.write("server.key", certificate.key_pem);
  }
  void write_config(const std::string& more, const std::string& level = "info") {
    directory_.write("mintd.json", R"({
  "issuer": "https://localhost:8443",
  "listen": [{"address": "127.0.0.1", "port": 8443}],
  "tls": {"certificate": "server.pem", "key": "server.key"},
  "admin": {"socket": "admin.sock"},
  "state_directory": "state",
  "hsm": {"stores": {"main": {"module": "m.so", "token": "t", "pin": {"file": "pin"}}}},
  "enrolment": {"mode": "open", "tpm2": {"roots": "roots"}},
  "log": {"level": ")" + level + R"("},
  )" + more + R"("policy": "policy.json"
})");
  }
  void key_in_store() {
    auto text = *read_file(directory_.path() / "mintd.json");
    const std::string key = R"("key": "server.key")";
    directory_.write("mintd.json",
                     text.replace(text.find(key), key.size(), R"("key_store": "main")"));
    std::filesystem::remove(directory_.path() / "server.key");
  }
  Result<Loaded> load() const { return load_and_check(directory_.path() / "mintd.json"); }
  Loaded good() const {
    auto loaded = load();
    if (!loaded) throw std::runtime_error(loaded.error().to_string());
    return std::move(*loaded);
  }
  void expect_refused(Code code, const std::string& part) const {
    const auto loaded = load();
    ASSERT_FALSE(loaded);
    EXPECT_EQ(facts_of(loaded.error().code).name, facts_of(code).name);
    EXPECT_NE(loaded.error().detail.find(part), std::string::npos) << loaded.error().detail;
  }

  test::TestCa ca_;
  test::TemporaryDirectory directory_;
};

TEST_F(LoadedTest, WithoutAFileIsRefused) {
  std::filesystem::remove(directory_.path() / "mintd.json");
  expect_refused(Code::config_unreadable, "mintd.json");
}

TEST_F(LoadedTest, WithABadConfigurationIsRefused) {
  write_config(R"("polcy": 1, )");
  expect_refused(Code::config_invalid, "polcy");
}

TEST_F(LoadedTest, WithABadPolicyIsRefused) {
  directory_.write("policy.json", R"({"rules": 1})");
  expect_refused(Code::policy_invalid, "policy.json:1");
}

TEST_F(LoadedTest, WithoutAPolicyIsRefused) {
  std::filesystem::remove(directory_.path() / "policy.json");
  expect_refused(Code::io_failed, "policy.json");
}

TEST_F(LoadedTest, WithRootsThatAreNoneIsRefused) {
  directory_.write("roots/ca.pem", "no certificate");
  expect_refused(Code::trust_unreadable, "ca.pem");
}

TEST_F(LoadedTest, WithAKeyOfAnotherCertificateIsRefusedAndNamesTheFiles) {
  directory_.write("server.key", ca_.issue().key_pem);
  expect_refused(Code::tls_certificate_unusable, "server.key");
}

std::vector<std::string> changes(const Loaded& before, const Loaded& after) {
  auto changed = changes_between(before, after);
  if (!changed) return {changed.error().to_string()};
  return *changed;
}

TEST_F(LoadedTest, WithATlsKeyInAKeyStoreNeedsTheCertificateAlone) {
  key_in_store();
  const Loaded loaded = good();
  EXPECT_NE(loaded.tls_certificate.find("BEGIN CERTIFICATE"), std::string::npos);
  EXPECT_TRUE(loaded.tls_key.view().empty());
}

TEST_F(LoadedTest, WithATlsKeyInAKeyStoreAndACertificateThatIsNoneIsRefused) {
  key_in_store();
  directory_.write("server.pem", "no certificate");
  expect_refused(Code::tls_certificate_unusable, "server.pem: no certificate");
}

TEST_F(LoadedTest, MayChangeTheCertificateOfATlsKeyInAKeyStoreButNotWhereKeysAre) {
  const Loaded in_file = good();
  key_in_store();
  const Loaded before = good();
  directory_.write("server.pem", ca_.issue().certificate_pem);
  EXPECT_EQ(changes(before, good()), (std::vector<std::string>{"enrolment: roots", "tls"}));
  const auto refused = changes_between(in_file, before);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::reload_needs_restart);
  EXPECT_NE(refused.error().detail.find("tls.key_store changed"), std::string::npos);
}

TEST_F(LoadedTest, WithAnUnknownGroupIsRefused) {
  auto text = *read_file(directory_.path() / "mintd.json");
  text.replace(text.find("\"admin.sock\""), 12,
               "\"admin.sock\", \"operate_group\": \"no-such-group\"");
  directory_.write("mintd.json", text);
  expect_refused(Code::config_invalid, "admin.operate_group");
}

TEST_F(LoadedTest, HoldsTheTextsThatWereChecked) {
  const Loaded loaded = good();
  EXPECT_EQ(loaded.policy.text, policy_text);
  EXPECT_NE(loaded.tls_certificate.find("BEGIN CERTIFICATE"), std::string::npos);
  EXPECT_NE(as_text(loaded.tls_key.view()).find("PRIVATE KEY"), std::string::npos);
}

TEST_F(LoadedTest, ReadAgainUnchangedDiffersInNothingButTheRootsThatWereReadAgain) {
  EXPECT_EQ(changes(good(), good()), std::vector<std::string>{"enrolment: roots"});
}

TEST_F(LoadedTest, MayChangePolicyCertificateKeyAndLogLevel) {
  const Loaded before = good();
  directory_.write("policy.json", policy_text + " ");
  EXPECT_EQ(changes(before, good()), (std::vector<std::string>{"policy", "enrolment: roots"}));
  directory_.write("policy.json", policy_text);
  write_tls();
  EXPECT_EQ(changes(before, good()), (std::vector<std::string>{"enrolment: roots", "tls"}));
  const Loaded with_tls = good();
  write_config("", "debug");
  EXPECT_EQ(changes(with_tls, good()), (std::vector<std::string>{"enrolment: roots", "log.level"}));
}

const std::string policy_with_list = R"({"rules": [], "boot": [{"name": "all",
  "match": {"format": "tpm2"}, "mode": "monitor", "expect": {"ima": {"reference": "files.sha256"}}}]})";

TEST_F(LoadedTest, HoldsTheFilesThatThePolicyNames) {
  const std::string list = std::string(64, 'a') + "  /bin/a\n";
  directory_.write("files.sha256", list);
  directory_.write("policy.json", policy_with_list);
  EXPECT_EQ(good().policy.files, (std::map<std::string, std::string>{{"files.sha256", list}}));
}

TEST_F(LoadedTest, WithoutAFileThatThePolicyNamesIsRefused) {
  directory_.write("policy.json", policy_with_list);
  expect_refused(Code::reference_invalid, "policy.json:2: key \"boot[0].expect.ima.reference\"");
}

TEST_F(LoadedTest, WithABadFileThatThePolicyNamesIsRefused) {
  directory_.write("files.sha256", "\nnothing");
  directory_.write("policy.json", policy_with_list);
  expect_refused(Code::reference_invalid, "files.sha256:2");
}

TEST_F(LoadedTest, NoticesThatAFileChangedThatThePolicyNames) {
  directory_.write("policy.json", policy_with_list);
  directory_.write("files.sha256", std::string(64, 'a') + "  /bin/a\n");
  Loaded before = good();
  EXPECT_EQ(changes(before, good()), std::vector<std::string>{"enrolment: roots"});
  directory_.write("files.sha256", std::string(64, 'b') + "  /bin/a\n");
  EXPECT_EQ(changes(before, good()), (std::vector<std::string>{"policy", "enrolment: roots"}));
  take_over(before, good());
  EXPECT_EQ(changes(before, good()), std::vector<std::string>{"enrolment: roots"});
}

TEST_F(LoadedTest, WarnsOfRulesThatGoByPcrsWhichAreNotQuoted) {
  EXPECT_EQ(good().warnings, std::vector<std::string>{});
  directory_.write("policy.json", R"({"rules": [], "boot": [{"name": "sensors",
    "match": {"format": "tpm2"}, "mode": "monitor",
    "expect": {"secure_boot": true, "kernel_command_line": {"lacks": ["init="]}}}]})");
  const Loaded loaded = good();
  ASSERT_EQ(loaded.warnings.size(), 2U);  // Of PCR 8 and 12.
  EXPECT_TRUE(loaded.warnings.at(0).ends_with(
      "policy.json: boot rule \"sensors\": kernel_command_line goes by PCR 8, which "
      "enrolment.tpm2.pcrs does not name: it never holds"))
      << loaded.warnings.at(0);
  auto text = *read_file(directory_.path() / "mintd.json");
  const std::string roots = R"("roots": "roots")";
  directory_.write("mintd.json",
                   text.replace(text.find(roots), roots.size(), roots + R"(, "pcrs": [7, 8, 12])"));
  EXPECT_EQ(good().warnings, std::vector<std::string>{});
}

TEST_F(LoadedTest, TakenOverBringsItsWarnings) {
  Loaded in_force = good();
  directory_.write("files.sha256", std::string(64, 'a') + "  /bin/a\n");
  directory_.write("policy.json", policy_with_list);
  take_over(in_force, good());
  EXPECT_EQ(in_force.warnings.size(), 1U);
}

TEST_F(LoadedTest, MayChangeWhereTheFilesStand) {
  const Loaded before = good();
  std::filesystem::rename(directory_.path() / "roots", directory_.path() / "others");
  auto text = *read_file(directory_.path() / "mintd.json");
  text.replace(text.find("\"roots\": \"roots\""), 16, "\"roots\": \"others\"");
  directory_.write("mintd.json", text);
  EXPECT_EQ(changes(before, good()), std::vector<std::string>{"enrolment: roots"});
}

TEST_F(LoadedTest, MayChangeNothingElseAndEachOtherKeyIsNamed) {
  const Loaded before = good();
  write_config(R"("tokens": {"longest_life_seconds": 60}, "front": {"threads": 3}, )");
  const auto refused = changes_between(before, good());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::reload_needs_restart);
  EXPECT_NE(refused.error().detail.find("front.threads, tokens.longest_life_seconds changed"),
            std::string::npos)
      << refused.error().detail;
  // The other way round: what was taken away is a change too.
  EXPECT_FALSE(changes_between(good(), before));
}

TEST_F(LoadedTest, TakenOverIsWhatTheNextComparisonStartsFrom) {
  Loaded in_force = good();
  directory_.write("policy.json", policy_text + " ");
  write_tls();
  write_config("", "debug");
  take_over(in_force, good());
  EXPECT_EQ(changes(in_force, good()), std::vector<std::string>{"enrolment: roots"});
  EXPECT_EQ(in_force.config.log_level, "debug");
}

}  // namespace
}  // namespace mintmark::mintd
