#include "http/dial.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <future>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

namespace mintmark::http {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};
using Addresses = Result<std::vector<Address>>;

tl::unexpected<Error> not_connected(const std::string& where, const std::string& why) {
  return fail(Code::connect_failed, "no connection to " + where + ": " + why);
}

std::string text_of(const Address& address) {
  std::array<char, NI_MAXHOST> text{};
  const int outcome =
      getnameinfo(reinterpret_cast<const sockaddr*>(&address.storage), address.length, text.data(),
                  text.size(), nullptr, 0, NI_NUMERICHOST);
  return outcome == 0 ? text.data() : "";
}

Addresses look_up(const std::string& host, const std::string& port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int outcome = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (outcome != 0) return not_connected(host, gai_strerror(outcome));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    Address& address = addresses.emplace_back();
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
  }
  return addresses;
}

// getaddrinfo cannot be interrupted, so it runs in a thread that nobody waits for beyond the
// deadline.
Addresses look_up_within(const std::string& host, const std::string& port, Deadline deadline) {
  auto promise = std::make_shared<std::promise<Addresses>>();
  auto answer = promise->get_future();
  try {
    std::thread([promise, host, port] { promise->set_value(look_up(host, port, 0)); }).detach();
  } catch (const std::system_error& error) {
    return not_connected(host, error.what());
  }
  if (answer.wait_until(deadline.at()) != std::future_status::ready) {
    return fail(Code::deadline_passed, "the name " + host + " was not resolved in time");
  }
  return answer.get();
}

Addresses addresses_of(const std::string& host, const std::string& port, Deadline deadline,
                       NameLookup lookup) {
  if (host == "localhost" || host.ends_with(".localhost")) {
    // RFC 6761 §6.3: loopback without asking anybody.
    auto addresses = look_up("127.0.0.1", port, AI_NUMERICHOST);
    auto ipv6 = look_up("::1", port, AI_NUMERICHOST);
    if (addresses && ipv6) addresses->insert(addresses->end(), ipv6->begin(), ipv6->end());
    return addresses;
  }
  if (auto literal = look_up(host, port, AI_NUMERICHOST)) return literal;
  return lookup == NameLookup::by_caller ? look_up(host, port, 0)
                                         : look_up_within(host, port, deadline);
}

Result<void> finish_connect(int socket, Deadline deadline, const Interruption* interruption) {
  auto ready = wait_for(socket, POLLOUT, deadline, interruption);
  if (!ready) return ready;
  int number = 0;
  socklen_t length = sizeof number;
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &number, &length);
  if (number != 0) return fail(Code::connect_failed, errno_text(number));
  return {};
}

Result<UniqueFd> connect_to(const Address& address, Deadline deadline,
                            const Interruption* interruption = nullptr) {
  const int family = address.storage.ss_family;
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail(Code::connect_failed, errno_text(errno));
  const int on = 1;
  if (family != AF_UNIX) setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* where = reinterpret_cast<const sockaddr*>(&address.storage);
  if (::connect(socket.get(), where, address.length) == 0) return socket;
  // EAGAIN is a unix socket whose backlog is full: nothing will tell when there is room.
  if (errno != EINPROGRESS) return fail(Code::connect_failed, errno_text(errno));
  auto connected = finish_connect(socket.get(), deadline, interruption);
  if (!connected) return pass_on(connected);
  return socket;
}

}  // namespace

Result<void> wait_for(int socket, short events, Deadline deadline,
                      const Interruption* interruption) {
  const int interrupting = interruption == nullptr ? -1 : interruption->descriptor();
  while (!deadline.passed()) {
    // poll(2) passes over a negative descriptor.
    std::array<pollfd, 2> watched{{{socket, events, 0}, {interrupting, POLLIN, 0}}};
    const auto left = std::min<std::chrono::milliseconds::rep>(deadline.left().count(), 1'000'000);
    const int ready = poll(watched.data(), watched.size(), static_cast<int>(left));
    if (ready > 0 && watched[1].revents != 0) return fail(Code::connect_failed, "interrupted");
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail(Code::connect_failed, errno_text(errno));
  }
  return fail(Code::deadline_passed, "no answer in time");
}

Result<UniqueFd> dial_tcp(const std::string& host, std::uint16_t port, Deadline deadline,
                          NameLookup lookup, const Interruption* interruption,
                          const AddressRule& rule) {
  const std::string where = host + " port " + std::to_string(port);
  const auto addresses = addresses_of(host, std::to_string(port), deadline, lookup);
  if (!addresses) return tl::unexpected<Error>(addresses.error());
  std::string why = "the name has no address";
  for (std::size_t at = 0; at < addresses->size() && !deadline.passed(); ++at) {
    if (rule && !rule(text_of((*addresses)[at]))) {
      why = "the address " + text_of((*addresses)[at]) + " may not be called";
      continue;
    }
    const auto share = deadline.left() / static_cast<long>(addresses->size() - at);
    auto socket = connect_to((*addresses)[at], Deadline::in(share), interruption);
    if (socket) return socket;
    why = socket.error().detail;
  }
  if (deadline.passed())
    return fail(Code::deadline_passed, "not connected to " + where + " in time");
  return not_connected(where, why);
}

Result<UniqueFd> dial_unix(const std::string& path) {
  Address address;
  auto& unix_address = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.size() >= sizeof unix_address.sun_path) {
    return not_connected(path, "the path is longer than a socket's may be (107 octets)");
  }
  unix_address.sun_family = AF_UNIX;
  std::memcpy(unix_address.sun_path, path.c_str(), path.size() + 1);
  address.length = static_cast<socklen_t>(sizeof unix_address);
  // Connecting to a unix socket does not wait, so it needs no deadline.
  auto socket = connect_to(address, Deadline::in(std::chrono::milliseconds{0}));
  if (!socket) return not_connected(path, socket.error().detail);
  return socket;
}

}  // namespace mintmark::http
