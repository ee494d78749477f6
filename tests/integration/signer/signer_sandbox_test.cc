// mintd-signer with a vendor's module that does what no module has to: what the kernel answers it,
// seen from inside by the module and from outside by us; and that what it has to do it may.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "contract/key_store_contract.h"
#include "jose/jws.h"
#include "programs/mintd/signer_exit.h"
#include "support/faulty_module.h"
#include "support/signer_process.h"
#include "support/tpm2_pkcs11.h"

namespace mintmark::mintd {
namespace {

using namespace test;
using namespace std::chrono_literals;

#ifdef MINTMARK_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

Deadline soon() { return Deadline::in(30s); }

/// Makes a key and signs with it: all that a token is for.
class Signing {
 public:
  explicit Signing(const config::HsmStore& store) : signer_(store) {
    if (auto ready = signer_.wait_for_readiness(); !ready)
      throw std::runtime_error(ready.error().to_string() + "\n" + signer_.output());
    Answer<hsm::KeyInfo> made;
    signer_.keeper().generate({.id = hsm::random_key_id(), .purpose = hsm::Purpose::access_token},
                              soon(), made.done());
    auto key = made.wait();
    if (!key) throw std::runtime_error(key.error().to_string());
    key_.emplace(std::move(*key));
  }

  void expect_signs() {
    const std::int64_t now = to_unix(SystemClock{}.now());
    const std::string input =
        jose::signing_input({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", key_->kid()}},
                            {{"iss", contract_issuer},
                             {"iat", now},
                             {"exp", now + 300},
                             {"cnf", {{"jkt", key_->kid()}}}});
    Answer<Bytes> answer;
    signer_.keeper().sign(key_->id, input, soon(), answer.done());
    const auto signature = answer.wait();
    ASSERT_TRUE(signature) << signature.error().to_string();
    EXPECT_TRUE(key_->public_key.verify(as_bytes(input), *signature));
  }
  /// The line of /proc/PID/status.
  [[nodiscard]] std::string status(const std::string& name) const {
    std::istringstream lines(signer_.proc("status"));
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind(name + ":\t", 0) == 0) return line.substr(name.size() + 2);
    }
    return "";
  }
  /// The member of the line `signer_sandbox` in the log.
  [[nodiscard]] std::string said(const std::string& member) const {
    std::istringstream lines(signer_.output());
    for (std::string line; std::getline(lines, line);) {
      const Json entry = Json::parse(line, nullptr, false);
      if (entry.is_object() && entry.value("event", "") == "signer_sandbox")
        return entry.value(member, "");
    }
    return "";
  }
  [[nodiscard]] SignerProcess& process() { return signer_; }

 private:
  SignerProcess signer_;
  std::optional<hsm::KeyInfo> key_;
};

class SignerSandbox : public ::testing::Test {
 protected:
  [[nodiscard]] Signing signing(const config::Sandbox& sandbox) const {
    config::HsmStore store = module_.store();
    store.sandbox = sandbox;
    return Signing(store);
  }
  /// The errno of what the module tried inside a signature, which is made all the same.
  [[nodiscard]] int tried(Signing& signing, const std::string& what) const {
    module_.fail("C_Sign " + what + " 1");
    signing.expect_signs();
    const auto error = module_.tried(what);
    EXPECT_TRUE(error) << what << " was not tried";
    return error.value_or(-1);
  }

