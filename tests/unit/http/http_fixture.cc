#include "http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "http/dial.h"

namespace mintmark::http {
namespace {

constexpr std::chrono::seconds longest{30};

Deadline soon() { return Deadline::in(longest); }

UniqueFd dialled(Result<UniqueFd> socket) {
  if (!socket) throw std::runtime_error(socket.error().to_string());
  return *std::move(socket);
}

}  // namespace

void echo(const Request& request, const Respond& respond) {
  Response response;
  response.headers.add("Content-Type", "text/plain");
  response.body = request.method + "\n" + request.path + "\n" + request.body;
  respond(std::move(response));
}

TestServer::TestServer(Handler handler, ServerLimits limits) : work_(io_.get_executor()) {
  server_.emplace(
      io_, limits, std::move(handler),
      [this](std::string_view event, const Error& /*error*/) {
        const std::lock_guard lock(mutex_);
        reports_.emplace_back(event);
      },
      [this](const Answered& seen) {
        const std::lock_guard lock(mutex_);
        answers_seen_.push_back(
            {std::string(seen.id), std::string(seen.method), std::string(seen.path), seen.status,
             seen.cause == nullptr ? std::nullopt : std::optional(seen.cause->code), seen.took});
      });
  for (int count = 0; count < 2; ++count) threads_.emplace_back([this] { io_.run(); });
}

TestServer::~TestServer() {
  server_.reset();
  work_.reset();
  // What was abandoned closes; then no work is left.
  for (auto& thread : threads_) thread.join();
}

std::uint16_t TestServer::listen(std::shared_ptr<const TlsServerContext> tls) {
  auto socket = dialled(listen_tcp("127.0.0.1", 0));
  const std::uint16_t port = port_of(socket);
  if (!server_->accept_on(std::move(socket), std::move(tls))) throw std::runtime_error("accept_on");
  return port;
}

void TestServer::listen_unix_at(const std::string& path) {
  if (!server_->accept_on(dialled(listen_unix(path, 0600)), nullptr)) {
    throw std::runtime_error("accept_on");
  }
}

std::vector<std::string> TestServer::reports() {
  const std::lock_guard lock(mutex_);
  return reports_;
}

std::vector<SeenAnswer> TestServer::answers_seen() {
  const std::lock_guard lock(mutex_);
  return answers_seen_;
}

RawConnection::RawConnection(std::uint16_t port)
    : socket_(dialled(dial_tcp("127.0.0.1", port, soon()))) {}

RawConnection::RawConnection(const std::string& unix_path)
    : socket_(dialled(dial_unix(unix_path))) {}

bool RawConnection::send(std::string_view octets) {
  while (!octets.empty()) {
    const auto sent = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      octets.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN || !wait_for(socket_.get(), POLLOUT, soon())) {
      return false;
    }
  }
  return true;
}

void RawConnection::end_sending() { ::shutdown(socket_.get(), SHUT_WR); }

bool RawConnection::receive() {
  if (!wait_for(socket_.get(), POLLIN, soon())) throw std::runtime_error("nothing came");
  std::array<char, 4096> octets{};
  const auto count = ::recv(socket_.get(), octets.data(), octets.size(), 0);
  if (count < 0) throw std::runtime_error("reset: " + errno_text(errno));
  pending_.append(octets.data(), static_cast<std::size_t>(count));
  return count > 0;
}

std::optional<RawAnswer> RawConnection::answer(bool to_head) {
  std::size_t end = 0;
  while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive()) return std::nullopt;
  }
  RawAnswer answer;
  answer.head = pending_.substr(0, end + 4);
  pending_.erase(0, end + 4);
  answer.status = static_cast<unsigned>(std::stoul(answer.head.substr(9, 3)));
  const auto length_at = answer.head.find("Content-Length: ");
  if (length_at == std::string::npos || to_head) return answer;
  const auto length = std::stoul(answer.head.substr(length_at + 16));
  while (pending_.size() < length) {
    if (!receive()) throw std::runtime_error("a cut answer");
  }
  answer.body = pending_.substr(0, length);
  pending_.erase(0, length);
  return answer;
}

std::string RawConnection::until(std::string_view end) {
  std::size_t at = 0;
  while ((at = pending_.find(end)) == std::string::npos) {
    if (!receive()) return std::exchange(pending_, {});
  }
  std::string came = pending_.substr(0, at + end.size());
  pending_.erase(0, at + end.size());
  return came;
}

std::string RawConnection::rest() {
  while (receive()) {
  }
  return std::exchange(pending_, {});
}

bool RawConnection::is_quiet() {
  if (!pending_.empty()) return false;
  pollfd watched{socket_.get(), POLLIN, 0};
  return poll(&watched, 1, 50) == 0;
}

bool eventually(const std::function<bool()>& condition) {
  const Deadline deadline = soon();
  while (!condition()) {
    if (deadline.passed()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

void Held::take(Respond respond) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(respond));
  changed_.notify_all();
}

bool Held::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, longest, [&] { return waiting_.size() >= count; });
}

void Held::release(const Response& response) {
  std::vector<Respond> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
  }
  for (const auto& respond : waiting) respond(response);
}

}  // namespace mintmark::http
