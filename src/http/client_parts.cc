#include "http/client_parts.h"

#include "base/bytes.h"
#include "http/dial.h"
#include "http/text.h"

namespace mintmark::http {
namespace {

/// What the message's framing says belongs to the client alone.
bool is_own_field(std::string_view name) {
  return equal_without_case(name, "Host") || equal_without_case(name, "Content-Length") ||
         equal_without_case(name, "Transfer-Encoding") || equal_without_case(name, "Connection");
}

}  // namespace

Result<std::string> compose_request(const std::string& method, const Url& url,
                                    const Headers& headers, const std::string& body) {
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

Result<Url> target_of(const ClientOptions& options, const std::string& text) {
  auto url = parse_url(text);
  if (!url || !options.unix_socket.empty() || options.plain_http || url->scheme == "https")
    return url;
  return fail(Code::http_malformed,
              "http:// is refused: without TLS nobody knows who answers; use https://");
}

Result<std::unique_ptr<ClientConnection>> connect(const ClientOptions& options,
                                                  std::optional<TlsClientContext>& tls,
                                                  const Url& url, Deadline deadline,
                                                  const Interruption* interruption) {
  const auto dialled = [&] {
    return dial_tcp(url.host, url.port, deadline, options.name_lookup, interruption,
                    options.address_rule);
  };
  const bool is_plain = !options.unix_socket.empty() || url.scheme == "http";
  if (is_plain) {
    auto socket = options.unix_socket.empty() ? dialled() : dial_unix(options.unix_socket);
    if (!socket) return pass_on(socket);
    return ClientConnection::open(*std::move(socket), nullptr, deadline, interruption);
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
  auto socket = dialled();
  if (!socket) return pass_on(socket);
  return ClientConnection::open(*std::move(socket), *std::move(ssl), deadline, interruption);
}

}  // namespace mintmark::http