  FaultyModule module_;
  const config::Sandbox closed_{.network = false, .seccomp = true};
  const config::Sandbox unfiltered_{.network = false, .seccomp = false};
  const config::Sandbox open_{.network = true, .seccomp = false};
};

struct Refused {
  const char* name;
  long number;
};

// Without a filter each of these has another answer: the last test of this table's name shows it.
const std::vector<Refused> refused_calls{{"execve", SYS_execve},
                                         {"execveat", SYS_execveat},
                                         {"clone", SYS_clone},
                                         {"ptrace", SYS_ptrace},
                                         {"process_vm_readv", SYS_process_vm_readv},
                                         {"process_vm_writev", SYS_process_vm_writev},
                                         {"pidfd_getfd", SYS_pidfd_getfd},
                                         {"kill", SYS_kill},
                                         {"mount", SYS_mount},
                                         {"pivot_root", SYS_pivot_root},
                                         {"unshare", SYS_unshare},
                                         {"setns", SYS_setns},
                                         {"bpf", SYS_bpf},
                                         {"perf_event_open", SYS_perf_event_open},
                                         {"keyctl", SYS_keyctl},
                                         {"add_key", SYS_add_key},
                                         {"userfaultfd", SYS_userfaultfd},
                                         {"io_uring_setup", SYS_io_uring_setup},
                                         {"memfd_create", SYS_memfd_create},
                                         {"personality", SYS_personality},
                                         {"setuid", SYS_setuid},
                                         {"capset", SYS_capset},
                                         {"prctl", SYS_prctl},
                                         {"fchownat", SYS_fchownat},
                                         {"symlinkat", SYS_symlinkat},
                                         {"linkat", SYS_linkat},
                                         {"init_module", SYS_init_module},
                                         {"reboot", SYS_reboot}};

TEST_F(SignerSandbox, RefusesTheModuleEveryCallThatIsNotItsOwn) {
  Signing signer = signing(closed_);
  if (sanitized) {
    EXPECT_EQ(signer.said("seccomp"), "off: a build with sanitizers");
    return;
  }
  for (const Refused& call : refused_calls)
    EXPECT_EQ(tried(signer, "call " + std::to_string(call.number)), EPERM) << call.name;
}

TEST_F(SignerSandbox, WithoutItTheModuleIsAnsweredOtherwise) {
  Signing signer = signing(open_);
  for (const long number : {SYS_execve, SYS_process_vm_readv, SYS_memfd_create, SYS_personality,
                            SYS_unshare, SYS_io_uring_setup, SYS_symlinkat, SYS_clone})
    EXPECT_NE(tried(signer, "call " + std::to_string(number)), EPERM) << number;
}

TEST_F(SignerSandbox, HoldsBeforeTheModuleIsCalledForTheFirstTime) {
  module_.fail("C_Initialize socket 2 1");
  Signing signer = signing(closed_);
  EXPECT_EQ(module_.tried("socket 2"), EAFNOSUPPORT);
}

TEST_F(SignerSandbox, LetsTheModuleBecomeNoOtherProgram) {
  Signing signer = signing(closed_);
  if (!sanitized) {
    EXPECT_EQ(tried(signer, "exec 0"), EPERM);
  }
  signer.expect_signs();
}

TEST_F(SignerSandbox, LetsTheModuleReadNoOtherProcess) {
  Signing signer = signing(closed_);
  if (!sanitized) {
    EXPECT_EQ(tried(signer, "read " + std::to_string(getpid())), EPERM);
  }
}

// 2 AF_INET, 10 AF_INET6, 16 AF_NETLINK, 17 AF_PACKET, 31 AF_BLUETOOTH, 38 AF_ALG, 40 AF_VSOCK.
TEST_F(SignerSandbox, WithoutNetworkThereAreSocketsOfThisMachineAlone) {
  for (const config::Sandbox& sandbox : {closed_, unfiltered_}) {
    Signing signer = signing(sandbox);
    for (const int family : {2, 10, 16, 17, 31, 38, 40})
      EXPECT_EQ(tried(signer, "socket " + std::to_string(family)), EAFNOSUPPORT) << family;
    EXPECT_EQ(tried(signer, "socket 1"), 0) << "AF_UNIX";
  }
}

TEST_F(SignerSandbox, WithoutNetworkNobodyOnThisMachineIsReached) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(listen(listener.get(), 8), 0);  // Unbound: the kernel chooses a port.
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string connect = "connect " + std::to_string(ntohs(address.sin_port));
  {
    Signing signer = signing(open_);
    EXPECT_EQ(tried(signer, connect), 0) << "there is somebody to be reached";
  }
  for (const config::Sandbox& sandbox : {closed_, unfiltered_}) {
    Signing signer = signing(sandbox);
    EXPECT_EQ(tried(signer, connect), EAFNOSUPPORT);
  }
}

