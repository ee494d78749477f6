// A server on real sockets and a client that writes any octets.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "http/server.h"

namespace mintmark::http {

/// Answers with what was asked: method, path and body, a line each.
void echo(const Request& request, const Respond& respond);

/// An Answered kept.
struct SeenAnswer {
  std::string id;
  std::string method;
  std::string path;
  unsigned status = 0;
  std::optional<Code> code;
  std::chrono::microseconds took{};
};

/// A server with two threads; ends with the object.
class TestServer {
 public:
  explicit TestServer(Handler handler = echo, ServerLimits limits = {});
  ~TestServer();

  /// Listens on 127.0.0.1; the port.
  std::uint16_t listen(std::shared_ptr<const TlsServerContext> tls = nullptr);
  void listen_unix_at(const std::string& path);

  [[nodiscard]] Server& server() { return *server_; }
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  /// Events reported so far.
  [[nodiscard]] std::vector<std::string> reports();
  /// Exchanges observed so far.
  [[nodiscard]] std::vector<SeenAnswer> answers_seen();

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::mutex mutex_;
  std::vector<std::string> reports_;
  std::vector<SeenAnswer> answers_seen_;
  std::optional<Server> server_;
  std::vector<std::thread> threads_;
};

/// One answer as it came.
struct RawAnswer {
  unsigned status = 0;
  std::string head;
  std::string body;

  [[nodiscard]] bool has(const std::string& part) const {
    return head.find(part) != std::string::npos || body.find(part) != std::string::npos;
  }
};

/// A plain TCP or unix connection. Reads wait five seconds at the most and throw then.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port);
  explicit RawConnection(const std::string& unix_path);

  /// All of it; false if the server has closed.
  bool send(std::string_view octets);
  void end_sending();
  /// The next answer; nullopt: the server closed.
  std::optional<RawAnswer> answer(bool to_head = false);
  /// What comes up to `end`, and that; what came until the server closed where it does not come.
  std::string until(std::string_view end);
  /// The octets until the server closes.
  std::string rest();
  /// Nothing comes for a while, and the connection stands.
  bool is_quiet();

 private:
  /// False: closed.
  bool receive();

  UniqueFd socket_;
  std::string pending_;
};

/// Polls until the condition holds; false after five seconds.
bool eventually(const std::function<bool()>& condition);

/// A gate that handlers wait at without holding a thread: they leave their Respond.
class Held {
 public:
  void take(Respond respond);
  /// Waits until that many came.
  [[nodiscard]] bool wait_for(std::size_t count);
  void release(const Response& response);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Respond> waiting_;
};

}  // namespace mintmark::http
