#include "agent/serve/relay.h"

#include <algorithm>
#include <array>
#include <set>

#include "agent/answers.h"
#include "agent/own_fields.h"
#include "agent/proof.h"
#include "agent/serve/answers.h"
#include "http/connection_fields.h"
#include "http/text.h"

namespace mintmark::agent::serve {
namespace {

constexpr std::array nonce_header{"DPoP-Nonce"};

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
    if (http::is_of_connection(lower) || is_one_of(own, lower) || named.count(lower) != 0) continue;
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

std::string Relay::nonce_of(const std::string& origin) const {
  const MutexLock lock(mutex_);
  const auto found = nonces_.find(origin);
  return found == nonces_.end() ? "" : found->second;
}

// RFC 9449 §8.2: used until another one comes.
void Relay::keep_nonce(const std::string& origin, const http::Headers& headers) {
  std::string nonce = nonce_in(headers, nonce_header);
  if (nonce.empty()) return;
  const MutexLock lock(mutex_);
  nonces_[origin] = std::move(nonce);
}

Result<http::Headers> Relay::authorised(const http::Request& request,
                                        const Destination& destination, const Identity& identity,
                                        const HeldToken& token) const {
  const std::string origin = destination.url.origin();
  http::Headers headers = carried_to_service(request.headers);
  if (destination.mtls) {
    // The connection proves the key: to the issuer not for a program's sake either.
    const auto fit =
        check_provable({request.method, origin + request.target, token.token}, identity.issuer);
    if (!fit) return tl::unexpected<Error>(fit.error());
    headers.add("Authorization", "Bearer " + token.token);
    return headers;
  }
  const auto proof =
      prover_.prove({request.method, origin + request.target, token.token, nonce_of(origin)},
                    token.session.get());
  if (!proof) return tl::unexpected<Error>(proof.error());
  headers.add("Authorization", "DPoP " + token.token);
  headers.add("DPoP", *proof);
  return headers;
}

Result<http::Response> Relay::attempt(unsigned worker, const http::Request& request,
                                      const Destination& destination, const HeldToken& token) {
  const auto identity = prover_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  if (enrolment_of(*identity) != token.enrolment)
    return fail(Code::unavailable, "this device has just been enrolled anew; come back");
  auto headers = authorised(request, destination, *identity, token);
  if (!headers) return pass_on(headers);
  const std::string& ca = destination.ca_file.empty() ? identity->ca_file : destination.ca_file;
  auto sent = send_(worker, {destination, ca, request, std::move(*headers), token.certificate});
  if (!sent.answer) {
    return tl::unexpected<Error>(sent.by_service ? of_service(destination, sent.answer.error())
                                                 : sent.answer.error());
  }
  keep_nonce(destination.url.origin(), sent.answer->headers);
  return std::move(sent.answer);
}

http::Response Relay::try_again(unsigned worker, const http::Request& request,
                                const Destination& destination, const Wish& wish, HeldToken token) {
  bool had_nonce = false;
  bool had_token = false;
  while (true) {
    auto response = attempt(worker, request, destination, token);
    const bool certificate_ended =
        !response && response.error().code == Code::agent_certificate_missing;
    const Asked asked = certificate_ended ? Asked::token
                        : response        ? asked_by(*response)
                                          : Asked::nothing;
    bool again = false;
    if (asked == Asked::nonce) again = !std::exchange(had_nonce, true);
    if (asked == Asked::token && !std::exchange(had_token, true)) {
      auto another = tokens_.token(wish, token.token);
      again = another && another->token != token.token;
      if (again) token = std::move(*another);
    }
    if (!again) return response ? std::move(*response) : refusal(response.error());
  }
}

http::Response Relay::carry(unsigned worker, const http::Request& request,
                            const Destination& destination, const Wish& wish) {
  auto token = tokens_.token(wish);
  if (!token) return no_token(token.error());
  http::Response response = try_again(worker, request, destination, wish, std::move(*token));
  // An answer of our own is whole.
  if (!response.cause) response.headers = carried_to_program(response.headers);
  return response;
}

namespace {

/// What one worker sends by.
class Connections {
 public:
  Connections(Agent agent, const Limits& limits) : agent_(std::move(agent)), limits_(limits) {}

  Relay::Sent send(const Outgoing& outgoing) {
    return outgoing.certificate.empty() ? send_plainly(outgoing) : send_as_device(outgoing);
  }

 private:
  Relay::Sent send_plainly(const Outgoing& outgoing) {
    const bool plain = outgoing.destination.url.scheme == "http";
    const std::string name = (plain ? "http " : "https ") + outgoing.ca_file;
    auto found = clients_.find(name);
    if (found == clients_.end()) {
      found = clients_
                  .emplace(name, http::Client({.ca_file = outgoing.ca_file,
                                               .answer_octets = limits_.answer_octets,
                                               .plain_http = plain}))
                  .first;
    }
    return {send_by(found->second, outgoing)};
  }

  // The device key signs once a connection, which is kept.
  Relay::Sent send_as_device(const Outgoing& outgoing) {
    if (!shown_ || shown_->thumbprint != outgoing.certificate) {
      as_device_.clear();
      auto shown = agent_.shown_certificate();
      if (!shown) return {pass_on(shown), false};
      shown_ = std::move(*shown);
    }
    if (shown_->thumbprint != outgoing.certificate) {
      return {fail(Code::agent_certificate_missing,
                   "the certificate that the token is bound to is another's now; come back"),
              false};
    }
    auto found = as_device_.find(outgoing.ca_file);
    if (found == as_device_.end()) {
      found = as_device_
                  .emplace(outgoing.ca_file, http::Client({.ca_file = outgoing.ca_file,
                                                           .answer_octets = limits_.answer_octets,
                                                           .identity = shown_->identity}))
                  .first;
    }
    shown_->trouble->reset();
    auto answer = send_by(found->second, outgoing);
    if (!answer && *shown_->trouble) return {tl::unexpected<Error>(**shown_->trouble), false};
    return {std::move(answer)};
  }

  Result<http::Response> send_by(http::Client& client, const Outgoing& outgoing) const {
    return client.send(outgoing.request.method,
                       outgoing.destination.url.origin() + outgoing.request.target,
                       outgoing.headers, outgoing.request.body, Deadline::in(limits_.answer));
  }

  Agent agent_;  ///< Signs for what `shown_` is: ends after it.
  const Limits limits_;
  std::optional<ShownCertificate> shown_;
  std::map<std::string, http::Client> as_device_;  ///< By the roots that they trust.
  std::map<std::string, http::Client> clients_;
};

}  // namespace

Relay::Send send_by_network(unsigned workers, const Limits& limits,
                            const std::function<Agent()>& agent) {
  const auto all = std::make_shared<std::vector<std::unique_ptr<Connections>>>();
  for (unsigned i = 0; i < workers; ++i)
    all->push_back(std::make_unique<Connections>(agent(), limits));
  return
      [all](unsigned worker, const Outgoing& outgoing) { return (*all)[worker]->send(outgoing); };
}

}  // namespace mintmark::agent::serve