TEST_F(SignerSandbox, WithNetworkAndFilterOnlySocketsAreOpen) {
  Signing signer = signing({.network = true, .seccomp = true});
  EXPECT_EQ(tried(signer, "socket 2"), 0);
  if (!sanitized) {
    EXPECT_EQ(tried(signer, "call " + std::to_string(SYS_execve)), EPERM);
  }
  EXPECT_EQ(signer.said("network"), "host");
}

std::string namespace_of(const std::string& process) {
  struct stat facts {};
  const std::string path = "/proc/" + process + "/ns/net";
  return stat(path.c_str(), &facts) == 0 ? std::to_string(facts.st_ino) : "";
}

TEST_F(SignerSandbox, IsSeenFromOutside) {
  Signing signer = signing(closed_);
  EXPECT_EQ(signer.status("NoNewPrivs"), "1");
  EXPECT_EQ(signer.status("Seccomp"), "2") << "a filter";
  EXPECT_GE(std::stoi(signer.status("VmLck")), 4) << "kB: the PIN's page";
  // Only root may look at a process that cannot be dumped.
  if (geteuid() != 0) return;
  const std::string pid = std::to_string(signer.process().pid());
  ASSERT_NE(namespace_of(pid), "");
  EXPECT_NE(namespace_of(pid), namespace_of("self"));
  const std::string devices = signer.process().proc("net/dev");
  EXPECT_NE(devices.find("lo:"), std::string::npos);
  EXPECT_EQ(std::count(devices.begin(), devices.end(), ':'), 1) << devices;
}

TEST_F(SignerSandbox, OfAnUnknownModuleTakesNothingFromIt) {
  Signing signer = signing(open_);
  EXPECT_EQ(signer.status("Seccomp"), "0");
  EXPECT_EQ(signer.status("NoNewPrivs"), "1") << "this one costs no module anything";
  if (geteuid() == 0) {
    EXPECT_EQ(namespace_of(std::to_string(signer.process().pid())), namespace_of("self"));
  }
  EXPECT_EQ(signer.said("network"), "host");
  EXPECT_EQ(signer.said("seccomp"), "off");
}

TEST_F(SignerSandbox, IsSaidAtStart) {
  Signing signer = signing(closed_);
  EXPECT_EQ(signer.said("network").substr(0, 7), "none: b") << signer.said("network");
  if (!sanitized) {
    EXPECT_EQ(signer.said("seccomp"), "on");
  }
  EXPECT_EQ(signer.said("memory_lock"), "on");
  EXPECT_EQ(signer.said("core_dumps"), "off");
  EXPECT_EQ(signer.said("new_privileges"), "off");
  EXPECT_EQ(signer.said("store"), "softhsm");
}

// What it does about a fault it does inside: nothing of it may be missing from the filter.
TEST_F(SignerSandbox, LetsTheModuleBeRecovered) {
  Signing signer = signing(closed_);
  const std::size_t before = module_.calls("C_Initialize");
  module_.fail("C_SignInit return 0x190 until C_Finalize");
  signer.expect_signs();
  EXPECT_EQ(module_.calls("C_Initialize") - before, 1U);
  module_.fail("C_SignInit return 0x101 until C_Login");
  signer.expect_signs();
  module_.fail("C_SignInit return 0xB3 1");
  signer.expect_signs();
}

TEST_F(SignerSandbox, LetsASignerCrashLikeAnyOther) {
  Signing signer = signing(closed_);
  module_.fail("C_GenerateKeyPair crash");
  Answer<hsm::KeyInfo> made;
  signer.process().keeper().generate(
      {.id = hsm::random_key_id(), .purpose = hsm::Purpose::access_token}, soon(), made.done());
  EXPECT_FALSE(made.wait());
  module_.fail("");
  EXPECT_NE(signer.process().wait_for_exit(), signer_exit_done);
}

TEST(Tpm2Sandbox, ATpmIsReachedByItsSocketWithoutNetwork) {
  const Tpm2Pkcs11 token;
  config::HsmStore store = token.store();
  ASSERT_FALSE(store.sandbox.network);
  Signing signer(store);
  signer.expect_signs();
  EXPECT_EQ(signer.status("Seccomp"), "2") << "the filter of sockets";
}

}  // namespace
}  // namespace mintmark::mintd
