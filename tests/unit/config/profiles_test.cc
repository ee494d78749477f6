// provisioning/hsm/*.json: what they say, what they give a store, and what the documents say of
// them.
#include "config/profiles.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "config/config.h"
#include "sample.h"

namespace mintmark::config {
namespace {

std::string content(const std::string& file) {
  const auto text = read_file(MINTMARK_SOURCE "/" + file);
  if (!text) throw std::runtime_error(text.error().to_string());
  return *text;
}

/// The sample with this one store.
Result<Config> parse_with(const Json& store) {
  Json document = Json::parse(test::sample, nullptr, true, true);
  document["hsm"]["stores"] = {{"main", store}};
  return parse("/etc/mintmark/mintd.json", document.dump());
}

Json least(const std::string& profile) {
  Json store = {{"profile", profile}, {"token", "mintmark"}, {"pin", {{"file", "pin"}}}};
  if (profile == "tpm2") store.erase("token");
  return store;
}

TEST(HsmProfiles, AreThoseOfTheIssue) {
  std::vector<std::string> names;
  for (const HsmProfile& profile : hsm_profiles()) names.push_back(profile.name);
  EXPECT_EQ(names, (std::vector<std::string>{"cloudhsm", "luna", "nethsm", "nshield", "softhsm",
                                             "tpm2", "tpm2-pkcs11", "yubihsm2"}));
}

TEST(HsmProfiles, OnlyWhatOurSuitesRunOnIsTested) {
  for (const HsmProfile& profile : hsm_profiles()) {
    const bool ours =
        profile.name == "softhsm" || profile.name == "tpm2" || profile.name == "tpm2-pkcs11";
    EXPECT_EQ(profile.tested, ours) << profile.name;
  }
}

TEST(HsmProfiles, EachHasItsFile) {
  for (const HsmProfile& profile : hsm_profiles()) {
    EXPECT_EQ(profile.document, Json::parse(content("provisioning/hsm/" + profile.name + ".json")))
        << profile.name;
  }
}

TEST(HsmProfiles, EachIsTakenByTheReaderOfStores) {
  for (const HsmProfile& profile : hsm_profiles()) {
    const auto config = parse_with(least(profile.name));
    ASSERT_TRUE(config) << profile.name << ": " << config.error().to_string();
    const HsmStore& store = config->stores.at(0);
    EXPECT_EQ(store.profile, profile.name);
    EXPECT_EQ(store.sessions, profile.store["sessions"].get<unsigned>()) << profile.name;
    EXPECT_EQ(store.call_deadline.count(), profile.store["call_deadline_ms"].get<int>());
    EXPECT_EQ(store.start_up.count(), profile.store["start_up_ms"].get<int>());
    EXPECT_EQ(store.session_copies, profile.store["session_copies"] == "auto") << profile.name;
    const Json& sandbox = profile.store["sandbox"];
    EXPECT_EQ(store.sandbox.network, sandbox["network"] == "host") << profile.name;
    EXPECT_EQ(store.sandbox.seccomp, sandbox["seccomp"].get<bool>()) << profile.name;
    const auto& modules = profile.modules;
    if (store.tpm) {
      EXPECT_EQ(store.tpm->tcti, profile.store["tpm"]["tcti"].get<std::string>());
      EXPECT_TRUE(modules.empty());
      continue;
    }
    EXPECT_NE(std::find(modules.begin(), modules.end(), store.module), modules.end())
        << store.module;
    const Json environment = profile.store.value("environment", Json::object());
    for (const auto& [name, value] : environment.items())
      EXPECT_EQ(store.environment.at(name), value.get<std::string>()) << profile.name;
  }
}

TEST(HsmProfiles, ModuleThatIsThereIsTaken) {
  EXPECT_EQ(parse_with(least("softhsm"))->stores[0].module, "/usr/lib/softhsm/libsofthsm2.so");
}

TEST(HsmProfiles, StoresOwnMembersGoFirst) {
  Json store = least("tpm2-pkcs11");
  store["module"] = "/opt/tpm.so";
  store["sessions"] = 7;
  store["environment"] = {{"TPM2_PKCS11_LOG_LEVEL", "3"}, {"TPM2_PKCS11_STORE", "/keys"}};
  const auto config = parse_with(store);
  ASSERT_TRUE(config) << config.error().to_string();
  const HsmStore& read = config->stores[0];
  EXPECT_EQ(read.module, "/opt/tpm.so");
  EXPECT_EQ(read.sessions, 7U);
  EXPECT_EQ(read.call_deadline.count(), 5000);
  EXPECT_EQ(read.environment.at("TPM2_PKCS11_LOG_LEVEL"), "3");
  EXPECT_EQ(read.environment.at("TPM2_PKCS11_STORE"), "/keys");
}

TEST(HsmProfiles, EnvironmentIsCompletedMemberByMember) {
  Json store = least("tpm2-pkcs11");
  store["environment"] = {{"TPM2_PKCS11_STORE", "/keys"}};
  EXPECT_EQ(parse_with(store)->stores[0].environment.at("TPM2_PKCS11_LOG_LEVEL"), "0");
}

TEST(HsmProfiles, SandboxIsLoosenedMemberByMember) {
  Json store = least("softhsm");
  store["sandbox"] = {{"seccomp", false}};
  const auto config = parse_with(store);
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_FALSE(config->stores[0].sandbox.seccomp);
  EXPECT_FALSE(config->stores[0].sandbox.network)
      << "what the store does not name is the profile's";
}

TEST(HsmProfiles, OnlyWhatOurSuitesRunOnHasItsCallsFiltered) {
  for (const HsmProfile& profile : hsm_profiles()) {
    const bool filtered = profile.store["sandbox"]["seccomp"].get<bool>();
    EXPECT_TRUE(!filtered || profile.tested) << profile.name << ": a list that nobody tried";
  }
}

TEST(HsmProfiles, WithoutProfileNothingIsAdded) {
  Json store = least("softhsm");
  store.erase("profile");
  store["module"] = "/usr/lib/softhsm/libsofthsm2.so";
  EXPECT_EQ(parse_with(store)->stores[0].profile, "");
  store.erase("module");
  const auto config = parse_with(store);
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().detail.find("module"), std::string::npos);
}

TEST(HsmProfiles, UnknownOneIsRefusedWithThoseThereAre) {
  const auto config = parse_with(least("enigma"));
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::config_invalid);
  for (const HsmProfile& profile : hsm_profiles())
    EXPECT_NE(config.error().detail.find('"' + profile.name + '"'), std::string::npos);
}

