#include "support/swtpm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

namespace mintmark::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

/// A socket that closes itself.
struct Socket {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ~Socket() { close(fd); }
  [[nodiscard]] bool bind_to(std::uint16_t port) const {
    const sockaddr_in address = loopback(port);
    return bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  [[nodiscard]] std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
};

/// Seen without a connection, which swtpm would take for its one client's, and which may meet
/// itself where nobody listens: the kernel may give it the very port that it asks for.
bool is_listened_at(std::uint16_t port) {
  std::array<char, 32> wanted{};
  (void)std::snprintf(wanted.data(), wanted.size(), "0100007F:%04X 00000000:0000 0A", port);
  std::ifstream table("/proc/net/tcp");
  for (std::string line; std::getline(table, line);) {
    if (line.find(wanted.data()) != std::string::npos) return true;
  }
  return false;
}

/// libtss2's swtpm TCTI takes the control channel to be at the next port. The first is even, so
/// that no test takes another's first port for its own second one.
std::uint16_t two_free_ports() {
  for (int i = 0; i < 100; ++i) {
    const Socket first;
    const Socket second;
    if (!first.bind_to(0) || first.port() == 65535) continue;
    if (second.bind_to(static_cast<std::uint16_t>(first.port() + 1))) return first.port();
  }
  throw std::runtime_error("no two neighbouring ports are free");
}

}  // namespace

Swtpm::Swtpm(Options options) {
  std::filesystem::create_directory(directory_.path() / "state");
  std::filesystem::create_directory(roots());
  std::filesystem::create_directory(intermediates());
  if (options.manufactured) manufacture();
  start();
}

Swtpm::~Swtpm() = default;

std::string Swtpm::tcti() const { return "swtpm:host=127.0.0.1,port=" + std::to_string(port_); }

void Swtpm::manufacture() {
  const std::string ca = ca_directory().string();
  std::filesystem::create_directory(ca);
  const auto localca =
      directory_.write("localca.conf", "statedir = " + ca + "\nsigningkey = " + ca +
                                           "/signkey.pem\nissuercert = " + ca +
                                           "/issuercert.pem\ncertserial = " + ca + "/certserial\n");
  const auto options = directory_.write(
      "localca.options",
      "--platform-manufacturer Mintmark\n--platform-version 1\n--platform-model Test\n");
  const auto setup = directory_.write(
      "setup.conf",
      "create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = " + localca.string() +
          "\ncreate_certs_tool_options = " + options.string() + "\n");
  std::vector<std::string> arguments{
      "swtpm_setup",  "--tpm2",       "--tpmstate",       (directory_.path() / "state").string(),
      "--config",     setup.string(), "--create-ek-cert", "--create-platform-cert",
      "--lock-nvram", "--overwrite"};
  if (geteuid() == 0) arguments.insert(arguments.end(), {"--runas", "root"});
  run(arguments);
  std::filesystem::copy(ca + "/swtpm-localca-rootca-cert.pem", roots() / "root.pem");
  std::filesystem::copy(ca + "/issuercert.pem", intermediates() / "issuer.pem");
}

void Swtpm::start() {
  // Between the look and swtpm's own bind another test may take a port.
  for (int attempt = 0; attempt < 20; ++attempt) {
    port_ = two_free_ports();
    if (try_start()) return;
  }
  throw std::runtime_error("swtpm does not start: " + process_->output());
}

bool Swtpm::try_start() {
  const auto control = static_cast<std::uint16_t>(port_ + 1);
  process_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{"swtpm", "socket", "--tpm2", "--tpmstate",
                               "dir=" + (directory_.path() / "state").string(), "--server",
                               "type=tcp,port=" + std::to_string(port_), "--ctrl",
                               "type=tcp,port=" + std::to_string(control), "--flags",
                               "not-need-init,startup-clear"},
      directory_.path() / "swtpm.log");
  bool listening = false;
  wait_until("swtpm", *process_, [&] {
    listening = is_listened_at(port_) && is_listened_at(control);
    return listening || !process_->running();
  });
  return listening && process_->running();
}

void Swtpm::power_cycle() {
  process_.reset();
  if (!try_start()) start();
}

}  // namespace mintmark::test
