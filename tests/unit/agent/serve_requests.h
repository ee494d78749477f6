// A whole agent of `mint-agent serve`, but for socket and network.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <optional>

#include "agent/serve/answers.h"
#include "agent/serve/hardware.h"
#include "agent/serve/local_api.h"
#include "fake_issuer.h"

namespace mintmark::agent::serve {
using std::chrono::seconds;

inline const std::string token_url = "https://issuer.example/token";

inline Settings settings_of(const std::string& session) {
  return *parse_settings("agent.json", R"({
    "socket": {"path": "a.sock"},)" + session +
                                           R"(
    "destinations": [{"url": "https://api.example", "audience": "urn:api"},
                     {"url": "https://other.example", "audience": "urn:other"}],
    "users": [
      {"user": "1001", "grants": [{"audience": "urn:api", "scopes": ["read", "write"]}]},
      {"user": "1002", "grants": [{"audience": "urn:api", "scopes": ["read"]},
                                  {"audience": "urn:other", "scopes": ["read"]}]}]})");
}

struct Carried {
  std::string method;
  std::string url;
  http::Headers headers;
  std::string body;
};

/// A whole agent but for socket and network.
class ServeRequests : public testing::Test {
 protected:
  ServeRequests() { bench.enroll(); }
  ~ServeRequests() override { close(); }

  void open(const std::string& session = "") {
    const Surroundings own{.open_device =
                               [this](const std::string&) {
                                 ++bench.tpm.opened;
                                 return Result<std::unique_ptr<hsm::tpm2::Device>>(
                                     std::make_unique<FakeDevice>(bench.tpm));
                               },
                           .open_transport = {},
                           .clock = bench.clock,
                           .boot_id = [] { return "the-first-boot"; },
                           .say = [](const std::string&) {}};
    hardware.emplace(Hardware::Openers{own.open_device, {}}, HardwareLimits{});
    const auto settings = settings_of(session);
    tokens.emplace(bench.agent(), bench.clock,
                   TokenSourceOptions{settings.session_life, seconds{20}});
    Surroundings through = own;
    through.open_device = hardware->openers(Standing::in_line).open_device;
    prover.emplace(bench.state(), through);
    relay.emplace(*tokens, *prover, [this](unsigned, const Outgoing& outgoing) -> Relay::Sent {
      last_ca = outgoing.ca_file;
      last_certificate = outgoing.certificate;
      carried.push_back({outgoing.request.method,
                         outgoing.destination.url.origin() + outgoing.request.target,
                         outgoing.headers, outgoing.request.body});
      if (answers.empty()) return {http::Response{200, {}, "done"}};
      auto next = answers.front();
      answers.pop_front();
      const bool of_key = !next && next.error().code == Code::agent_certificate_missing;
      return {next, !of_key};
    });
    workers.emplace(2U, 2U, seconds{20});
    desk.emplace(Desk{bench.clock, *tokens, *prover, given, *relay, *workers,
                      std::make_shared<const InForce>(settings)});
    handler = local_requests(*desk);
  }
  void close() {
    workers.reset();
    tokens.reset();
  }

  http::Response ask(uid_t user, const std::string& method, const std::string& host,
                     const std::string& target, const std::string& body = "",
                     http::Headers headers = {}) {
    http::Request request;
    request.method = method;
    request.target = target;
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.headers = std::move(headers);
    request.headers.add("Host", host);
    request.body = body;
    request.local_peer = std::make_shared<const http::LocalPeer>(http::LocalPeer{user, {user}});
    std::promise<http::Response> answer;
    handler(std::move(request),
            [&](http::Response response) { answer.set_value(std::move(response)); });
    return answer.get_future().get();
  }
  std::string token(uid_t user = 1001, const std::string& query = "?audience=urn%3Aapi") {
    const auto answer = ask(user, "GET", "localhost", "/token" + query);
    EXPECT_EQ(answer.status, 200U) << answer.body;
    return Json::parse(answer.body).value("access_token", "");
  }
  http::Response proof(uid_t user, const std::string& access_token,
                       const std::string& url = "https://api.example/a") {
    return ask(user, "POST", "localhost", "/proof",
               Json{{"method", "GET"}, {"url", url}, {"access_token", access_token}}.dump());
  }
  static std::string code_of(const http::Response& response) {
    const auto body = parse_json(response.body);
    const std::string code = body ? body->value("code", "") : "";
    // By it the server tells the agent's refusals from what services answer.
    EXPECT_EQ(response.cause ? facts_of(response.cause->code).name : "", code);
    return code;
  }
  static http::Response challenge(const std::string& error, const std::string& nonce = "") {
    http::Response response{401, {}, "no"};
    response.headers.add("WWW-Authenticate", "DPoP error=\"" + error + "\", algs=\"ES256\"");
    if (!nonce.empty()) response.headers.add("DPoP-Nonce", nonce);
    return response;
  }

  Bench bench;
  std::deque<Result<http::Response>> answers;
  std::vector<Carried> carried;
  std::string last_ca;
  std::string last_certificate;
  std::optional<Hardware> hardware;
  std::optional<TokenSource> tokens;
  std::optional<Prover> prover;
  GivenTokens given;
  std::optional<Relay> relay;
  std::optional<Workers> workers;
  std::optional<Desk> desk;
  http::Handler handler;
};

}  // namespace mintmark::agent::serve
