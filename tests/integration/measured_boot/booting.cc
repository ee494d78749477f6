#include "booting.h"

#include "base/file.h"

namespace mintmark::test {
namespace {

std::unique_ptr<MeasuredBoot> the_machine;

void power_cycle_tpm() {
  const std::string tpm = Stack::instance().directory() + "/tpm";
  for (const char* verb : {"stop", "start"}) {
    const auto done = execute({MINTMARK_SOURCE "/provisioning/tpm/swtpm", verb, tpm});
    if (done.status != 0) throw std::runtime_error(done.output);
  }
}

}  // namespace

void Booting::SetUpTestSuite() {
  if (the_machine) return;
  Stack& stack = Stack::instance();
  the_machine = std::make_unique<MeasuredBoot>(stack["TPM_TCTI"], stack.directory() + "/boot.log",
                                               &power_cycle_tpm);
  auto configuration = read_file(stack.directory() + "/mintd.json");
  ASSERT_TRUE(configuration);
  Json json = Json::parse(*configuration, nullptr, true, true);
  json["enrolment"]["tpm2"]["pcrs"] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12};
  struct Writing : Booting {
    void TestBody() override {}
  };
  Writing().write("mintd.json", json.dump(2));
  stack.down();
  stack.up();
}

void Booting::SetUp() {
  machine().boot();
  const auto enrolled =
      stack.agent({"enroll", "--issuer", stack["MINT_ISSUER"], "--ca", stack["MINT_CA"], "--tcti",
                   stack["TPM_TCTI"], "--event-log", machine().log().string()});
  ASSERT_EQ(enrolled.status, 0) << enrolled.output;
}

MeasuredBoot& Booting::machine() const { return *the_machine; }

void Booting::reboot(const BootRecipe& recipe) {
  machine().boot(recipe);
  remember("boot_id", "of another boot");
}

void Booting::remember(const std::string& member, const std::string& value) const {
  Json identity = Json::parse(read_file(state_file("identity.json")).value());
  identity[member] = value;
  ASSERT_TRUE(write_file_atomically(state_file("identity.json"), identity.dump(2)));
}

void Booting::require(const std::string& mode, const Json& expect) {
  const Json rule = {
      {"name", "machines"}, {"match", {{"format", "tpm2"}}}, {"mode", mode}, {"expect", expect}};
  Json policy = Json::parse(content("policy.json"), nullptr, true, true);
  policy["boot"] = Json::array({rule});
  write("policy.json", policy.dump(2) + "\n");
  reload();
}

void Booting::reload() {
  const auto reloaded = mintctl({"reload"});
  ASSERT_EQ(reloaded.status, 0) << reloaded.output;
}

std::string Booting::baseline() {
  const Json made = stack.control({"devices", "baseline", id()});
  write("baseline.json", made["baseline"]);
  return "baseline.json";
}

void Booting::expect_token() const {
  const auto outcome = token();
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(outcome.output.substr(0, 3), "eyJ") << outcome.output;
}

void Booting::expect_refused(const std::string& code) const {
  const auto outcome = token();
  EXPECT_EQ(outcome.status, 1) << outcome.output;
  EXPECT_NE(outcome.output.find(code), std::string::npos) << outcome.output;
}

std::vector<Json> Booting::failed(const Json& appraisal) {
  std::vector<Json> found;
  for (const Json& finding : appraisal["findings"]) {
    if (finding["ok"] == false) found.push_back(finding);
  }
  return found;
}

Json Booting::agent_status() const { return Json::parse(stack.agent({"status", "--json"}).output); }

std::string Booting::id() const { return agent_status()["client_id"]; }

}  // namespace mintmark::test
