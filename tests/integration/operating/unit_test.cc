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
  [[nodiscard]] static std::string capabilities(const std::string& name,
                                                const std::string& unit = "mintd.service") {
    std::string set = "-all";
    std::istringstream words(setting(name, unit));
    for (std::string word; words >> word;) {
      std::transform(word.begin(), word.end(), word.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      set += ",+" + word.substr(4);
    }
    return set;
  }
};

/// The unit's User=, whom this system need not have.
constexpr const char* keepers_uid = "64123";

/// Everything that is the keeper's, to that user.
void give_the_keepers_to(const Stack& stack, const std::string& user) {
  const std::string& all = stack.directory();
  ASSERT_EQ(execute({"chown", user, all, all + "/state"}).status, 0);
  ASSERT_EQ(execute({"chown", "-R", user, all + "/state/keeper", all + "/tls"}).status, 0);
}

[[nodiscard]] std::string status_line(const std::string& status, const std::string& name) {
  const auto at = status.find("\n" + name + ":");
  return at == std::string::npos ? "" : status.substr(at + 1, status.find('\n', at + 1) - at - 1);
}

TEST_F(Unit, LeavesMintdWhatItNeeds) {
  EXPECT_EQ(setting("AmbientCapabilities"), setting("CapabilityBoundingSet"));
  EXPECT_NE(setting("User"), "root");
  if (geteuid() != 0) {
    EXPECT_NE(capabilities("AmbientCapabilities").find("+setuid"), std::string::npos);
    return;  // Without root there is nothing to take away.
  }
  const PutBack put_back(stack, {"mintd.json"});
  replace("mintd.json", R"("pin": {"file": "hsm/pin"})", R"("pin": {"credential": "hsm-pin"})");
  // As LoadCredential leaves it: the unit's user's, and no other's.
  ASSERT_EQ(mkdir(file("credentials").c_str(), 0700), 0);
  ASSERT_EQ(execute({"install", "-m", "400", stack["PKCS11_PIN_FILE"], file("credentials/hsm-pin")})
                .status,
            0);
  ASSERT_EQ(execute({"chown", "-R", keepers_uid, file("credentials")}).status, 0);
  // mintd alone: the device's TPM goes on.
  const int before = stack.keeper_pid();
  ASSERT_EQ(kill(before, SIGTERM), 0);
  await("mintd to end", [&] { return kill(before, 0) != 0; });
  give_the_keepers_to(stack, keepers_uid);
  const auto started = execute(
      {"bash", "-c",
       "CREDENTIALS_DIRECTORY=\"$1\" setsid setpriv --reuid \"$6\" --regid \"$6\" --clear-groups "
       "--no-new-privs --bounding-set \"$2\" --inh-caps \"$2\" --ambient-caps \"$2\" \"$3/mintd\" "
       "--config \"$4\" </dev/null >>\"$5/mintd.log\" 2>&1 & echo $! >\"$5/mintd.pid\"",
       "bash", file("credentials"), capabilities("AmbientCapabilities"), stack["MINT_BIN"],
       stack["MINT_CONFIG"], stack.directory(), keepers_uid});
  ASSERT_EQ(started.status, 0);
  stack.wait_until_ready();
  const auto status = read_file("/proc/" + std::to_string(stack.keeper_pid()) + "/status");
  ASSERT_TRUE(status);
  EXPECT_EQ(status_line(*status, "Uid").substr(0, 10), std::string("Uid:\t") + keepers_uid)
      << *status;
  for (const int process : {stack.front_pid(), stack.signer_pid()}) {
    const auto theirs = read_file("/proc/" + std::to_string(process) + "/status");
    ASSERT_TRUE(theirs);
    EXPECT_NE(status_line(*theirs, "Uid"), status_line(*status, "Uid"));
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
      EXPECT_EQ(status_line(*theirs, set), std::string(set) + ":\t0000000000000000") << *theirs;
  }
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
  give_the_keepers_to(stack, "root");
  replace("mintd.json", R"("pin": {"credential": "hsm-pin"})", R"("pin": {"file": "hsm/pin"})");
  stack.up();
}

TEST_F(Unit, LeavesMintAgentServeWhatItNeeds) {
  const std::string unit = "mint-agent-serve.service";
  EXPECT_NE(setting("ExecStart", unit).find("--state /var/lib/mint-agent serve --config"),
            std::string::npos);
  EXPECT_EQ(capabilities("CapabilityBoundingSet", unit), "-all");
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
       "bash", geteuid() == 0 ? capabilities("CapabilityBoundingSet", unit) : "+all",
       stack["MINT_BIN"], stack["MINT_AGENT_STATE"], stack.directory()});
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
