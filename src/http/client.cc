#include "http/client.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/bytes.h"
#include "http/client_connection.h"
#include "http/client_exchange.h"
#include "http/dial.h"
#include "http/text.h"
#include "http/tls.h"

namespace mintmark::http {
namespace {

/// A client that walks through many origins must not keep a descriptor for each.
constexpr std::size_t most_kept = 16;

/// RFC 9110 §9.2.2.
bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 5> methods{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

/// What the message's framing says belongs to the client alone.
bool is_own_field(std::string_view name) {
  return equal_without_case(name, "Host") || equal_without_case(name, "Content-Length") ||
         equal_without_case(name, "Transfer-Encoding") || equal_without_case(name, "Connection");
}

Result<std::string> compose(const std::string& method, const Url& url, const Headers& headers,
                            const std::string& body) {
  if (!is_token(method)) return fail(Code::http_malformed, "the method is no token");
  std::string request =
      method + " " + url.target + " HTTP/1.1\r\nHost: " + url.authority() + "\r\n";
  for (const auto& [name, value] : headers.fields()) {
    if (!is_token(name) || !is_field_value(value)) {
      return fail(Code::http_malformed,
                  "header \"" + printable(name) + "\" has characters that no header may have");
    }
    if (is_own_field(name)) continue;
    request.append(name).append(": ").append(value).append("\r\n");
  }
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return request + "\r\n" + body;
}

}  // namespace

struct Client::State {
  ClientOptions options;
  std::optional<TlsClientContext> tls;
  std::map<std::string, std::unique_ptr<ClientConnection>> kept;

  [[nodiscard]] Result<Url> target_of(const std::string& text) const;
  [[nodiscard]] Result<std::unique_ptr<ClientConnection>> connect(const Url& url,
                                                                  Deadline deadline);
  [[nodiscard]] std::unique_ptr<ClientConnection> take_kept(const std::string& origin);
  void keep(const std::string& origin, std::unique_ptr<ClientConnection> connection);
};

Result<Url> Client::State::target_of(const std::string& text) const {
  auto url = parse_url(text);
  if (!url || !options.unix_socket.empty() || options.plain_http || url->scheme == "https")
    return url;
  return fail(Code::http_malformed,
              "http:// is refused: without TLS nobody knows who answers; use https://");
}

Result<std::unique_ptr<ClientConnection>> Client::State::connect(const Url& url,
                                                                 Deadline deadline) {
  if (!options.unix_socket.empty()) {
    auto socket = dial_unix(options.unix_socket);
    if (!socket) return pass_on(socket);
    return ClientConnection::open(*std::move(socket), nullptr, deadline);
  }
  if (url.scheme == "http") {
    auto socket = dial_tcp(url.host, url.port, deadline, options.name_lookup);
    if (!socket) return pass_on(socket);
    return ClientConnection::open(*std::move(socket), nullptr, deadline);
  }
  if (!tls) {
    auto context = options.identity == nullptr
                       ? TlsClientContext::trusting(options.ca_file)
                       : TlsClientContext::trusting(options.ca_file, *options.identity);
    if (!context) return pass_on(context);
    tls = *std::move(context);
  }
  auto ssl = tls->connection_to(url.host);
  if (!ssl) return pass_on(ssl);
  auto socket = dial_tcp(url.host, url.port, deadline, options.name_lookup);
  if (!socket) return pass_on(socket);
  return ClientConnection::open(*std::move(socket), *std::move(ssl), deadline);
}

std::unique_ptr<ClientConnection> Client::State::take_kept(const std::string& origin) {
  const auto found = kept.find(origin);
  if (found == kept.end()) return nullptr;
  auto connection = std::move(found->second);
  kept.erase(found);
  return connection->is_stale() ? nullptr : std::move(connection);
}

void Client::State::keep(const std::string& origin, std::unique_ptr<ClientConnection> connection) {
  if (kept.size() >= most_kept) kept.erase(kept.begin());
  kept[origin] = std::move(connection);
}

Client::Client(ClientOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Response> Client::send(const std::string& method, const std::string& url,
                              const Headers& headers, const std::string& body, Deadline deadline) {
  const auto target = state_->target_of(url);
  if (!target) return tl::unexpected<Error>(target.error());
  const auto request = compose(method, *target, headers, body);
  if (!request) return tl::unexpected<Error>(request.error());
  const std::string origin = target->origin();

  auto connection = state_->take_kept(origin);
  for (bool reused = connection != nullptr;; reused = false) {
    if (!reused) {
      auto fresh = state_->connect(*target, deadline);
      if (!fresh) return pass_on(fresh);
      connection = *std::move(fresh);
    }
    Exchange done =
        exchange(*connection, *request, method == "HEAD", state_->options.answer_octets, deadline);
    if (done.keeps_alive) state_->keep(origin, std::move(connection));
    // A kept connection may have been closed by the server just now. Sent again is only what cannot
    // have been acted on, or may be acted on twice (RFC 9112 §9.3.1).
    const bool safe = !done.any_octet && (is_idempotent(method) || !done.written);
    if (done.answer || !reused || !safe || deadline.passed()) return std::move(done.answer);
  }
}

}  // namespace mintmark::http