TEST(HsmProfiles, OneOfAnotherTypeIsRefused) {
  Json store = least("softhsm");
  store["profile"] = 7;
  EXPECT_EQ(parse_with(store).error().code, Code::config_invalid);
}

TEST(HsmProfiles, DamagedFilesAreRefusedWithTheirKey) {
  const Json good = hsm_profile_named("softhsm")->document;
  const auto refusal = [&](const Json& document) {
    const auto profile = read_hsm_profile("x.json", document.dump());
    return profile ? std::string("taken") : profile.error().detail;
  };
  EXPECT_EQ(refusal(good), "taken");
  const Json schema = Json::parse(content("docs/hsm-profile.schema.json"));
  for (const Json& key : schema["required"]) {
    Json document = good;
    document.erase(key.get<std::string>());
    EXPECT_NE(refusal(document).find(key.get<std::string>()), std::string::npos) << key;
  }
  Json foreign = good;
  foreign["colour"] = "red";
  EXPECT_NE(refusal(foreign).find("colour"), std::string::npos);
  Json unsure = good;
  unsure["status"] = "perhaps";
  EXPECT_NE(refusal(unsure).find("status"), std::string::npos);
  Json boast = good;
  boast["status"] = "untested";
  EXPECT_NE(refusal(boast).find("tested_on"), std::string::npos);
  Json nowhere = good;
  nowhere["modules"] = Json::array();
  EXPECT_NE(refusal(nowhere).find("modules"), std::string::npos);
  Json two_ways = good;
  two_ways["store"]["tpm"] = {{"tcti", "device:/dev/tpmrm0"}};
  EXPECT_NE(refusal(two_ways).find("modules"), std::string::npos);
  Json hearsay = good;
  hearsay["sources"] = Json::array();
  EXPECT_NE(refusal(hearsay).find("sources"), std::string::npos);
}

TEST(HsmProfiles, SchemaHasExactlyTheirMembers) {
  const Json schema = Json::parse(content("docs/hsm-profile.schema.json"));
  EXPECT_EQ(schema["additionalProperties"], false);
  for (const HsmProfile& profile : hsm_profiles()) {
    for (const auto& [name, value] : profile.document.items())
      EXPECT_TRUE(schema["properties"].contains(name)) << profile.name << ": " << name;
  }
  for (const auto& [name, property] : schema["properties"].items())
    EXPECT_GT(property["description"].get<std::string>().size(), 5U) << name;
}

/// The row of docs/operations.md, "Which hardware".
std::string row_of(const HsmProfile& profile) {
  const auto& rate = profile.es256_a_second;
  const std::string works = !profile.obstacles.empty() ? "not yet: "
                            : profile.tested           ? "yes"
                                                       : "by its documents";
  std::string why;
  for (const std::string& obstacle : profile.obstacles) why += (why.empty() ? "" : "; ") + obstacle;
  return "| `" + profile.name + "` | " + profile.title + " | " +
         (profile.tested ? "tested" : "**untested**") + " | " + works + why + " | " +
         (rate.value ? std::to_string(*rate.value) : "-") + " | " + profile.pin + " |";
}

TEST(HsmProfiles, OperationsHasATableOfThem) {
  const std::string operations = content("docs/operations.md");
  std::string table;
  for (const HsmProfile& profile : hsm_profiles()) table += row_of(profile) + "\n";
  EXPECT_NE(operations.find(table), std::string::npos)
      << "docs/operations.md, \"Which hardware\", should have these rows:\n"
      << table;
}

}  // namespace
}  // namespace mintmark::config
