// HTTP/1.1 client over TLS (server name and chain checked) or a unix socket; synchronous, with a
// deadline on the whole call.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "http/dial.h"
#include "http/message.h"
#include "http/url.h"

namespace mintmark::http {

struct ClientIdentity;

struct ClientOptions {
  std::string ca_file = {};      ///< PEM of the roots to trust; "": the system's.
  std::string unix_socket = {};  ///< If set, every request goes to this socket, without TLS.
  std::size_t answer_octets = 4U << 20U;
  NameLookup name_lookup = NameLookup::within_deadline;
  AddressRule address_rule = {};  ///< What a host's name may lead to.
  /// Takes http:// too, where the caller has made sure that the host is this machine.
  bool plain_http = false;
  /// Shown to servers that ask for a certificate (http/tls.h); null: none is.
  std::shared_ptr<const ClientIdentity> identity = nullptr;
};

/// Keeps one connection per origin alive. Not thread-safe: one client a thread. https only, unless
/// a unix socket or plain_http is set. A kept connection that the server has closed is replaced; a
/// request is sent twice only if it is idempotent or had not left whole, and nothing of an answer
/// came. Host, Content-Length, Transfer-Encoding and Connection are the client's own. Errors:
/// `connect_failed`, `tls_failed` (says what was wrong with the certificate, or with `ca_file`),
/// `tls_certificate_unusable` (of `identity`), `deadline_passed`, `http_malformed` (the request or
/// its URL), `http_answer_malformed`, `http_answer_too_large`.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// Any status is an answer. Redirects are not followed. The deadline covers everything, the
  /// name's resolution included (but not NameLookup::by_caller).
  [[nodiscard]] Result<Response> send(const std::string& method, const std::string& url,
                                      const Headers& headers, const std::string& body,
                                      Deadline deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mintmark::http
