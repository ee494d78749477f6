#include "support/hostile_connections.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <stdexcept>

#include "http/dial.h"
#include "http/stream.h"
#include "http/tls.h"

namespace mintmark::test {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{30};
constexpr std::chrono::milliseconds between_looks{50};
constexpr std::size_t opened_a_look = 40;
constexpr std::chrono::seconds between_octets{1};
constexpr const char* head = "POST /token HTTP/1.1\r\nHost: localhost\r\n";
constexpr const char* rest_of_head =
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n";

void shake_hands(http::Stream& stream, int socket) {
  const Deadline deadline = Deadline::in(patience);
  for (;;) {
    const auto progress = stream.handshake().progress;
    if (progress == http::Progress::done) return;
    if (progress != http::Progress::wants_read && progress != http::Progress::wants_write)
      throw std::runtime_error("no handshake: " + stream.trouble().to_string());
    const short events = progress == http::Progress::wants_read ? POLLIN : POLLOUT;
    if (!http::wait_for(socket, events, deadline)) throw std::runtime_error("no handshake in time");
  }
}

const http::TlsClientContext& context(const std::string& ca_file) {
  static const auto made = http::TlsClientContext::trusting(ca_file);
  if (!made) throw std::runtime_error(made.error().to_string());
  return *made;
}

}  // namespace

void stand_back() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10); }

struct HostileConnections::Connection {
  UniqueFd socket;
  std::unique_ptr<http::Stream> stream;
  Steady::time_point next_octet = Steady::now() + between_octets;
};

HostileConnections::HostileConnections(Manner manner, std::uint16_t port,
                                       const std::string& ca_file, std::size_t count)
    : manner_(manner), port_(port), ca_file_(ca_file), count_(count) {
  all_.push_back(open());
  opened_ = 1;
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

HostileConnections::~HostileConnections() = default;

void HostileConnections::await() const {
  const auto end = Steady::now() + std::chrono::minutes(5);
  while (opened_ < count_) {
    if (Steady::now() > end)
      throw std::runtime_error("the hostile connections could not be opened");
    std::this_thread::sleep_for(between_looks);
  }
}

std::unique_ptr<HostileConnections::Connection> HostileConnections::open() const {
  auto made = std::make_unique<Connection>();
  auto socket = http::dial_tcp("127.0.0.1", port_, Deadline::in(patience));
  if (!socket) throw std::runtime_error(socket.error().to_string());
  made->socket = std::move(*socket);
  if (manner_ == Manner::half_open) {
    made->stream = std::make_unique<http::Stream>(made->socket.get());
    (void)made->stream->write("\x16\x03\x01\x02");
    return made;
  }
  auto ssl = context(ca_file_).connection_to("localhost");
  if (!ssl) throw std::runtime_error(ssl.error().to_string());
  made->stream = std::make_unique<http::Stream>(made->socket.get(), std::move(*ssl));
  shake_hands(*made->stream, made->socket.get());
  if (manner_ == Manner::idle) return made;
  (void)made->stream->write(std::string(head) +
                            (manner_ == Manner::slow_body ? rest_of_head : "X: "));
  return made;
}

bool HostileConnections::is_closed(const Connection& connection) {
  pollfd poll_for{connection.socket.get(), POLLRDHUP, 0};
  return poll(&poll_for, 1, 0) > 0;
}

void HostileConnections::drip(Connection& connection) const {
  if (manner_ != Manner::slow_head && manner_ != Manner::slow_body) return;
  if (Steady::now() < connection.next_octet) return;
  connection.next_octet += between_octets;
  (void)connection.stream->write("a");
}

void HostileConnections::work(const std::stop_token& stop) {
  stand_back();
  while (!stop.stop_requested()) {
    std::size_t room = opened_a_look;
    for (auto& one : all_) {
      if (one && is_closed(*one)) {
        ++closed_;
        one.reset();
      }
      if (one) drip(*one);
    }
    try {
      for (auto& one : all_) {
        if (one || room == 0) continue;
        --room;
        one = open();
      }
      while (all_.size() < count_ && !stop.stop_requested()) {
        all_.push_back(open());
        ++opened_;
      }
    } catch (const std::exception&) {
      // Refused just now: it comes again, as such people do.
    }
    std::this_thread::sleep_for(between_looks);
  }
}

}  // namespace mintmark::test
