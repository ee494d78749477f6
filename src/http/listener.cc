#include "http/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <new>
#include <utility>

namespace mintmark::http {
namespace {

namespace asio = boost::asio;

/// How many connections are taken at once before others get their turn.
constexpr int most_at_once = 64;
constexpr std::chrono::milliseconds pause_without_descriptors{100};

/// Without those that the kernel does not tell: nobody gains by a question that failed.
std::vector<gid_t> supplementary_groups(int socket) {
  std::vector<gid_t> groups(32);
  auto length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) != 0) {
    if (errno != ERANGE) return {};
    groups.resize(length / sizeof(gid_t));
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) != 0) return {};
  }
  groups.resize(length / sizeof(gid_t));
  return groups;
}

Session::Peer unix_peer(int socket) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    return {"unix:", nullptr};
  auto local = std::make_shared<LocalPeer>();
  local->user = credentials.uid;
  local->groups = supplementary_groups(socket);
  local->groups.insert(local->groups.begin(), credentials.gid);
  return {"unix:uid=" + std::to_string(credentials.uid), std::move(local)};
}

Session::Peer peer_of(int socket, const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &ipv4.sin_addr, text.data(), text.size());
    return {std::string(text.data()) + ":" + std::to_string(ntohs(ipv4.sin_port)), nullptr};
  }
  if (address.ss_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &ipv6.sin6_addr, text.data(), text.size());
    return {"[" + std::string(text.data()) + "]:" + std::to_string(ntohs(ipv6.sin6_port)), nullptr};
  }
  return unix_peer(socket);
}

/// The kernel looks for a descriptor before it looks whether somebody waits: without one, accept4
/// fails where nobody does.
bool somebody_waits(int listening) {
  pollfd looked_at{listening, POLLIN, 0};
  return poll(&looked_at, 1, 0) > 0;
}

/// What only says that this one connection came to nothing (accept(2)).
bool is_of_one_connection(int number) {
  return number == EINTR || number == ECONNABORTED || number == EPROTO || number == ENETDOWN ||
         number == ENETUNREACH || number == EHOSTDOWN || number == EHOSTUNREACH || number == EPERM;
}

}  // namespace

Listener::Listener(asio::io_context& io, std::shared_ptr<Serving> serving, UniqueFd listening,
                   std::shared_ptr<const TlsServerContext> tls)
    : io_(io),
      strand_(asio::make_strand(io)),
      serving_(std::move(serving)),
      listening_(strand_, listening.get()),
      pause_(strand_),
      has_tls_(tls != nullptr),
      tls_(std::move(tls)) {
  (void)listening.release();
}

void Listener::start() {
  asio::post(strand_, [self = shared_from_this()] { self->wait(); });
}

void Listener::stop() {
  asio::post(strand_, [self = shared_from_this()] {
    boost::system::error_code ignored;
    self->listening_.close(ignored);
    self->pause_.cancel();
  });
}

void Listener::replace_tls(std::shared_ptr<const TlsServerContext> tls) {
  if (has_tls_ && tls != nullptr) tls_.store(std::move(tls));
}

void Listener::wait() {
  if (!listening_.is_open() || serving_->stopping()) return;
  listening_.async_wait(asio::posix::descriptor_base::wait_read,
                        [self = shared_from_this()](const boost::system::error_code& problem) {
                          if (!problem) self->accept_some();
                        });
}

void Listener::accept_some() {
  for (int count = 0; count < most_at_once && listening_.is_open(); ++count) {
    if (serving_->stopping()) return;
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    UniqueFd socket(accept4(listening_.native_handle(), reinterpret_cast<sockaddr*>(&address),
                            &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const int number = errno;
    if (socket) {
      welcome(std::move(socket), address);
    } else if (number == EAGAIN || number == EWOULDBLOCK) {
      break;
    } else if (!is_of_one_connection(number)) {
      if (!somebody_waits(listening_.native_handle())) break;
      return wait_for_descriptors(number);
    }
  }
  wait();
}

void Listener::welcome(UniqueFd socket, const sockaddr_storage& address) {
  try {
    Session::Peer peer = peer_of(socket.get(), address);
    admit(std::move(socket), std::move(peer));
  } catch (const boost::system::system_error& error) {
    // The kernel has no room to watch one more descriptor; those that it watches are served on.
    serving_->accept_failed({Code::listen_failed, error.what(), 0});
  } catch (const std::bad_alloc&) {
    serving_->accept_failed({Code::out_of_memory, "no memory", 0});
  }
}

void Listener::admit(UniqueFd socket, Session::Peer peer) {
  const int on = 1;
  if (!peer.name.starts_with("unix:")) {
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  const auto tls = tls_.load();
  Session::Security security;
  if (tls != nullptr) security = {tls->connection(), tls->handshake_threads()};
  if (has_tls_ && security.ssl == nullptr) return;
  const std::string name = peer.name;
  const auto local = peer.local;
  const auto session = std::make_shared<Session>(io_, serving_, std::move(socket),
                                                 std::move(security), std::move(peer));
  try {
    const auto admission = serving_->admit(session, name, local.get());
    if (admission == Serving::Admission::refused) session->refuse_first_request();
    if (admission != Serving::Admission::closed) session->start();
  } catch (const std::bad_alloc&) {
    serving_->forget(session);  // It would hold a place, without a deadline.
    throw;
  }
}

/// Without descriptors the socket stays readable: trying on at once would only burn the processor.
void Listener::wait_for_descriptors(int number) {
  serving_->accept_failed({Code::listen_failed, errno_text(number), 0});
  serving_->make_room();
  pause_.expires_after(pause_without_descriptors);
  pause_.async_wait([self = shared_from_this()](const boost::system::error_code& problem) {
    if (!problem) self->wait();
  });
}

}  // namespace mintmark::http
