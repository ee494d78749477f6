// Loaded in front of a program (LD_PRELOAD): its connections to the TCP port MINTMARK_CONNECT_FROM
// go to MINTMARK_CONNECT_TO of the same address. So one client of a server has a relay of its own
// between them, and neither name nor certificate of the server changes.
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

using Connect = int (*)(int, const sockaddr*, socklen_t);

in_port_t port_named(const char* name) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return htons(static_cast<std::uint16_t>(text == nullptr ? 0 : std::atoi(text)));
}

in_port_t* port_of(sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return &reinterpret_cast<sockaddr_in&>(address).sin_port;
  if (address.ss_family == AF_INET6) return &reinterpret_cast<sockaddr_in6&>(address).sin6_port;
  return nullptr;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int connect(int socket, const sockaddr* address,
                                                              socklen_t length) {
  static const auto real = reinterpret_cast<Connect>(dlsym(RTLD_NEXT, "connect"));
  static const in_port_t from = port_named("MINTMARK_CONNECT_FROM");
  static const in_port_t to = port_named("MINTMARK_CONNECT_TO");
  sockaddr_storage changed{};
  if (address == nullptr || length > sizeof changed) return real(socket, address, length);
  std::memcpy(&changed, address, length);
  if (in_port_t* port = port_of(changed); port != nullptr && *port == from) *port = to;
  return real(socket, reinterpret_cast<const sockaddr*>(&changed), length);
}
