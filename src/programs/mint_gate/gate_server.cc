#include "programs/mint_gate/gate_server.h"

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>

#include "base/file.h"
#include "gate/answers.h"
#include "gate/told_revocations.h"
#include "http/router.h"
#include "jose/file_key.h"
#include "programs/descriptors.h"
#include "programs/figures_door.h"
#include "programs/mint_gate/decision_log.h"
#include "programs/user.h"
#include "telemetry/log.h"

namespace mintmark::programs {
namespace {

using telemetry::Level;

/// How long a call waits at most for the issuer's answer, and how many may.
constexpr std::chrono::milliseconds patience{1000};
constexpr unsigned most_waiting = 1024;

// What proxies pass on of their clients' headers, and their own.
http::ServerLimits check_limits(std::size_t connections) {
  http::ServerLimits limits;
  limits.request_line_octets = 16U << 10U;
  limits.header_octets = 96U << 10U;
  limits.header_fields = 250;
  // The proxy decides how long an idle connection is kept: if we close it first, the check that it
  // sends at that moment is lost.
  limits.idle = std::chrono::hours{2};
  limits.connections = connections;
  limits.gives_way = http::GivesWay::who_never_asked;
  return limits;
}

void report(std::string_view event, const Error& error) {
  telemetry::log(Level::error, event, error);
}

Result<std::shared_ptr<const http::TlsServerContext>> tls_of(const gate::ListenerSettings& one) {
  if (!one.tls) return nullptr;
  const auto certificate = read_file(one.tls->certificate);
  if (!certificate) return fail(Code::tls_certificate_unusable, certificate.error().detail);
  const auto key = read_file(one.tls->key);
  if (!key) return fail(Code::tls_certificate_unusable, key.error().detail);
  return http::TlsServerContext::from_pem(*certificate, *key,
                                          one.door.certificate == gate::CertificateFrom::tls
                                              ? http::ClientCertificates::asked_for
                                              : http::ClientCertificates::none);
}

Result<gate::Door> door_of(const gate::ListenerSettings& one) {
  gate::Door door = one.door;
  for (const std::string& name : one.trusted_users) {
    const auto user = user_named(name);
    if (!user) return tl::unexpected<Error>(user.error());
    if (*user) door.peers.users.push_back((*user)->user);
  }
  return door;
}

std::string name_of(const gate::ListenerSettings& one) {
  return one.address ? one.address->address + ":" + std::to_string(one.address->port) : one.socket;
}

std::shared_ptr<gate::KeptKeys> keys_of(const gate::Settings& settings) {
  return std::make_shared<gate::KeptKeys>(
      published_keys(settings.issuer, settings.ca, settings.instance),
      gate::KeptKeysLimits{.grace = settings.keys_grace, .longest = settings.keys_longest});
}

std::shared_ptr<const Subscription> subscription_of(const gate::Settings& settings,
                                                    std::shared_ptr<gate::KeptKeys> keys) {
  if (!settings.subscriber) return nullptr;
  SubscriptionOptions options(settings.issuer, settings.subscriber->client_id,
                              settings.subscriber->key);
  options.ca_file = settings.ca;
  options.keys_changed = [keys = std::move(keys)] { keys->ask_again(); };
  return subscribe(std::move(options));
}

// As subscribe() would throw it.
Result<void> check_subscriber(const std::string& file, const gate::Settings& settings) {
  if (!settings.subscriber) return {};
  const auto key = jose::FileKey::open(settings.subscriber->key,
                                       {Code::config_invalid, "key \"revocation.client.key\":"});
  if (key) return {};
  return fail(Code::config_invalid, file + ": " + key.error().detail);
}

void set_log_level(const gate::Settings& settings) {
  telemetry::configure("mint-gate",
                       telemetry::level_named(settings.log_level).value_or(Level::info));
}

}  // namespace

Result<Prepared> prepare(const std::string& file) {
  auto settings = gate::load_settings(file);
  if (!settings) return pass_on(settings);
  Prepared prepared;
  prepared.settings = std::move(*settings);
  if (!prepared.settings.ca.empty()) {
    if (const auto roots = read_file(prepared.settings.ca); !roots)
      return fail(Code::config_invalid, file + ": key \"ca\": " + roots.error().detail);
  }
  if (auto fits = check_subscriber(file, prepared.settings); !fits) return pass_on(fits);
  for (const gate::ListenerSettings& one : prepared.settings.listeners) {
    auto tls = tls_of(one);
    if (!tls) return pass_on(tls);
    prepared.tls.push_back(std::move(*tls));
    auto door = door_of(one);
    if (!door) return pass_on(door);
    prepared.doors.push_back(std::move(*door));
  }
  return prepared;
}

GateServer::GateServer(Contexts& contexts, std::string file, Prepared prepared)
    : contexts_(contexts),
      file_(std::move(file)),
      in_force_(std::move(prepared)),
      keys_(keys_of(in_force_.settings)),
      subscription_(subscription_of(in_force_.settings, keys_)),
      figures_(keys_, subscription_, [this] { return gate_.policy()->verifier; }),
      gate_(keys_, policy_of(in_force_.settings, nullptr)) {}

// Who waits answers to nobody any more.
GateServer::~GateServer() { waits_.join(); }

VerifierOptions GateServer::options_of(const gate::Settings& settings) const {
  const auto audiences = settings.services.audiences();
  VerifierOptions options(settings.issuer, audiences.front());
  options.further_audiences.assign(audiences.begin() + 1, audiences.end());
  options.proof_nonces = settings.nonces;
  options.proofs_remembered = settings.proofs_remembered;
  options.tokens_remembered = settings.tokens_remembered;
  // How old keys may be is for KeptKeys to say, which every decision asks first: the verifier's
  // copy is stale as soon as another should be here.
  options.keys_grace = settings.keys_grace + settings.keys_longest;
  options.keys_longest = settings.keys_longest;
  options.keys_pause = std::chrono::seconds{0};  // KeptKeys makes the pauses.
  if (subscription_)
    options.revocations = std::make_shared<gate::ToldRevocations>(subscription_, keys_);
  return options;
}

// A verifier remembers which proofs were used: one that still fits is kept.
std::shared_ptr<const gate::Policy> GateServer::policy_of(
    const gate::Settings& settings, const std::shared_ptr<const gate::Policy>& present) const {
  auto policy = std::make_shared<gate::Policy>();
  policy->services = settings.services;
  policy->nonces = settings.nonces;
  const bool fits = present && present->nonces == settings.nonces &&
                    present->services.audiences() == settings.services.audiences();
  policy->verifier = fits ? present->verifier
                          : std::make_shared<const Verifier>(options_of(settings), keys_->source());
  return policy;
}

Result<void> GateServer::open() {
  set_log_level(in_force_.settings);
  figures_.reloaded(true);
  const std::size_t servers = in_force_.settings.listeners.size() * contexts_.size();
  connections_ = connections_within(raise_descriptor_limit() / servers, connections_);
  if (auto opened = open_metrics(); !opened) return opened;
  for (std::size_t i = 0; i < in_force_.settings.listeners.size(); ++i) {
    if (auto opened = open_listener(i); !opened) return opened;
  }
  figures_.show_failed_accepts([this] {
    std::uint64_t all = 0;
    for (const auto& listening : listening_) {
      for (const auto& server : listening->servers) all += server->failed_accepts();
    }
    return all;
  });
  return {};
}

std::unique_ptr<http::Server> GateServer::server_of(boost::asio::io_context& io,
                                                    const gate::Door& door) {
  return std::make_unique<http::Server>(
      io, check_limits(connections_),
      [this, &door](http::Request check, http::Respond respond) {
        decide(std::move(check), door, std::move(respond));
      },
      report,
      [this](const http::Answered& answered) {
        figures_.decided(answered);
        log_decision(answered);
      });
}

void GateServer::decide(http::Request check, const gate::Door& door, http::Respond respond) {
  const auto attempts = keys_->attempts();
  auto answer = gate_.decide(check, door);
  // A stranger's next request would be refused as well: he keeps no place that a proxy may need.
  if (answer.cause && answer.cause->code == Code::gate_peer_untrusted)
    answer.headers.set("Connection", "close");
  if (!gate_.may_change(answer, attempts)) return respond(std::move(answer));
  decide_when_answered(std::move(check), door, std::move(respond));
}

// Elsewhere: the thread of this connection goes on with the others.
void GateServer::decide_when_answered(http::Request check, const gate::Door& door,
                                      http::Respond respond) {
  if (waiting_.fetch_add(1) >= most_waiting) {
    waiting_.fetch_sub(1);
    return respond(gate::refused(
        {Code::keys_unavailable, "too many calls wait for the issuer's keys; try again", 0}, {}));
  }
  boost::asio::post(waits_, [this, check = std::move(check), &door, respond = std::move(respond)] {
    keys_->await_answer(patience);
    waiting_.fetch_sub(1);
    try {
      respond(gate_.decide(check, door));
    } catch (const std::exception& problem) {
      // Out of memory, say. Dropped, the request is answered with 500, as where a handler throws.
      report("http_handler_threw", {Code::http_handler_failed, problem.what(), 0});
    }
  });
}

Result<void> GateServer::open_listener(std::size_t index) {
  const gate::ListenerSettings& settings = in_force_.settings.listeners[index];
  auto bound = settings.address
                   ? http::listen_tcp(settings.address->address, settings.address->port)
                   : http::listen_unix(settings.socket, settings.mode);
  if (!bound) return pass_on(bound);
  auto& listening = *listening_.emplace_back(std::make_unique<Listening>());
  listening.name = name_of(settings);
  listening.door = in_force_.doors[index];
  const auto& tls = in_force_.tls[index];
  if (tls) figures_.tls_certificate_ends(listening.name, tls->not_after());
  for (const auto& io : contexts_) {
    UniqueFd own(dup(bound->get()));
    if (!own) return fail(Code::listen_failed, errno_text(errno));
    auto& server = *listening.servers.emplace_back(server_of(*io, listening.door));
    if (auto accepts = server.accept_on(std::move(own), tls); !accepts) return accepts;
  }
  telemetry::log(Level::info, "listening", {{"listener", listening.name}});
  return {};
}

Result<void> GateServer::open_metrics() {
  if (!in_force_.settings.metrics) return {};
  const gate::Address& at = *in_force_.settings.metrics;
  auto bound = http::listen_tcp(at.address, at.port);
  if (!bound) return pass_on(bound);
  http::Router routes;
  routes.on("GET", "/metrics",
            [this](const http::Request& /*request*/, const http::Respond& respond) {
              respond(figures_answer(figures_.metrics().text()));
            });
  routes.on("GET", "/healthz", [](const http::Request& /*request*/, const http::Respond& respond) {
    respond(http::json_response(200, R"({"status":"ok"})"));
  });
  routes.on("GET", "/readyz",
            [this](const http::Request& /*request*/, const http::Respond& respond) {
              respond(readiness());
            });
  metrics_ = std::make_unique<http::Server>(*contexts_.front(), figures_limits(), std::move(routes),
                                            report);
  return metrics_->accept_on(std::move(*bound), nullptr);
}

http::Response GateServer::readiness() const {
  const auto standing = keys_->standing();
  if (!standing.usable) {
    const std::string trouble = standing.trouble ? ": " + standing.trouble->detail : "";
    return http::error_response(
        {standing.ever ? Code::keys_unavailable : Code::gate_starting,
         (standing.ever ? "the issuer's keys are too old to be used" : "there are no keys yet") +
             trouble,
         0});
  }
  if (!subscription_) return http::json_response(200, R"({"status":"ready"})");
  const auto told = subscription_->standing();
  if (told.trusted) return http::json_response(200, R"({"status":"ready"})");
  return http::error_response(
      {told.ever ? Code::revocations_stale : Code::revocations_unavailable,
       (told.ever ? "the issuer has not said for too long what was revoked: "
                  : "the issuer has not said yet what was revoked: ") +
           told.trouble,
       0});
}

Result<void> GateServer::replace(Prepared prepared) {
  if (prepared.settings.fixed != in_force_.settings.fixed) {
    return fail(
        Code::config_invalid,
        file_ +
            ": issuer, ca, instance, revocation, listen, memory, keys, metrics and threads are "
            "taken at the start alone; restart for them");
  }
  for (std::size_t i = 0; i < prepared.tls.size(); ++i) {
    if (!prepared.tls[i]) continue;
    for (const auto& server : listening_[i]->servers) server->replace_tls(prepared.tls[i]);
    figures_.tls_certificate_ends(listening_[i]->name, prepared.tls[i]->not_after());
  }
  gate_.replace(policy_of(prepared.settings, gate_.policy()));
  in_force_ = std::move(prepared);
  set_log_level(in_force_.settings);
  return {};
}

void GateServer::reload() {
  boost::asio::post(waits_, [this] { read_again(); });
}

void GateServer::read_again() {
  auto prepared = prepare(file_);
  const auto done = prepared ? replace(std::move(*prepared)) : pass_on(prepared);
  figures_.reloaded(done.has_value());
  if (done)
    telemetry::log(Level::info, "reloaded");
  else
    telemetry::log(Level::error, "reload_refused", done.error());
}

void GateServer::stop(const std::function<void()>& drained) {
  const auto left =
      std::make_shared<std::atomic<std::size_t>>(listening_.size() * contexts_.size());
  for (const auto& one : listening_) {
    for (const auto& server : one->servers) {
      server->stop([left, drained] {
        if (left->fetch_sub(1) == 1) drained();
      });
    }
  }
}

}  // namespace mintmark::programs
