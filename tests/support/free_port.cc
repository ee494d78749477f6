#include "support/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <mutex>
#include <random>
#include <set>
#include <stdexcept>

#include "base/file.h"

namespace mintmark::test {
namespace {

constexpr std::uint16_t first = 15000;
constexpr std::uint16_t last = 32000;

bool is_free(std::uint16_t port) {
  const UniqueFd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return bind(probe.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

std::uint16_t free_port() {
  static std::mutex mutex;
  static std::set<std::uint16_t> given;
  const std::lock_guard lock(mutex);
  std::random_device chance;
  std::uniform_int_distribution<std::uint16_t> any(first, last);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const auto port = any(chance);
    if (given.count(port) == 0 && is_free(port)) {
      given.insert(port);
      return port;
    }
  }
  throw std::runtime_error("no free port");
}

}  // namespace mintmark::test
