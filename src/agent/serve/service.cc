#include "agent/serve/service.h"

#include <unistd.h>

#include "agent/serve/answers.h"
#include "base/file.h"
#include "telemetry/log.h"

namespace mintmark::agent::serve {
namespace {

using telemetry::Level;

// A path may hold what a program should not have put there.
constexpr std::size_t longest_path = 60;
constexpr std::size_t longest_method = 16;

http::ServerLimits server_limits(const Limits& limits, const Desk& desk) {
  http::ServerLimits server;
  server.body_octets = limits.body_octets;
  server.connections = limits.connections;
  server.refusal_header = refusal_header;
  server.share_of = [&desk](const std::string& /*name*/, const http::LocalPeer* peer) {
    return connection_share(*desk.in_force, peer);
  };
  return server;
}

void report(std::string_view event, const Error& error) {
  telemetry::log(Level::error, event, error);
}

void log_request(const http::Answered& answered) {
  const std::string_view code = answered.cause ? facts_of(answered.cause->code).name : "";
  telemetry::log(answered.cause ? Level::warning : Level::info, "request",
                 {{"request", std::string(answered.id)},
                  {"peer", std::string(answered.peer)},
                  {"method", std::string(answered.method.substr(0, longest_method))},
                  {"path", std::string(answered.path.substr(0, longest_path))},
                  {"status", std::to_string(answered.status)},
                  {"code", std::string(code)},
                  {"detail", answered.cause ? answered.cause->detail : ""},
                  {"us", std::to_string(answered.took.count())}});
}

Surroundings behind(Hardware& hardware, Standing standing, Surroundings surroundings) {
  const auto openers = hardware.openers(standing);
  surroundings.open_device = openers.open_device;
  surroundings.open_element = openers.open_element;
  return surroundings;
}

Result<UniqueFd> listen_at(const SocketPlace& place) {
  auto socket = http::listen_unix(place.path, place.mode);
  if (!socket || !place.group) return socket;
  if (::chown(place.path.c_str(), static_cast<uid_t>(-1), *place.group) == 0) return socket;
  return fail(Code::listen_failed, "the socket " + place.path +
                                       " cannot be given to its group: " + errno_text(errno) +
                                       "; the agent's user must be in the group");
}

}  // namespace

struct Service::Parts {
  Parts(boost::asio::io_context& io, const StateDirectory& state, const Surroundings& surroundings,
        std::shared_ptr<const InForce> in_force)
      : limits(in_force->settings.limits),
        hardware({surroundings.open_device, surroundings.open_element},
                 {limits.hardware_waiting, limits.hardware}),
        tokens(Agent(state, behind(hardware, Standing::ahead, surroundings)), surroundings.clock,
               {in_force->settings.session_life, limits.token}),
        prover(state, behind(hardware, Standing::in_line, surroundings)),
        relay(tokens, prover,
              send_by_network(limits.threads, limits,
                              [this, &state, &surroundings] {
                                return Agent(state,
                                             behind(hardware, Standing::in_line, surroundings));
                              })),
        desk{surroundings.clock, tokens, prover, given, relay, workers, std::move(in_force)},
        server(io, server_limits(limits, desk), local_requests(desk), report, log_request),
        workers(limits.threads, limits.waiting, limits.thread) {}

  const Limits limits;
  Hardware hardware;
  TokenSource tokens;
  Prover prover;
  GivenTokens given;
  Relay relay;
  Desk desk;
  http::Server server;
  Workers workers;  ///< Ends first: its jobs use all of the above.
};

Service::Service(boost::asio::io_context& io, StateDirectory state, Surroundings surroundings,
                 Settings settings)
    : parts_(std::make_unique<Parts>(io, state, surroundings,
                                     std::make_shared<const InForce>(std::move(settings)))) {}
Service::~Service() = default;

Result<void> Service::start() {
  const Settings& settings = parts_->desk.in_force->settings;
  const auto identity = parts_->prover.identity();
  if (!identity) telemetry::log(Level::warning, "not_enrolled", identity.error());
  if (identity) {
    if (auto fit = check_against_issuer(settings, identity->issuer); !fit) return fit;
  }
  auto socket = listen_at(settings.socket);
  if (!socket) return pass_on(socket);
  if (auto accepting = parts_->server.accept_on(std::move(*socket), nullptr); !accepting)
    return accepting;
  telemetry::log(
      Level::info, "serving",
      {{"socket", settings.socket.path}, {"keys", settings.session_life ? "session" : "device"}});
  return {};
}

Result<void> Service::reload(Settings settings) {
  const Settings& before = parts_->desk.in_force->settings;
  if (const auto identity = parts_->prover.identity()) {
    if (auto fit = check_against_issuer(settings, identity->issuer); !fit) return fit;
  }
  const bool moved = settings.socket.path != before.socket.path ||
                     settings.socket.mode != before.socket.mode ||
                     settings.socket.group != before.socket.group;
  if (moved) telemetry::log(Level::warning, "socket_stays_until_restart");
  if (settings.session_life != before.session_life)
    telemetry::log(Level::warning, "session_keys_stay_until_restart");
  if (!(settings.limits == before.limits))
    telemetry::log(Level::warning, "limits_stay_until_restart");
  settings.socket = before.socket;
  settings.session_life = before.session_life;
  settings.limits = before.limits;
  if (const auto level = telemetry::level_named(settings.log_level))
    telemetry::configure("mint-agent", *level);
  parts_->desk.in_force = std::make_shared<const InForce>(std::move(settings));
  telemetry::log(Level::info, "reloaded");
  return {};
}

void Service::stop(std::function<void()> drained) {
  telemetry::log(Level::info, "stopping");
  parts_->workers.stop();
  parts_->server.stop(std::move(drained));
}

}  // namespace mintmark::agent::serve
