#include "keys.h"

#include <fstream>
#include <regex>

#include "base/file.h"
#include "jose/jws.h"

namespace mintmark::test {

void Keys::SetUpTestSuite() {
  Operating::SetUpTestSuite();
  static bool done = false;
  if (std::exchange(done, true)) return;
  struct Provisioning : Keys {
    void TestBody() override {}
  };
  const Provisioning stack_of;
  const Stack& stack = Stack::instance();
  const auto made =
      execute({MINTMARK_SOURCE "/provisioning/hsm/softhsm", stack_of.file("hsm2"), "second"});
  ASSERT_EQ(made.status, 0) << made.output;
  Json configuration = Json::parse(stack_of.content("mintd.json"));
  configuration["hsm"]["stores"]["second"] = {
      {"profile", "softhsm"},
      {"module", stack["PKCS11_MODULE"]},
      {"token", "second"},
      {"pin", {{"file", "hsm2/pin"}}},
      {"environment", {{"SOFTHSM2_CONF", stack_of.file("hsm2/softhsm2.conf")}}}};
  configuration["keys"] = {{"max_age_seconds", 0}};
  stack_of.write("mintd.json", configuration.dump(2));
  stack_of.replace("policy.json", "\"rules\": [", std::string("\"rules\": [") + software_rule);
  Stack::instance().down();
  Stack::instance().up();
  std::ofstream(stack_of.file("client.jwk")) << key_.public_key().to_jwk().dump();
  client_id_ = stack.control({"devices", "add", "--jwk", stack_of.file("client.jwk")})["client_id"];
}

void Keys::SetUp() {
  stack.wait_until_ready();
  for (const char* store : {"main", "second"}) {
    await(std::string("store ") + store, [&] { return signer(store)["state"] == "ready"; });
  }
}

std::vector<Json> Keys::keys(const std::vector<std::string>& states) const {
  std::vector<Json> found;
  const Json listed = stack.control({"keys", "list", "--all"});
  for (const Json& key : listed["keys"]) {
    if (std::find(states.begin(), states.end(), key["state"]) != states.end()) found.push_back(key);
  }
  return found;
}

std::string Keys::active(const std::string& store) const {
  for (const Json& key : keys({"active"})) {
    if (key["store"] == store && key["purpose"] == "access_token") return key["kid"];
  }
  return "";
}

Json Keys::key(const std::string& kid) const {
  const Json listed = stack.control({"keys", "list", "--all"});
  for (const Json& key : listed["keys"]) {
    if (key["kid"] == kid) return key;
  }
  return {};
}

std::vector<std::string> Keys::published() const {
  const auto answer = stack.curl({"--fail", stack["MINT_ISSUER"] + "/.well-known/jwks.json"});
  EXPECT_EQ(answer.status, 0) << answer.output;
  std::vector<std::string> kids;
  const Json set = Json::parse(answer.output);
  for (const Json& key : set["keys"]) kids.push_back(key["kid"]);
  return kids;
}

std::string Keys::ask() const { return ask_by_assertion(stack, key_, client_id_); }

std::string Keys::token() const {
  const std::string answer = ask();
  EXPECT_EQ(status_of(answer), 200) << answer;
  return body_of(answer).value("access_token", "");
}

std::string Keys::kid_of(const std::string& token) {
  const auto jws = jose::UnverifiedJws::parse(token);
  return jws ? jws->header().value("kid", "") : "";
}

int Keys::verify(const std::string& token) const {
  return stack.gate({"--audience", "https://api.example", "--no-proof", "--token", token}).status;
}

Json Keys::signer(const std::string& store) const {
  const Json status = stack.control({"status"});
  for (const Json& signer : status["signers"]) {
    if (signer["store"] == store) return signer;
  }
  return {};
}

}  // namespace mintmark::test
