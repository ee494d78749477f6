#include "programs/mintd/doors.h"

#include <functional>

#include "api/client_address.h"
#include "base/bytes.h"
#include "programs/figures_door.h"
#include "programs/mintd/access_log.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

/// By a hash that nobody can aim at another's share.
auto share_of_address(std::size_t most) {
  return [most, salt = to_hex(random_bytes(16))](const std::string& peer, const http::LocalPeer*) {
    const std::size_t share = std::hash<std::string>{}(salt + api::address_of_peer(peer));
    return http::ConnectionShare{share, most};
  };
}

http::ServerLimits server_limits(const config::HttpLimits& limits,
                                 std::vector<std::string> evidence_paths, bool behind_proxy) {
  http::ServerLimits server;
  server.header_octets = limits.header_octets;
  server.request_line_octets = limits.request_line_octets;
  server.header_fields = limits.header_fields;
  server.body_octets = limits.body_octets;
  server.long_bodies = std::make_shared<http::LongBodies>(
      std::move(evidence_paths), limits.evidence_octets, static_cast<int>(limits.evidence_at_once));
  server.handshake = limits.handshake;
  server.header_time = limits.header;
  server.body_time = limits.body;
  server.idle = limits.idle;
  server.write_time = limits.write;
  server.connections = limits.connections;
  server.gives_way = http::GivesWay::who_is_idle;
  if (limits.connections_per_address != 0 && !behind_proxy)
    server.share_of = share_of_address(limits.connections_per_address);
  return server;
}

http::Router metrics_routes(Figures& figures) {
  http::Router router;
  router.on("GET", "/metrics",
            [&figures](const http::Request& /*request*/, const http::Respond& respond) {
              respond(programs::figures_answer(figures.metrics().text()));
            });
  return router;
}

}  // namespace

Doors::Doors(boost::asio::io_context& io, const config::HttpLimits& limits,
             std::vector<std::string> evidence_paths, bool behind_proxy, http::Router routes,
             Figures& figures)
    : figures_(figures),
      strangers_(
          io, server_limits(limits, std::move(evidence_paths), behind_proxy), std::move(routes),
          [this](std::string_view event, const Error& error) { report(event, error); },
          [&figures](const http::Answered& answered) {
            figures.answered(answered);
            log_access(answered, figures);
          }),
      metrics_(io, programs::figures_limits(), metrics_routes(figures),
               [this](std::string_view event, const Error& error) { report(event, error); }) {
  auto open = figures_.metrics().gauge("mintmark_http_connections",
                                       "Open connections on the public listeners.");
  auto away = figures_.metrics().counter("mintmark_http_connections_turned_away_total",
                                         "Connections beyond http.connections.");
  auto way = figures_.metrics().counter(
      "mintmark_http_connections_gave_way_total",
      "Connections without a request that were closed to make room for others.");
  auto not_accepted =
      figures_.metrics().counter("mintmark_http_accepts_failed_total",
                                 "Tries to accept that failed: no descriptors, or no memory.");
  figures_.metrics().before_text([this, open, away, way, not_accepted]() mutable {
    not_accepted.raise_to(strangers_.failed_accepts());
    open.set(static_cast<double>(strangers_.open_connections()));
    away.raise_to(strangers_.connections_turned_away());
    way.raise_to(strangers_.connections_that_gave_way());
  });
}

void Doors::report(std::string_view event, const Error& error) {
  telemetry::log(telemetry::Level::error, event, error);
}

Result<void> Doors::open_figures(UniqueFd metrics) {
  return metrics ? metrics_.accept_on(std::move(metrics), nullptr) : Result<void>{};
}

Result<void> Doors::open(std::vector<UniqueFd> strangers,
                         std::shared_ptr<const http::TlsServerContext> tls) {
  if (tls) serves(*tls);
  for (UniqueFd& socket : strangers) {
    if (auto accepting = strangers_.accept_on(std::move(socket), tls); !accepting) return accepting;
  }
  return {};
}

void Doors::replace_tls(std::shared_ptr<const http::TlsServerContext> tls) {
  serves(*tls);
  strangers_.replace_tls(std::move(tls));
}

void Doors::serves(const http::TlsServerContext& tls) {
  certificate_ends_ = to_unix(tls.not_after());
  figures_.tls_certificate_ends(tls.not_after());
}

std::optional<Moment> Doors::certificate_ends() const {
  const std::int64_t ends = certificate_ends_;
  if (ends == 0) return std::nullopt;
  return from_unix(ends);
}

}  // namespace mintmark::mintd
