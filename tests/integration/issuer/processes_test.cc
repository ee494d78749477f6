// Keeper, front and signer as the kernel sees them, and what happens when one of them dies.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/file.h"
#include "stack.h"

namespace mintmark::test {
namespace {

#ifdef MINTMARK_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

std::string proc(int pid, const std::string& file) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + file);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

std::string status_line(int pid, const std::string& name) {
  std::istringstream lines(proc(pid, "status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(name + ":", 0) == 0) return line.substr(name.size() + 1);
  }
  return {};
}

/// CAP_SYS_ADMIN, in effect.
bool has_system_admin(int pid) {
  constexpr unsigned system_admin = 21;
  return (std::stoull(status_line(pid, "CapEff"), nullptr, 16) >> system_admin & 1U) != 0;
}

std::string network_of(int pid) {
  return std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/ns/net").string();
}

bool gone(int pid) {
  return kill(pid, 0) != 0 || status_line(pid, "State").find('Z') != std::string::npos;
}

class Processes : public ::testing::Test {
 protected:
  /// By hand, behind what a shell does first; the device's TPM stays as it is.
  void start_mintd(const std::string& before) const {
    const auto started = execute(
        {"bash", "-c",
         before + "setsid \"$1/mintd\" --config \"$2\" </dev/null >>\"$3\" 2>&1 & echo $! >\"$4\"",
         "bash", stack["MINT_BIN"], stack["MINT_CONFIG"], stack.directory() + "/mintd.log",
         stack.directory() + "/mintd.pid"});
    ASSERT_EQ(started.status, 0);
  }
  Stack& stack = Stack::instance();
};

TEST_F(Processes, OnlyTheSignerMapsTheModule) {
  if (geteuid() != 0) {
    for (const int pid : {stack.signer_pid(), stack.front_pid(), stack.keeper_pid()})
      EXPECT_EQ(proc(pid, "maps"), "") << "nobody but root may look into them";
    return;
  }
  const std::string signer = proc(stack.signer_pid(), "maps");
  ASSERT_NE(signer.find("libsofthsm2"), std::string::npos)
      << "the signer maps it, or this test looks for the wrong name";
  for (const int pid : {stack.front_pid(), stack.keeper_pid()}) {
    const std::string maps = proc(pid, "maps");
    ASSERT_FALSE(maps.empty());
    EXPECT_EQ(maps.find("libsofthsm2"), std::string::npos);
  }
}

TEST_F(Processes, RunAsDifferentUsersWhenStartedAsRoot) {
  if (geteuid() != 0) {
    EXPECT_EQ(status_line(stack.front_pid(), "Uid"), status_line(stack.signer_pid(), "Uid"));
    return;
  }
  const std::string front = status_line(stack.front_pid(), "Uid");
  const std::string signer = status_line(stack.signer_pid(), "Uid");
  EXPECT_NE(front, signer);
  EXPECT_EQ(front.find("\t0"), std::string::npos) << front;
  EXPECT_EQ(signer.find("\t0"), std::string::npos) << signer;
  EXPECT_EQ(status_line(stack.front_pid(), "Groups").find_first_of("123456789"), std::string::npos)
      << "no supplementary groups";
  EXPECT_EQ(status_line(stack.front_pid(), "CapEff").find_first_of("123456789abcdef"),
            std::string::npos);
}

TEST_F(Processes, MayGainNoPrivileges) {
  for (const int pid : {stack.front_pid(), stack.signer_pid(), stack.keeper_pid()}) {
    EXPECT_EQ(status_line(pid, "NoNewPrivs"), "\t1");
  }
}

TEST_F(Processes, LeaveNoCoreDumps) {
  for (const int pid : {stack.front_pid(), stack.signer_pid(), stack.keeper_pid()}) {
    std::istringstream core(proc(pid, "limits").substr(proc(pid, "limits").find("Max core file")));
    std::string word;
    std::string soft;
    std::string hard;
    core >> word >> word >> word >> word >> soft >> hard;
    EXPECT_EQ(soft + " " + hard, "0 0");
  }
}

TEST_F(Processes, TheSignerIsShutInAsItsProfileSays) {
  const int signer = stack.signer_pid();
  EXPECT_EQ(status_line(signer, "Seccomp"), "\t2");
  const Json said = stack.control({"status"})["signers"][0]["sandbox"];
  EXPECT_EQ(said["network"], "none");
  EXPECT_EQ(said["seccomp"], !sanitized);
  EXPECT_EQ(said["memory_locked"], true);
  const auto log = read_file(stack.directory() + "/mintd.log");
  ASSERT_TRUE(log);
  EXPECT_NE(log->find("signer_sandbox"), std::string::npos);
  if (geteuid() != 0) return;  // A signer's namespaces are shown to nobody but root.
  if (has_system_admin(stack.keeper_pid())) {
    EXPECT_NE(proc(signer, "uid_map").find("4294967295"), std::string::npos)
        << "where the keeper may make it, the network's namespace needs none of users";
  }
  EXPECT_EQ(said["network_namespace"], true);
  EXPECT_NE(network_of(signer), network_of(stack.keeper_pid()));
  EXPECT_EQ(network_of(stack.front_pid()), network_of(stack.keeper_pid()));
}

TEST_F(Processes, TheSignerSaysWhereItsPinCannotBeLocked) {
  stack.down();
  const std::string log_file = stack.directory() + "/mintd.log";
  const auto log_before = read_file(log_file)->size();
  start_mintd("ulimit -l 0;");
  stack.wait_until_ready();
  // Who runs as root all through may lock what he likes.
  const bool locked = status_line(stack.signer_pid(), "CapEff") != "\t0000000000000000";
  EXPECT_EQ(stack.control({"status"})["signers"][0]["sandbox"]["memory_locked"], locked);
  const std::string log = read_file(log_file)->substr(log_before);
  EXPECT_EQ(log.find(R"("memory_lock":"off: RLIMIT_MEMLOCK)") == std::string::npos, locked) << log;
  stack.down();
  stack.up();
}

TEST_F(Processes, TheFrontsUserCanReadNeitherThePinNorTheTokenNorTheJournal) {
  if (geteuid() != 0) return;  // One user for all: nothing is promised.
  for (const std::string& file :
       {stack["PKCS11_PIN_FILE"], stack.directory() + "/hsm/tokens",
        stack.directory() + "/state/keeper/keys.db", stack.directory() + "/tls/server.key"}) {
    EXPECT_NE(execute({"runuser", "-u", "mintmark-front", "--", "test", "-r", file}).status, 0)
        << file;
  }
}

TEST_F(Processes, ShowNoSecretInTheirArgumentsOrLog) {
  auto pin = read_file(stack["PKCS11_PIN_FILE"]);
  ASSERT_TRUE(pin);
  while (!pin->empty() && pin->back() == '\n') pin->pop_back();
  ASSERT_GE(pin->size(), 4U);
  for (const int pid : {stack.keeper_pid(), stack.front_pid(), stack.signer_pid()}) {
    EXPECT_EQ(proc(pid, "cmdline").find(*pin), std::string::npos);
    EXPECT_EQ(proc(pid, "environ").find(*pin), std::string::npos);
  }
  const auto log = read_file(stack.directory() + "/mintd.log");
  ASSERT_TRUE(log);
  EXPECT_EQ(log->find(*pin), std::string::npos);
}

TEST_F(Processes, AKilledFrontComesBackWithItsDevicesAndRefusesNobody) {
  const std::string before = stack.control({"devices", "list"})["devices"].dump();
  const int front = stack.front_pid();
  ASSERT_EQ(kill(front, SIGKILL), 0);
  // The keeper holds the listening sockets: this waits for the new front and is not refused.
  EXPECT_EQ(stack
                .curl({"--fail", "--max-time", "20", "--output", "/dev/null",
                       stack["MINT_ISSUER"] + "/healthz"})
                .status,
            0);
  stack.wait_until_ready();
  EXPECT_NE(stack.front_pid(), front);
  EXPECT_EQ(stack.control({"devices", "list"})["devices"].dump(), before);
  EXPECT_EQ(stack.agent({"token", "--audience", "https://api.example", "--scope", "write"}).status,
            0);
}

TEST_F(Processes, AKilledSignerComesBackWithItsKeys) {
  const Json before = stack.control({"keys", "list"});
  const int signer = stack.signer_pid();
  ASSERT_EQ(kill(signer, SIGKILL), 0);
  await("another signer", [&] {
    const Json status = stack.control({"status"})["signers"][0];
    return status["state"] == "ready" && status["pid"] != signer;
  });
  stack.wait_until_ready();
  EXPECT_EQ(stack.control({"keys", "list"}), before);
  const auto token =
      stack.agent({"token", "--audience", "https://api.example", "--scope", "read write"});
  EXPECT_EQ(token.status, 0) << token.output;
}

TEST_F(Processes, TheSignerIgnoresTheSignalsThatCouldEndItInsideACall) {
  const int signer = stack.signer_pid();
  ASSERT_EQ(kill(signer, SIGTERM), 0);
  ASSERT_EQ(kill(signer, SIGINT), 0);
  EXPECT_EQ(stack
                .agent({"proof", "--method", "GET", "--url", "https://api.example/", "--token",
                        stack.token()})
                .status,
            0);
  EXPECT_EQ(stack.signer_pid(), signer);
}

TEST_F(Processes, AKilledKeeperTakesTheOthersWithItAndLosesNothingThatWasAnswered) {
  const Json keys = stack.control({"keys", "list"});
  const Json devices = stack.control({"devices", "list"});
  const int keeper = stack.keeper_pid();
  const int front = stack.front_pid();
  const int signer = stack.signer_pid();
  ASSERT_EQ(kill(keeper, SIGKILL), 0);
  await("front and signer to end", [&] { return gone(front) && gone(signer); });
  stack.up();
  stack.wait_until_ready();
  EXPECT_EQ(stack.control({"keys", "list"}), keys);
  EXPECT_EQ(stack.control({"devices", "list"}), devices);
}

TEST_F(Processes, ASecondIssuerOnTheSameStoreSaysSoAndEnds) {
  const auto second = execute({stack["MINT_BIN"] + "/mintd", "--config", stack["MINT_CONFIG"]});
  EXPECT_EQ(second.status, 3) << second.output;
  EXPECT_NE(second.output.find("lease_held"), std::string::npos) << second.output;
  EXPECT_NE(second.output.find(std::to_string(stack.keeper_pid())), std::string::npos)
      << "names the holder";
}

TEST_F(Processes, StopInOrderAndComeBackWithEverything) {
  const Json keys = stack.control({"keys", "list"});
  const int front = stack.front_pid();
  const int signer = stack.signer_pid();
  stack.down();
  EXPECT_TRUE(gone(front));
  EXPECT_TRUE(gone(signer));
  stack.up();
  EXPECT_EQ(stack.control({"keys", "list"}), keys);
}

TEST_F(Processes, ARefusedPinIsTriedOnceAndAgainWhenItsFileChanged) {
  stack.down();
  const std::string pin_file = stack["PKCS11_PIN_FILE"];
  const auto pin = read_file(pin_file);
  ASSERT_TRUE(pin);
  const auto set_pin = [&](const std::string& content) {
    // The same file, owner and mode.
    std::filesystem::permissions(pin_file, std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
    std::ofstream(pin_file) << content;
    std::filesystem::permissions(pin_file, std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::remove);
  };
  set_pin("0000-wrong\n");
  const std::string log_file = stack.directory() + "/mintd.log";
  const auto log_before = read_file(log_file)->size();
  start_mintd("");
  await("the PIN to be refused", [&] {
    try {
      return stack.control({"status"})["signers"][0]["state"] == "PIN refused";
    } catch (const std::exception&) {
      return false;
    }
  });
  const auto refusals = [&] {
    const std::string log = read_file(log_file)->substr(log_before);
    std::size_t count = 0;
    for (std::size_t at = log.find("key_store_not_opened"); at != std::string::npos;
         at = log.find("key_store_not_opened", at + 1))
      ++count;
    return count;
  };
  EXPECT_EQ(refusals(), 1U);
  EXPECT_NE(
      stack.curl({"--fail", "--output", "/dev/null", stack["MINT_ISSUER"] + "/readyz"}).status, 0);
  set_pin(*pin);
  stack.wait_until_ready();
  EXPECT_EQ(refusals(), 1U) << "the wrong PIN was offered to the token once";
  stack.up();  // And the TPM, for the tests that follow.
}

}  // namespace
}  // namespace mintmark::test
