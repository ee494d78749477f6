// HTTP/1.1 server (RFC 9112) on Boost.Beast callbacks: TLS or unix socket, keep-alive, limits on
// everything a stranger sends.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "base/error.h"
#include "base/file.h"
#include "http/limits.h"
#include "http/message.h"
#include "http/tls.h"

namespace mintmark::http {

/// Told what no client can be told: a handler that threw, an answer that cannot be sent, a listener
/// out of descriptors. From any of the io_context's threads; `event` is a log line's name.
using Report = std::function<void(std::string_view event, const Error& error)>;

/// Accepts on descriptors that are already bound and listening. Handlers run on the io_context's
/// threads; one connection handles one request at a time, pipelined ones in their order. What is
/// malformed gets 400 (408, 413, 414, 417, 431, 501, 505) with a JSON body {"error",
/// "error_description", "code"} that says why, then the connection closes, after what the client
/// still sends was read for a while. A handler that throws or drops its Respond unused becomes 500
/// and a report. An answer that has "Connection: close" is the connection's last; one that has
/// asked nothing yet is closed after a minute, however long kept ones may be idle. Every answer
/// carries Date and X-Request-Id. Never throws after construction. Ends
/// before its io_context.
class Server {
 public:
  Server(boost::asio::io_context& io, ServerLimits limits, Handler handler, Report report = {},
         Observe observe = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Starts accepting. `tls` null: plain HTTP; only for a unix socket, or where the operator named
  /// a trusted proxy.
  [[nodiscard]] Result<void> accept_on(UniqueFd listening,
                                       std::shared_ptr<const TlsServerContext> tls);

  /// Takes no new connection and no new request; requests whose first octet has come are answered.
  /// `drained` is called once, on the io_context, when the last is. From any thread; a second call
  /// does nothing.
  void stop(std::function<void()> drained);

  /// What connections that come from now on are served with, on every listener that has TLS; those
  /// that are open keep what they began with.
  void replace_tls(std::shared_ptr<const TlsServerContext> tls);

  [[nodiscard]] std::size_t open_connections() const;
  /// Connections beyond the limit (or beyond what HandshakeThreads let wait), since the start:
  /// refused, or closed at once.
  [[nodiscard]] std::uint64_t connections_turned_away() const;
  /// Connections that were closed to make room for new ones, since the start.
  [[nodiscard]] std::uint64_t connections_that_gave_way() const;
  /// Connections that could not be taken: no descriptors, or no memory.
  [[nodiscard]] std::uint64_t failed_accepts() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// A bound, listening, non-blocking TCP socket with SO_REUSEADDR: an IPv4 or IPv6 address in
/// digits, or "localhost" (127.0.0.1). "::" takes IPv4 too. Port 0: any. `listen_failed` names the
/// address and why.
[[nodiscard]] Result<UniqueFd> listen_tcp(const std::string& address, std::uint16_t port);
/// The port that a TCP socket is bound to.
[[nodiscard]] std::uint16_t port_of(const UniqueFd& listening);
/// A unix socket with these permissions. They are set between bind and listen: before listen nobody
/// can connect, so no connect succeeds under other permissions. A socket file that nobody listens
/// on is replaced; one that answers, or a file of another kind, is `listen_failed`.
[[nodiscard]] Result<UniqueFd> listen_unix(const std::string& path, unsigned mode);

}  // namespace mintmark::http
