// HTTP/1.1 client over TLS (server name and chain checked) or a unix socket; synchronous, with a deadline on the whole call.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "http/message.h"

namespace mintmark::http {

/// An absolute URL in its parts (RFC 3986 §3). Userinfo and fragment are refused.
struct Url {
  std::string scheme;  ///< Lower case.
  std::string host;    ///< Lower case, without brackets.
  std::uint16_t port = 0;  ///< The scheme's default where none is given.
  std::string target;  ///< Path and query, at least "/".

  [[nodiscard]] std::string origin() const;  ///< "https://host" with the port where it is not the default.
};
[[nodiscard]] Result<Url> parse_url(std::string_view text);

struct ClientOptions {
  std::string ca_file;      ///< PEM of the roots to trust; "": the system's.
  std::string unix_socket;  ///< If set, every request goes to this socket, without TLS.
  std::size_t answer_octets = 4U << 20U;
};

/// Keeps one connection per origin alive. Not thread-safe: one client a thread. https only, unless a unix socket is set.
/// Errors: `connect_failed`, `tls_failed` (says what was wrong with the certificate), `deadline_passed`, `http_malformed`.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  [[nodiscard]] Result<Response> send(const std::string& method, const std::string& url, const Headers& headers,
                                      const std::string& body, Deadline deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mintmark::http
