// A stack whose programs have the fault shim in front of them: clocks that are set, memory that is
// not to be had, files that are not written; and what the log, the figures, /readyz and clients say
// of a fault.
#pragma once

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "asking.h"
#include "base/file.h"
#include "operating.h"
#include "support/fault_pages.h"
#include "support/few_descriptors.h"
#include "support/temporary_directory.h"

namespace mintmark::test {

namespace fs = std::filesystem;

class FaultsBelow : public Operating {
 protected:
  static void SetUpTestSuite() {
    Operating::SetUpTestSuite();
    if (!pages_) put_shims_in_front();
  }
  void SetUp() override {
    stack.wait_until_ready();
    if (client_id_.empty()) add_client();
    take_token();
    began_ = log().size();
  }
  void TearDown() override {
    pages_->clear();
    await_tokens();
    stack.wait_until_ready();
    expect_all_answered_are_known();
  }

  [[nodiscard]] std::string ask() const { return ask_by_assertion(stack, key_, client_id_); }
  /// One that was answered, which must be known ever after.
  void take_token() const {
    const std::string answer = ask();
    ASSERT_EQ(status_of(answer), 200) << answer;
    const std::string token = body_of(answer)["access_token"];
    const Json listed = stack.control({"tokens", "list", "--device", client_id_});
    for (const Json& one : listed["tokens"]) answered_.insert(one["jti"].get<std::string>());
    ASSERT_FALSE(answered_.empty()) << token;
  }
  void await_tokens() const {
    await("tokens again", [&] { return status_of(ask()) == 200; });
    take_token();
  }
  void expect_all_answered_are_known() const {
    std::set<std::string> known;
    const Json listed = stack.control({"tokens", "list", "--device", client_id_});
    for (const Json& one : listed["tokens"]) known.insert(one["jti"].get<std::string>());
    for (const std::string& jti : answered_) EXPECT_TRUE(known.contains(jti)) << jti;
  }

  static void expect_come_back_later(const std::string& answer, const std::string& code) {
    EXPECT_EQ(status_of(answer), 503) << answer;
    EXPECT_NE(answer.find("Retry-After: "), std::string::npos) << answer;
    EXPECT_EQ(body_of(answer).value("error", ""), "temporarily_unavailable") << answer;
    EXPECT_EQ(body_of(answer).value("code", ""), code) << answer;
  }
  void await_refusals(const std::string& code) const {
    await("503 " + code, [&] { return body_of(ask()).value("code", "") == code; });
    expect_come_back_later(ask(), code);
  }
  [[nodiscard]] std::string readyz() const {
    return stack.curl({"--include", "--max-time", "5", stack["MINT_ISSUER"] + "/readyz"}).output;
  }
  void await_not_ready(const std::string& why) const {
    await("/readyz to say " + why, [&] {
      const std::string said = readyz();
      return status_of(said) == 503 && said.find(why) != std::string::npos;
    });
  }
  /// The first line of this event since the test began, with those words in it.
  [[nodiscard]] Json logged(const std::string& event, const std::string& words = "") const {
    std::istringstream lines(log().substr(began_));
    for (std::string line; std::getline(lines, line);) {
      Json one = Json::parse(line, nullptr, false);
      const bool is_it = one.is_object() && one.value("event", "") == event;
      if (is_it && line.find(words) != std::string::npos) return one;
    }
    return Json::object();
  }
  void await_logged(const std::string& event) const {
    await("the line " + event, [&] { return !logged(event).empty(); });
  }
  void await_figure(const std::string& name, double value) const {
    await(name, [&] { return figure(name) == value; });
  }
  [[nodiscard]] static bool lives(int pid) { return kill(pid, 0) == 0; }

  static inline std::unique_ptr<FaultPages> pages_;
  static inline std::string client_id_;

 private:
  // In the place of each program one that becomes it, with the shim in front.
  static void put_shims_in_front() {
    Stack& stack = Stack::instance();
    // Without a space in it, which LD_PRELOAD takes for the end of a name.
    static const TemporaryDirectory directory;
    const std::string programs = directory.path();
    fs::permissions(programs, fs::perms(0755));
    pages_ = std::make_unique<FaultPages>(
        programs + "/faults", std::vector<std::string>{"mintd", "mintd-front", "mintd-signer"});
    for (const auto& program : fs::directory_iterator(stack["MINT_BIN"])) {
      const std::string name = program.path().filename();
      const bool is_mintds = name == "mintd" || name.starts_with("mintd-");
      if (!is_mintds) {
        fs::create_symlink(program.path(), programs + "/" + name);
        continue;
      }
      fs::copy_file(program.path(), programs + "/" + name + ".real");
      fs::copy_file(MINTMARK_LAUNCHED, programs + "/" + name);
    }
    fs::copy_file(MINTMARK_FAULT_SHIM, programs + "/shim.so");
    std::ofstream(programs + "/environment") << "LD_PRELOAD=" << programs << "/shim.so\n"
                                             << "MINTMARK_FAULTS=" << programs << "/faults\n";
    set_policy(stack);
    stack.down();
    setenv("MINT_BIN", programs.c_str(), 1);
    stack.up();
  }
  static void set_policy(const Stack& stack) {
    const std::string path = stack.directory() + "/policy.json";
    std::string text = read_file(path).value();
    const std::string rules = "\"rules\": [";
    text.replace(text.find(rules), rules.size(), rules + software_rule);
    std::ofstream(path, std::ios::trunc) << text;
  }
  void add_client() {
    std::ofstream(file("client.jwk")) << key_.public_key().to_jwk().dump();
    client_id_ = stack.control({"devices", "add", "--jwk", file("client.jwk")})["client_id"];
  }

  static inline const SoftKey key_{jose::Algorithm::es256};
  static inline std::set<std::string> answered_;
  std::size_t began_ = 0;
};

}  // namespace mintmark::test
