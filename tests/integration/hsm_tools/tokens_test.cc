// `hsm tokens`, and how module, token, environment and PIN are named.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "hsm_tools.h"

namespace mintmark::test {
namespace {

class HsmTokens : public HsmTools {
 protected:
  [[nodiscard]] static Json tokens(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"tokens", "--module", SoftHsm::module()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return mintctl_json(arguments).json()["tokens"];
  }
  [[nodiscard]] static Json token_labelled(const Json& tokens, const std::string& label) {
    for (const Json& token : tokens) {
      if (token.value("label", "") == label) return token;
    }
    throw std::runtime_error("no token " + label + ": " + tokens.dump());
  }
  /// A configuration of mintd with one store on this token, and `signer` as its user.
  [[nodiscard]] std::string configuration(const std::string& stores,
                                          const std::string& users = "{}") const {
    return softhsm_.pin_file("mintd.json", R"({"issuer": "https://localhost:8443",
      "listen": [{"address": "127.0.0.1", "port": 8443}], "plain_http_behind_trusted_proxy": true,
      "admin": {"socket": "admin.sock"}, "state_directory": "state", "policy": "policy.json",
      "enrolment": {"tpm2": {"roots": "roots"}}, "users": )" +
                                               users + R"(, "hsm": {"stores": )" + stores + "}}");
  }
  [[nodiscard]] std::string store(const std::string& token) const {
    return R"({"module": ")" + SoftHsm::module() + R"(", "token": ")" + token +
           R"(", "pin": {"file": "pin"}, "environment": {"SOFTHSM2_CONF": ")" +
           path("softhsm2.conf") + R"("}})";
  }
};

TEST_F(HsmTokens, AreListedWithLabelSerialModelAndFlags) {
  const Json all = tokens();
  ASSERT_EQ(all.size(), 2U) << all;
  const Json token = token_labelled(all, SoftHsm::label());
  EXPECT_EQ(token["model"], "SoftHSM v2");
  EXPECT_EQ(token["initialised"], true);
  EXPECT_EQ(token["user_pin_set"], true);
  EXPECT_EQ(token["login_required"], true);
  EXPECT_EQ(token["user_pin"]["locked"], false);
  EXPECT_EQ(token["user_pin"]["count_low"], false);
  EXPECT_EQ(token["flags"], Json({"initialised", "user PIN set"}));
  // As an independent tool has it.
  const std::string shown =
      run({"pkcs11-tool", "--module", SoftHsm::module(), "--list-token-slots"});
  EXPECT_NE(shown.find(token["serial"].get<std::string>()), std::string::npos) << shown;
}

TEST_F(HsmTokens, FreeSlotIsShownAsNotInitialised) {
  const Json token = token_labelled(tokens(), "");
  EXPECT_EQ(token["initialised"], false);
  EXPECT_EQ(token["flags"], Json({"not initialised"}));
}

TEST_F(HsmTokens, WrongTryIsSeenInTheFlags) {
  auto arguments = on_token({"objects"});
  arguments.back() = softhsm_.pin_file("wrong", "no-such-pin");
  const Outcome refused = mintctl_json(arguments);
  EXPECT_EQ(refused.status, 1) << refused.output;
  EXPECT_EQ(refused.code(), "hsm_pin_refused");
  const Json token = token_labelled(tokens(), SoftHsm::label());
  EXPECT_EQ(token["user_pin"]["count_low"], true);
  EXPECT_EQ(token["flags"], Json({"initialised", "user PIN set", "user PIN tried wrongly"}));
  // Before the next PIN goes there, its owner is told.
  const Outcome warned = mintctl(on_token({"objects"}));
  EXPECT_EQ(warned.status, 0) << warned.output;
  EXPECT_TRUE(warned.says("the token says that a wrong one was tried before")) << warned.output;
  EXPECT_EQ(token_labelled(tokens(), SoftHsm::label())["user_pin"]["count_low"], false);
}

