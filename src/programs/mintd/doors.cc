#include "programs/mintd/doors.h"

#include "programs/figures_door.h"
#include "programs/mintd/access_log.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

http::ServerLimits server_limits(const config::HttpLimits& limits,
                                 std::vector<std::string> evidence_paths) {
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
  return server;
}

void report(std::string_view event, const Error& error) {
  telemetry::log(telemetry::Level::error, event, error);
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
             std::vector<std::string> evidence_paths, http::Router routes, Figures& figures)
    : figures_(figures),
      strangers_(io, server_limits(limits, std::move(evidence_paths)), std::move(routes), report,
                 [&figures](const http::Answered& answered) {
                   figures.answered(answered);
                   log_access(answered, figures);
                 }),
      metrics_(io, programs::figures_limits(), metrics_routes(figures), report) {
  auto open = figures_.metrics().gauge("mintmark_http_connections",
                                       "Open connections on the public listeners.");
  auto away = figures_.metrics().counter("mintmark_http_connections_turned_away_total",
                                         "Connections beyond http.connections.");
  auto way = figures_.metrics().counter(
      "mintmark_http_connections_gave_way_total",
      "Connections without a request that were closed to make room for others.");
  figures_.metrics().before_text([this, open, away, way]() mutable {
    open.set(static_cast<double>(strangers_.open_connections()));
    away.raise_to(strangers_.connections_turned_away());
    way.raise_to(strangers_.connections_that_gave_way());
  });
}

Result<void> Doors::open_figures(UniqueFd metrics) {
  return metrics ? metrics_.accept_on(std::move(metrics), nullptr) : Result<void>{};
}

Result<void> Doors::open(std::vector<UniqueFd> strangers,
                         std::shared_ptr<const http::TlsServerContext> tls) {
  if (tls) figures_.tls_certificate_ends(tls->not_after());
  for (UniqueFd& socket : strangers) {
    if (auto accepting = strangers_.accept_on(std::move(socket), tls); !accepting) return accepting;
  }
  return {};
}

void Doors::replace_tls(std::shared_ptr<const http::TlsServerContext> tls) {
  figures_.tls_certificate_ends(tls->not_after());
  strangers_.replace_tls(std::move(tls));
}

}  // namespace mintmark::mintd
