// mintd with what provisioning/systemd/mintd.service leaves it: its capabilities and its PIN as a
// credential; and mint-agent serve with what its unit leaves it.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "operating.h"

namespace mintmark::test {
namespace {

#ifdef MINTMARK_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

class Unit : public Operating {
 protected:
  /// What stands behind NAME= in a unit.
  [[nodiscard]] static std::string setting(const std::string& name,
                                           const std::string& of = "mintd.service") {
    const auto unit = read_file(MINTMARK_SOURCE "/provisioning/systemd/" + of);
    EXPECT_TRUE(unit);
    const auto at = unit->find("\n" + name + "=");
    EXPECT_NE(at, std::string::npos) << name;
    const auto begin = at + name.size() + 2;
    return unit->substr(begin, unit->find('\n', begin) - begin);
  }
  /// "-all,+setuid,…" for setpriv.
  [[nodiscard]] static std::string bounding_set(const std::string& unit = "mintd.service") {
    std::string set = "-all";
    std::istringstream words(setting("CapabilityBoundingSet", unit));
    for (std::string word; words >> word;) {
      std::transform(word.begin(), word.end(), word.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      set += ",+" + word.substr(4);
    }
    return set;
  }
};

TEST_F(Unit, LeavesMintdWhatItNeeds) {
  if (geteuid() != 0) {
    EXPECT_NE(bounding_set().find("+setuid"), std::string::npos);
    return;  // Without root there is nothing to take away.
  }
  const PutBack put_back(stack, {"mintd.json"});
  replace("mintd.json", R"("pin": {"file": "hsm/pin"})", R"("pin": {"credential": "hsm-pin"})");
  // As LoadCredential leaves it: root's, and no other's.
  ASSERT_EQ(mkdir(file("credentials").c_str(), 0700), 0);
  ASSERT_EQ(execute({"install", "-m", "400", stack["PKCS11_PIN_FILE"], file("credentials/hsm-pin")})
                .status,
            0);
  // mintd alone: the device's TPM goes on.
  const int before = stack.keeper_pid();
  ASSERT_EQ(kill(before, SIGTERM), 0);
  await("mintd to end", [&] { return kill(before, 0) != 0; });
  const auto started =
      execute({"bash", "-c",
               "CREDENTIALS_DIRECTORY=\"$1\" setsid setpriv --no-new-privs --bounding-set \"$2\" "
               "--inh-caps -all \"$3/mintd\" --config \"$4\" </dev/null >>\"$5/mintd.log\" 2>&1 & "
               "echo $! >\"$5/mintd.pid\"",
               "bash", file("credentials"), bounding_set(), stack["MINT_BIN"], stack["MINT_CONFIG"],
               stack.directory()});
  ASSERT_EQ(started.status, 0);
  stack.wait_until_ready();
  const auto status = read_file("/proc/" + std::to_string(stack.keeper_pid()) + "/status");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->find("CapEff:\t000001ffffffffff"), std::string::npos) << *status;
  EXPECT_EQ(fresh_token("write").status, 0);
  const Json shut_in = stack.control({"status"})["signers"][0]["sandbox"];
  EXPECT_EQ(shut_in["network"], "none") << shut_in;
  EXPECT_EQ(shut_in["seccomp"], !sanitized) << shut_in;
  EXPECT_EQ(shut_in["memory_locked"], true) << shut_in;
  EXPECT_EQ(mintctl({"reload"}).status, 0);
  EXPECT_EQ(
      execute({"runuser", "-u", "mintmark-front", "--", "test", "-r", file("credentials/hsm-pin")})
          .status,
      1);
  stack.down();
  replace("mintd.json", R"("pin": {"credential": "hsm-pin"})", R"("pin": {"file": "hsm/pin"})");
  stack.up();
}

TEST_F(Unit, LeavesMintAgentServeWhatItNeeds) {
  const std::string unit = "mint-agent-serve.service";
  EXPECT_NE(setting("ExecStart", unit).find("--state /var/lib/mint-agent serve --config"),
            std::string::npos);
  EXPECT_EQ(bounding_set(unit), "-all");
  ASSERT_TRUE(write_file_atomically(
      file("agent.json"),
      Json{{"socket", {{"path", "agent.sock"}, {"mode", "0600"}}},
           {"users",
            {{{"user", std::to_string(geteuid())},
              {"grants", {{{"audience", "https://api.example"}, {"scopes", {"read"}}}}}}}}}
          .dump()));
  const auto started = execute(
      {"bash", "-c",
       "setsid setpriv --no-new-privs --bounding-set \"$1\" --inh-caps -all prlimit --core=0 "
       "--memlock=8388608 --nofile=4096 \"$2/mint-agent\" --state \"$3\" serve --config "
       "\"$4/agent.json\" </dev/null >\"$4/agent.log\" 2>&1 & echo $! >\"$4/agent.pid\"",
       "bash", geteuid() == 0 ? bounding_set(unit) : "+all", stack["MINT_BIN"],
       stack["MINT_AGENT_STATE"], stack.directory()});
  ASSERT_EQ(started.status, 0) << started.output;
  const auto token = execute({"curl", "--silent", "--show-error", "--fail-with-body", "--retry",
                              "20", "--retry-delay", "1", "--retry-all-errors", "--unix-socket",
                              file("agent.sock"), "http://localhost/token"});
  EXPECT_NE(token.output.find("\"access_token\""), std::string::npos)
      << token.output << content("agent.log");
  EXPECT_EQ(content("agent.log").find("memory_not_locked"), std::string::npos);
  const int pid = std::stoi(content("agent.pid"));
  ASSERT_EQ(kill(pid, SIGTERM), 0);
  await("mint-agent to end", [&] { return kill(pid, 0) != 0; });
}

}  // namespace
}  // namespace mintmark::test