TEST_F(HsmTokens, TableForPeopleHasThemToo) {
  const Outcome outcome = mintctl({"tokens", "--module", SoftHsm::module()});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.says(SoftHsm::label())) << outcome.output;
  EXPECT_TRUE(outcome.says("initialised, user PIN set")) << outcome.output;
  EXPECT_TRUE(outcome.says("not initialised")) << outcome.output;
}

TEST_F(HsmTokens, ModuleThatIsNotThereIsUnusable) {
  const Outcome outcome = mintctl_json({"tokens", "--module", "/no/such/module.so"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.code(), "hsm_module_unusable");
  EXPECT_TRUE(outcome.says("/no/such/module.so")) << outcome.output;
}

TEST_F(HsmTokens, LibraryThatIsNoModuleIsUnusable) {
  const Outcome outcome = mintctl_json({"tokens", "--module", "libcrypto.so.3"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.code(), "hsm_module_unusable");
  EXPECT_TRUE(outcome.says("C_GetFunctionList")) << outcome.output;
}

TEST_F(HsmTokens, WithoutModuleOrConfigurationIsWrongUsage) {
  const Outcome outcome = mintctl_json({"tokens"}, {{"MINT_CONFIG", "/no/such/mintd.json"}});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.code(), "invalid_argument");
  EXPECT_TRUE(outcome.says("--module or --config")) << outcome.output;
}

TEST_F(HsmTokens, ModuleAndConfigurationAreOneTooMany) {
  const Outcome outcome =
      mintctl_json({"tokens", "--module", SoftHsm::module(), "--config", "mintd.json"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.code(), "invalid_argument");
}

TEST_F(HsmTokens, ConfigurationNamesModuleTokenAndEnvironment) {
  const std::string config = configuration("{\"main\": " + store(SoftHsm::label()) + "}");
  softhsm_.add_token("another");
  const Environment elsewhere{{"SOFTHSM2_CONF", "/no/such/softhsm2.conf"}};
  const Outcome outcome =
      mintctl_json({"objects", "--config", config, "--pin-file", path("pin")}, elsewhere);
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(outcome.json()["token"]["label"], SoftHsm::label());
  // As $MINT_CONFIG too, and the option goes before the configuration's token.
  Environment named = elsewhere;
  named["MINT_CONFIG"] = config;
  const Outcome other =
      mintctl_json({"objects", "--token", "another", "--pin-file", path("pin")}, named);
  ASSERT_EQ(other.status, 0) << other.output;
  EXPECT_EQ(other.json()["token"]["label"], "another");
}

TEST_F(HsmTokens, OfSeveralStoresOneIsNamed) {
  const std::string config = configuration("{\"main\": " + store(SoftHsm::label()) +
                                           ", \"spare\": " + store("another") + "}");
  const std::vector<std::string> call{"objects", "--config", config, "--pin-file", path("pin")};
  const Outcome unnamed = mintctl_json(call);
  EXPECT_EQ(unnamed.status, 2);
  EXPECT_TRUE(unnamed.says("main, spare")) << unnamed.output;
  auto strange = call;
  strange.insert(strange.end(), {"--store", "third"});
  const Outcome unknown = mintctl_json(strange);
  EXPECT_EQ(unknown.status, 2);
  EXPECT_TRUE(unknown.says("main, spare")) << unknown.output;
  auto named = call;
  named.insert(named.end(), {"--store", "main"});
  EXPECT_EQ(mintctl_json(named).status, 0);
}

TEST_F(HsmTokens, UnreadableConfigurationIsToldAsSuch) {
  const Outcome outcome = mintctl_json({"tokens", "--config", "/no/such/mintd.json"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.code(), "config_unreadable");
}

TEST_F(HsmTokens, WhatIsWrittenBelongsToTheSignersUser) {
  const bool root = geteuid() == 0;
  std::filesystem::permissions(softhsm_.directory(), std::filesystem::perms(0711));
  run({"chown", "-R", root ? "nobody" : std::to_string(geteuid()), path("tokens")});
  std::filesystem::permissions(path("softhsm2.conf"), std::filesystem::perms(0644));
  const std::string config =
      configuration("{\"main\": " + store(SoftHsm::label()) + "}", R"({"signer": "nobody"})");
  const Outcome outcome = mintctl_json({"init", "--config", config, "--label", "second",
                                        "--pin-file", path("pin"), "--so-pin-file", path("pin")});
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  struct stat old_facts {};
  ASSERT_EQ(stat(path("tokens").c_str(), &old_facts), 0);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path("tokens"))) {
    struct stat facts {};
    ASSERT_EQ(stat(entry.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_uid, old_facts.st_uid) << entry.path();
    ++files;
  }
  EXPECT_GT(files, 4U);
  EXPECT_EQ(old_facts.st_uid == geteuid(), !root);
}

TEST_F(HsmTokens, UnknownTokenIsRefusedWithThoseThereAre) {
  const Outcome outcome = mintctl_json(
      {"objects", "--module", SoftHsm::module(), "--token", "no such", "--pin-file", path("pin")});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.code(), "hsm_token_missing");
  EXPECT_TRUE(outcome.says("mintmark%20test")) << outcome.output;
}

TEST_F(HsmTokens, OfSeveralTokensOneMustBeNamed) {
  softhsm_.add_token("another");
  const Outcome outcome =
      mintctl_json({"objects", "--module", SoftHsm::module(), "--pin-file", path("pin")});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.code(), "hsm_token_ambiguous");
}

