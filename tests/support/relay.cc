#include "support/relay.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "support/temporary_directory.h"

namespace mintmark::test {
namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr std::size_t most_waiting = 1U << 20U;  // Of a direction; then the sender has to wait.

sockaddr_in on_loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd new_socket() {
  UniqueFd made(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made) throw std::runtime_error("relay: socket: " + errno_text(errno));
  return made;
}

void never_wait_for_more(const UniqueFd& socket) {
  const int on = 1;
  (void)setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

UniqueFd listening() {
  UniqueFd made = new_socket();
  const sockaddr_in address = on_loopback(0);
  if (bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(made.get(), SOMAXCONN) != 0)
    throw std::runtime_error("relay: listen: " + errno_text(errno));
  return made;
}

/// What is on its way from one socket to the other.
struct Direction {
  struct Part {
    Steady::time_point due;
    std::string octets;
  };
  std::deque<Part> parts;
  std::size_t octets = 0;
  bool ended = false;  ///< By its sender; told to the receiver behind the last part.
  bool told = false;
};

struct Pair {
  std::array<UniqueFd, 2> sockets;      ///< The client's, the server's.
  std::array<Direction, 2> from;        ///< What came from that socket.
  std::array<std::size_t, 2> polled{};  ///< Where it stands among those that are waited for.
  [[nodiscard]] bool over() const { return from[0].told && from[1].told; }
};

// The peer is told by a reset, as by a router that has forgotten the connection.
void reset(Pair& pair) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  for (UniqueFd& socket : pair.sockets) {
    (void)setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket = UniqueFd();
  }
}

}  // namespace

struct Relay::State {
  enum class Way { passing, cut, held };

