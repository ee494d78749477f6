#include "agent/serve/relay.h"

#include <algorithm>
#include <array>
#include <set>

#include "agent/answers.h"
#include "agent/serve/answers.h"
#include "http/text.h"

namespace mintmark::agent::serve {
namespace {

constexpr std::array nonce_header{"DPoP-Nonce"};

// RFC 9110 §7.6.1, and what was before it.
constexpr std::array<std::string_view, 9> of_connection = {"connection",
                                                           "keep-alive",
                                                           "proxy-connection",
                                                           "proxy-authenticate",
                                                           "proxy-authorization",
                                                           "te",
                                                           "trailer",
                                                           "transfer-encoding",
                                                           "upgrade"};
// The message's framing is made anew; Expect was answered here.
constexpr std::array<std::string_view, 5> made_anew = {"host", "content-length", "expect",
                                                       "authorization", "dpop"};
constexpr std::array<std::string_view, 2> kept_back = {"dpop-nonce", "mint-agent-error"};

template <std::size_t count>
bool is_one_of(const std::array<std::string_view, count>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What Connection names is of this connection too.
std::set<std::string> named_by_connection(const http::Headers& headers) {
  std::set<std::string> names;
  for (const auto& [name, value] : headers.fields()) {
    if (!http::equal_without_case(name, "Connection")) continue;
    std::size_t begin = 0;
    while (begin <= value.size()) {
      const std::size_t end = std::min(value.find(',', begin), value.size());
      names.insert(http::lower_case(http::trimmed(value.substr(begin, end - begin))));
      begin = end + 1;
    }
  }
  return names;
}

template <std::size_t count>
http::Headers carried(const http::Headers& headers,
                      const std::array<std::string_view, count>& own) {
  const auto named = named_by_connection(headers);
  http::Headers kept;
  for (const auto& [name, value] : headers.fields()) {
    const std::string lower = http::lower_case(name);
    if (is_one_of(of_connection, lower) || is_one_of(own, lower) || named.count(lower) != 0)
      continue;
    kept.add(name, value);
  }
  return kept;
}

Error of_service(const Destination& destination, const Error& error) {
  Error failed{Code::agent_upstream_failed, destination.url.origin() + ": " +
                                                std::string(facts_of(error.code).name) + ": " +
                                                error.detail};
  failed.native = error.native;
  return failed;
}

}  // namespace

http::Headers carried_to_service(const http::Headers& headers) {
  http::Headers kept = carried(headers, made_anew);
  kept.add("Via", "1.1 mint-agent");
  return kept;
}

http::Headers carried_to_program(const http::Headers& headers) {
  return carried(headers, kept_back);
}

Asked asked_by(const http::Response& response) {
  if (response.status != 401) return Asked::nothing;
  Asked asked = Asked::nothing;
  for (const auto& [name, value] : response.headers.fields()) {
    if (!http::equal_without_case(name, "WWW-Authenticate")) continue;
    if (value.find("\"use_dpop_nonce\"") != std::string::npos &&
        !nonce_in(response.headers, nonce_header).empty())
      return Asked::nonce;
    if (value.find("\"invalid_token\"") != std::string::npos) asked = Asked::token;
  }
  return asked;
}

std::string Relay::nonce_of(const std::string& origin) const {
  const std::lock_guard lock(mutex_);
  const auto found = nonces_.find(origin);
  return found == nonces_.end() ? "" : found->second;
}

// RFC 9449 §8.2: used until another one comes.
void Relay::keep_nonce(const std::string& origin, const http::Headers& headers) {
  std::string nonce = nonce_in(headers, nonce_header);
  if (nonce.empty()) return;
  const std::lock_guard lock(mutex_);
  nonces_[origin] = std::move(nonce);
}

Result<http::Response> Relay::attempt(unsigned worker, const http::Request& request,
                                      const Reach& reach, const HeldToken& token) {
  const Destination& destination = *reach.destination;
  const std::string origin = destination.url.origin();
  const auto identity = prover_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  const auto proof =
      prover_.prove({request.method, origin + request.target, token.token, nonce_of(origin)},
                    token.session.get());
  if (!proof) return tl::unexpected<Error>(proof.error());
  http::Headers headers = carried_to_service(request.headers);
  headers.add("Authorization", "DPoP " + token.token);
  headers.add("DPoP", *proof);
  const std::string& ca = destination.ca_file.empty() ? identity->ca_file : destination.ca_file;
  auto response = send_(worker, destination, ca, request, headers);
  if (!response) return tl::unexpected<Error>(of_service(destination, response.error()));
  keep_nonce(origin, response->headers);
  return response;
}

http::Response Relay::try_again(unsigned worker, const http::Request& request, const Reach& reach,
                                const TokenRequest& wish, HeldToken token) {
  bool had_nonce = false;
  bool had_token = false;
  while (true) {
    auto response = attempt(worker, request, reach, token);
    if (!response) return refusal(response.error());
    const Asked asked = asked_by(*response);
    bool again = false;
    if (asked == Asked::nonce) again = !std::exchange(had_nonce, true);
    if (asked == Asked::token && !std::exchange(had_token, true)) {
      auto another = tokens_.token(wish, token.token);
      again = another && another->token != token.token;
      if (again) token = std::move(*another);
    }
    if (!again) return std::move(*response);
  }
}

http::Response Relay::carry(unsigned worker, const http::Request& request, const Reach& reach) {
  const auto scope = reach.allowed.scope_for("");
  if (!scope) return refusal(scope.error());
  const TokenRequest wish{reach.allowed.audience, *scope};
  auto token = tokens_.token(wish);
  if (!token) return no_token(token.error());
  http::Response response = try_again(worker, request, reach, wish, std::move(*token));
  // An answer of our own is whole.
  if (!response.cause) response.headers = carried_to_program(response.headers);
  return response;
}

Relay::Send send_by_network(unsigned workers, const Limits& limits) {
  using Clients = std::map<std::string, http::Client>;  // By the roots that they trust.
  const auto clients = std::make_shared<std::vector<Clients>>(workers);
  return
      [clients, limits](unsigned worker, const Destination& destination, const std::string& ca_file,
                        const http::Request& request, const http::Headers& headers) {
        Clients& own = (*clients)[worker];
        const bool plain = destination.url.scheme == "http";
        const std::string name = (plain ? "http " : "https ") + ca_file;
        auto found = own.find(name);
        if (found == own.end()) {
          found = own.emplace(name, http::Client({.ca_file = ca_file,
                                                  .answer_octets = limits.answer_octets,
                                                  .plain_http = plain}))
                      .first;
        }
        return found->second.send(request.method, destination.url.origin() + request.target,
                                  headers, request.body, Deadline::in(limits.answer));
      };
}

}  // namespace mintmark::agent::serve