TEST_F(HsmTokens, UriWithAPinIsRefused) {
  const Outcome outcome = mintctl_json(
      {"objects", "--module", SoftHsm::module(), "--token", "pkcs11:token=x?pin-value=user-1234"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.code(), "hsm_uri_pin");
  EXPECT_FALSE(outcome.says("user-1234")) << outcome.output;
}

TEST_F(HsmTokens, PinFileThatEverybodyMayReadIsRefused) {
  auto arguments = on_token({"objects"});
  std::filesystem::permissions(path("pin"), std::filesystem::perms(0644));
  const Outcome outcome = mintctl_json(arguments);
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.code(), "hsm_pin_exposed");
}

TEST_F(HsmTokens, EmptyAndMissingPinFilesAreRefused) {
  auto arguments = on_token({"objects"});
  arguments.back() = softhsm_.pin_file("empty", "\n");
  const Outcome empty = mintctl_json(arguments);
  EXPECT_EQ(empty.status, 2);
  EXPECT_EQ(empty.code(), "hsm_pin_empty");
  arguments.back() = path("no-such-file");
  const Outcome missing = mintctl_json(arguments);
  EXPECT_EQ(missing.status, 2);
  EXPECT_EQ(missing.code(), "hsm_pin_unreadable");
}

TEST_F(HsmTokens, PinWithANulIsRefusedAndNotCutOff) {
  auto arguments = on_token({"pin", "--new-pin-file", path("pin")});
  arguments.back() =
      softhsm_.pin_file("nul", SoftHsm::pin() + std::string(1, '\0') + "behind the end");
  const Outcome outcome = mintctl_json(arguments);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "pin_entry_failed");
}

TEST_F(HsmTokens, WithoutTerminalAPinFileIsAskedFor) {
  const Outcome outcome =
      mintctl_json({"objects", "--module", SoftHsm::module(), "--token", SoftHsm::label()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "pin_entry_failed");
  EXPECT_TRUE(outcome.says("--pin-file")) << outcome.output;
}

TEST_F(HsmTokens, PinComesFromStandardInput) {
  const std::string command = std::string(MINTCTL) + " hsm objects --json --module " +
                              SoftHsm::module() + " --pin-file - <" + path("pin");
  EXPECT_NE(run({"sh", "-c", command}).find("\"objects\": []"), std::string::npos);
}

TEST_F(HsmTokens, TwoPinsFromStandardInputAreRefused) {
  const Outcome outcome = mintctl_json(
      {"pin", "--module", SoftHsm::module(), "--pin-file", "-", "--new-pin-file", "-"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.code(), "invalid_argument");
}

}  // namespace
}  // namespace mintmark::test
