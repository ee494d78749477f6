// Streams over a real event log and a real store, asked as services ask: by the router. Only who
// asks is taken from a header, and the key that signs is soft.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/answers.h"
#include "api/signals/shared_signals.h"
#include "jose/jws.h"
#include "revoke/event_log.h"
#include "revoke/signals/polls.h"
#include "support/manual_clock.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark::revoke::signals {

inline const std::string own_issuer = "https://issuer.example/a";

class SignalsFixture : public testing::Test {
 protected:
  SignalsFixture() { start(); }

  /// As after a restart, on the same files.
  void start(StreamLimits stream_limits = {}, PollLimits poll_limits = {}) {
    polls.reset();
    streams.reset();
    store.reset();
    log.reset();
    log = open_event_log(directory.path() / "events.db", clock).value();
    store = store::open_signal_store(directory.path() / "ssf.db").value();
    streams.emplace(
        own_issuer, EndpointRules({Network::parse("127.0.0.0/8").value()}),
        Streams::Parts{clock, *log, *store,
                       [this](const std::string& service) { return audiences_of(service); },
                       [this](std::string_view jti) { return facts_of_token(jti); },
                       [this] {
                         if (polls) polls->wake();
                         if (woken) woken();
                       }},
        stream_limits);
    ASSERT_TRUE(streams->load());
    polls.emplace(*streams, sign_set(), poll_limits);
    router = {};
    api::add_shared_signals(
        router, {own_issuer, std::chrono::seconds(300),
                 [this](const http::Request& request, std::string_view scope) {
                   return access(request, scope);
                 },
                 [](const Error& error) { return api::refusal(error); }, *streams, *polls});
  }

  SignSet sign_set() {
    return [this](const Json& claims, const hsm::Done<std::string>& done) {
      ++signatures;
      if (signing_forgets) return;
      if (signing_hangs) {
        const std::lock_guard lock(mutex);
        return unanswered.push_back(done);
      }
      if (signing_fails) return done(fail(Code::hsm_unavailable, "no key store is connected"));
      const Json header = {{"typ", "secevent+jwt"}, {"alg", "ES256"}, {"kid", key.jkt()}};
      done(key.sign_jws(header, claims));
    };
  }

  std::optional<std::vector<std::string>> audiences_of(const std::string& service) {
    const std::lock_guard lock(mutex);
    const auto found = services.find(service);
    if (found == services.end()) return std::nullopt;
    return found->second;
  }
  std::optional<TokenFacts> facts_of_token(std::string_view jti) {
    ++lookups;
    const std::lock_guard lock(mutex);
    const auto found = tokens.find(std::string(jti));
    if (found == tokens.end()) return std::nullopt;
    return found->second;
  }
  Result<api::ServiceCaller> access(const http::Request& request, std::string_view scope) {
    EXPECT_EQ(scope, "events");
    const std::string* name = request.headers.find("Service");
    if (name == nullptr) return fail(Code::token_missing, "no token");
    return api::ServiceCaller{*name, audiences_of(*name).value_or(std::vector<std::string>{}),
                              clock.now() + std::chrono::hours(1)};
  }

  std::future<http::Response> begin(const std::string& method, const std::string& target,
                                    const std::string& body, const std::string& service) {
    http::Request request;
    request.method = method;
    request.target = target;
    request.path = target.substr(0, target.find('?'));
    if (request.path != target) request.query = target.substr(request.path.size() + 1);
    request.body = body;
    if (!service.empty()) request.headers.add("Service", service);
    request.headers.add("Content-Type", "application/json");
    auto promise = std::make_shared<std::promise<http::Response>>();
    router(std::move(request),
           [promise](http::Response response) { promise->set_value(std::move(response)); });
    return promise->get_future();
  }
  http::Response call(const std::string& method, const std::string& target, const Json& body = {},
                      const std::string& service = "alpha") {
    return begin(method, "/a/ssf" + target, body.is_null() ? "" : body.dump(), service).get();
  }
  Json answered(const http::Response& response, unsigned status) {
    EXPECT_EQ(response.status, status) << response.body;
    return response.body.empty() ? Json() : Json::parse(response.body);
  }
  void expect_refused(const http::Response& response, Code code) {
    EXPECT_EQ(response.status, facts_of(code).http_status) << response.body;
    ASSERT_TRUE(response.cause) << response.body;
    EXPECT_EQ(response.cause->code, code) << response.cause->to_string();
  }

  std::string make_stream(const Json& wish = Json::object(), const std::string& service = "alpha") {
    return answered(call("POST", "/streams", wish, service), 201)["stream_id"];
  }
  /// jti -> claims of what a poll gives.
  std::map<std::string, Json> poll(const std::string& id, Json body = Json::object(),
                                   bool* more = nullptr) {
    body["returnImmediately"] = true;
    const Json answer = answered(call("POST", "/poll/" + id, body), 200);
    if (more != nullptr) *more = answer.value("moreAvailable", false);
    std::map<std::string, Json> claims;
    for (const auto& [jti, set] : answer["sets"].items()) claims[jti] = verified(set);
    return claims;
  }
  Json verified(const std::string& set) {
    auto jws = jose::UnverifiedJws::parse(set).value();
    EXPECT_EQ(jws.typ(), "secevent+jwt");
    return std::move(jws).verify(key.public_key()).value().claims();
  }
  static Json event_in(const Json& claims, std::string_view type) {
    const Json& events = claims.at("events");
    EXPECT_EQ(events.size(), 1U) << claims;
    return events.value(std::string(type), Json());
  }

  std::uint64_t say(Json entry) {
    std::vector<Json> entries;
    entries.push_back(std::move(entry));
    return say_all(std::move(entries));
  }
  std::uint64_t say_all(std::vector<Json> entries) {
    std::promise<Result<std::uint64_t>> said;
    log->append(std::move(entries),
                [&](Result<std::uint64_t> seq) { said.set_value(std::move(seq)); });
    return said.get_future().get().value();
  }
  std::uint64_t say_token(const std::string& jti) {
    return say({{"type", "token"}, {"jti", jti}, {"sub", "device-1"}, {"until", soon()}});
  }
  std::uint64_t say_device(const std::string& id) {
    return say({{"type", "device"}, {"sub", id}, {"before", soon()}, {"until", soon()}});
  }
  std::int64_t soon() { return to_unix(clock.now()) + 300; }

  test::TemporaryDirectory directory;
  test::ManualClock clock;
  test::SoftKey key;
  std::atomic<int> signatures{0};
  std::atomic<bool> signing_fails{false};
  std::atomic<bool> signing_forgets{false};
  std::atomic<bool> signing_hangs{false};
  std::vector<hsm::Done<std::string>> unanswered;
  std::atomic<int> lookups{0};
  std::mutex mutex;
  std::map<std::string, std::vector<std::string>> services{{"alpha", {"https://alpha.example"}},
                                                           {"beta", {"https://beta.example"}}};
  std::map<std::string, TokenFacts> tokens;
  std::function<void()> woken;
  std::unique_ptr<EventLog> log;
  std::unique_ptr<store::SignalStore> store;
  std::optional<Streams> streams;
  std::optional<Polls> polls;
  http::Router router;
};

}  // namespace mintmark::revoke::signals
