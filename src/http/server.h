// HTTP/1.1 server (RFC 9112) on Boost.Beast callbacks: TLS or unix socket, keep-alive, limits on everything a stranger sends.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/error.h"
#include "base/file.h"
#include "http/message.h"
#include "http/tls.h"

namespace mintmark::http {

struct ServerLimits {
  std::size_t header_octets = 32U << 10U;            ///< Beyond: 431.
  std::size_t body_octets = 128U << 10U;             ///< Beyond: 413.
  std::chrono::milliseconds handshake{10'000};       ///< TLS.
  std::chrono::milliseconds header_time{10'000};     ///< From a request's first octet to its last header; beyond: 408.
  std::chrono::milliseconds body_time{15'000};       ///< Beyond: 408.
  std::chrono::milliseconds idle{60'000};            ///< Between requests of a kept connection: closed.
  std::chrono::milliseconds write_time{15'000};
  std::size_t connections = 4096;                    ///< Beyond: the newest is closed at once.
};

/// Accepts on descriptors that are already bound and listening. Handlers run on the io_context's threads; one connection
/// handles one request at a time. What is malformed gets 400 (408, 413, 414, 417, 431, 501, 505) with a JSON body
/// {"error": …, "error_description": …} that says why, then the connection closes. Never throws after construction.
class Server {
 public:
  Server(boost::asio::io_context& io, ServerLimits limits, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Starts accepting. `tls` null: plain HTTP; only for a unix socket, or where the operator named a trusted proxy.
  [[nodiscard]] Result<void> accept_on(UniqueFd listening, std::shared_ptr<const TlsServerContext> tls);

  /// Takes no new connection and no new request; requests under way are answered. `drained` is called when the last is.
  void stop(std::function<void()> drained);

  [[nodiscard]] std::size_t open_connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// A bound, listening TCP socket ("127.0.0.1", 8443; port 0: any) or unix socket (mode applied before the first connect can succeed).
[[nodiscard]] Result<UniqueFd> listen_tcp(const std::string& address, std::uint16_t port);
[[nodiscard]] Result<UniqueFd> listen_unix(const std::string& path, unsigned mode);

}  // namespace mintmark::http