  explicit State(std::uint16_t to) : server(to) {
    if (!wake) throw std::runtime_error("relay: eventfd: " + errno_text(errno));
    sockaddr_in address{};
    socklen_t length = sizeof address;
    (void)getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port = ntohs(address.sin_port);
    thread = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) turn();
    });
  }

  void change(Way to, milliseconds by) {
    const std::lock_guard lock(mutex);
    way = to;
    delay = by;
    if (to == Way::cut) cut_all();
    ring();
  }
  void ring() const {
    const std::uint64_t one = 1;
    (void)!write(wake.get(), &one, sizeof one);
  }

  // ---- with the mutex ----

  void cut_all() {
    for (Pair& pair : pairs) reset(pair);
    pairs.clear();
  }

  void take_connections() {
    while (true) {
      UniqueFd client(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!client) return;
      Pair pair;
      pair.sockets[0] = std::move(client);
      pair.sockets[1] = new_socket();
      const sockaddr_in address = on_loopback(server);
      const bool going = connect(pair.sockets[1].get(), reinterpret_cast<const sockaddr*>(&address),
                                 sizeof address) == 0 ||
                         errno == EINPROGRESS;
      for (const UniqueFd& socket : pair.sockets) never_wait_for_more(socket);
      if (way == Way::cut || !going)
        reset(pair);
      else
        pairs.push_back(std::move(pair));
    }
  }

  /// False: the connection is broken.
  bool take_octets(const UniqueFd& socket, Direction& direction) const {
    std::array<char, 16384> chunk{};
    while (!direction.ended && direction.octets < most_waiting) {
      const ssize_t count = read(socket.get(), chunk.data(), chunk.size());
      if (count < 0) return errno == EAGAIN || errno == ENOTCONN;
      if (count == 0) {
        direction.ended = true;
      } else {
        direction.parts.push_back({Steady::now() + delay, {chunk.data(), std::size_t(count)}});
        direction.octets += static_cast<std::size_t>(count);
      }
    }
    return true;
  }

  /// False: the connection is broken.
  static bool send_octets(Direction& direction, const UniqueFd& to) {
    while (!direction.parts.empty() && direction.parts.front().due <= Steady::now()) {
      std::string& octets = direction.parts.front().octets;
      const ssize_t count = send(to.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN || errno == ENOTCONN;
      direction.octets -= static_cast<std::size_t>(count);
      octets.erase(0, static_cast<std::size_t>(count));
      if (!octets.empty()) return true;
      direction.parts.pop_front();
    }
    if (direction.ended && direction.parts.empty() && !direction.told) {
      direction.told = true;
      (void)shutdown(to.get(), SHUT_WR);
    }
    return true;
  }

  bool move(Pair& pair, const std::vector<pollfd>& polled) {
    for (std::size_t side = 0; side < 2; ++side) {
      const short events = polled[pair.polled[side]].revents;
      if ((events & POLLERR) != 0) return false;
      if ((events & (POLLIN | POLLHUP)) != 0 && !take_octets(pair.sockets[side], pair.from[side]))
        return false;
    }
    return send_octets(pair.from[0], pair.sockets[1]) && send_octets(pair.from[1], pair.sockets[0]);
  }

  std::vector<pollfd> wanted() {
    std::vector<pollfd> polled{{wake.get(), POLLIN, 0}, {listener.get(), POLLIN, 0}};
    if (way == Way::held) return polled;
    for (Pair& pair : pairs) {
      for (std::size_t side = 0; side < 2; ++side) {
        const Direction& out = pair.from[1 - side];
        short events = 0;
        if (!pair.from[side].ended && pair.from[side].octets < most_waiting) events |= POLLIN;
        if (!out.parts.empty() && out.parts.front().due <= Steady::now()) events |= POLLOUT;
        pair.polled[side] = polled.size();
        // One that is waited for in no way would wake us again and again once its peer has gone.
        polled.push_back({events == 0 ? -1 : pair.sockets[side].get(), events, 0});
      }
    }
    return polled;
  }

  [[nodiscard]] int longest_wait() const {
    milliseconds wait{1000};
    for (const Pair& pair : pairs) {
      for (const Direction& direction : pair.from) {
        if (direction.parts.empty()) continue;
        const auto left =
            std::chrono::ceil<milliseconds>(direction.parts.front().due - Steady::now());
        if (left.count() > 0) wait = std::min(wait, left);
      }
    }
    return static_cast<int>(wait.count());
  }

  // ---- of the thread ----

  void turn() {
    std::vector<pollfd> polled;
    int wait = 0;
    {
      const std::lock_guard lock(mutex);
      polled = wanted();
      wait = longest_wait();
    }
    (void)poll(polled.data(), polled.size(), wait);
    const std::lock_guard lock(mutex);
    std::uint64_t rung = 0;
    (void)!read(wake.get(), &rung, sizeof rung);
    if (rung != 0) return;  // What was polled is not what is there any more.
    if (way != Way::held) {
      pairs.remove_if([&](Pair& pair) {
        if (move(pair, polled) && !pair.over()) return false;
        if (!pair.over()) reset(pair);
        return true;
      });
    }
    take_connections();
  }

  const std::uint16_t server;
  UniqueFd listener = listening();
  UniqueFd wake{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::uint16_t port = 0;
  mutable std::mutex mutex;
  Way way = Way::passing;
  milliseconds delay{0};
  std::list<Pair> pairs;
  std::jthread thread;
};

Relay::Relay(std::uint16_t server) : state_(std::make_unique<State>(server)) {}

Relay::~Relay() {
  state_->thread.request_stop();
  state_->ring();
}

std::uint16_t Relay::port() const { return state_->port; }
void Relay::pass() { state_->change(State::Way::passing, milliseconds{0}); }
void Relay::cut() { state_->change(State::Way::cut, milliseconds{0}); }
void Relay::hold() { state_->change(State::Way::held, milliseconds{0}); }
void Relay::slow(milliseconds delay) { state_->change(State::Way::passing, delay); }

std::size_t Relay::connections() const {
  const std::lock_guard lock(state_->mutex);
  return state_->pairs.size();
}

Environment through(const Relay& relay, std::uint16_t server, const std::string& preload) {
  // Its own path may hold spaces, which separate libraries there.
  static const TemporaryDirectory directory;
  static const std::filesystem::path shim = directory.path() / "connect_shim.so";
  static const bool copied = std::filesystem::copy_file(MINTMARK_CONNECT_SHIM, shim);
  if (!copied) throw std::runtime_error("relay: no copy of the shim");
  return {{"LD_PRELOAD", shim.string() + (preload.empty() ? "" : ":" + preload)},
          {"MINTMARK_CONNECT_FROM", std::to_string(server)},
          {"MINTMARK_CONNECT_TO", std::to_string(relay.port())}};
}

}  // namespace mintmark::test
