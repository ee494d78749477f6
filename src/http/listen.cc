#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "http/server.h"

namespace mintmark::http {
namespace {

constexpr int backlog = 1024;

tl::unexpected<Error> not_listening(const std::string& where, const std::string& why) {
  return fail(Code::listen_failed, "cannot listen on " + where + ": " + why);
}

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

std::optional<Address> address_of(const std::string& text, std::uint16_t port) {
  Address address;
  auto& ipv4 = reinterpret_cast<sockaddr_in&>(address.storage);
  if (inet_pton(AF_INET, text.c_str(), &ipv4.sin_addr) == 1) {
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(port);
    address.length = sizeof ipv4;
    return address;
  }
  auto& ipv6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET6, text.c_str(), &ipv6.sin6_addr) != 1) return std::nullopt;
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(port);
  address.length = sizeof ipv6;
  return address;
}

UniqueFd new_socket(int family) {
  return UniqueFd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// Why nobody answers there, as errno; 0: somebody does.
int probe(const sockaddr_un& address) {
  const UniqueFd socket = new_socket(AF_UNIX);
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), where, sizeof address) == 0) return 0;
  return errno == EAGAIN ? 0 : errno;
}

/// Only what is surely left over from a process that has ended.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0) return {};
  if (!S_ISSOCK(facts.st_mode)) return not_listening(path, "a file that is no socket stands there");
  const int silence = probe(address);
  if (silence == 0) return not_listening(path, "somebody else listens there");
  if (silence != ECONNREFUSED) return not_listening(path, errno_text(silence));
  if (unlink(path.c_str()) != 0) return not_listening(path, errno_text(errno));
  return {};
}

}  // namespace

Result<UniqueFd> listen_tcp(const std::string& address, std::uint16_t port) {
  const std::string where = address + " port " + std::to_string(port);
  const auto place = address_of(address == "localhost" ? "127.0.0.1" : address, port);
  if (!place) {
    return not_listening(where, "it takes an IPv4 or IPv6 address in digits, or localhost");
  }
  UniqueFd socket = new_socket(place->storage.ss_family);
  if (!socket) return not_listening(where, errno_text(errno));
  const int on = 1;
  const int off = 0;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (place->storage.ss_family == AF_INET6) {
    setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  if (::bind(socket.get(), place->get(), place->length) != 0 ||
      ::listen(socket.get(), backlog) != 0) {
    return not_listening(where, errno_text(errno));
  }
  return socket;
}

std::uint16_t port_of(const UniqueFd& listening) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getsockname(listening.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return 0;
  if (storage.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in&>(storage).sin_port);
  if (storage.ss_family != AF_INET6) return 0;
  return ntohs(reinterpret_cast<sockaddr_in6&>(storage).sin6_port);
}

Result<UniqueFd> listen_unix(const std::string& path, unsigned mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return not_listening(path, "a socket's path has 1 to 107 octets");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (auto removed = remove_stale(path, address); !removed) return pass_on(removed);
  UniqueFd socket = new_socket(AF_UNIX);
  if (!socket) return not_listening(path, errno_text(errno));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), mode) != 0 || ::listen(socket.get(), backlog) != 0) {
    return not_listening(path, errno_text(errno));
  }
  return socket;
}

}  // namespace mintmark::http
