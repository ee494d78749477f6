#include "http/client.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "http/client_exchange.h"
#include "http/client_parts.h"

namespace mintmark::http {
namespace {

/// A client that walks through many origins must not keep a descriptor for each.
constexpr std::size_t most_kept = 16;

/// RFC 9110 §9.2.2.
bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 5> methods{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

}  // namespace

struct Client::State {
  ClientOptions options;
  std::optional<TlsClientContext> tls;
  std::map<std::string, std::unique_ptr<ClientConnection>> kept;

  [[nodiscard]] std::unique_ptr<ClientConnection> take_kept(const std::string& origin);
  void keep(const std::string& origin, std::unique_ptr<ClientConnection> connection);
};

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
  const auto target = target_of(state_->options, url);
  if (!target) return tl::unexpected<Error>(target.error());
  const auto request = compose_request(method, *target, headers, body);
  if (!request) return tl::unexpected<Error>(request.error());
  const std::string origin = target->origin();

  auto connection = state_->take_kept(origin);
  for (bool reused = connection != nullptr;; reused = false) {
    if (!reused) {
      auto fresh = connect(state_->options, state_->tls, *target, deadline);
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
