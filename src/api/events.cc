#include "api/events.h"

#include "api/answers.h"

namespace mintmark::api {
namespace {

Result<std::optional<std::string>> last_in_query(const std::string& query) {
  const auto fields = http::parse_form(query);
  if (!fields) return fail(Code::http_malformed, "the query's percent encoding is wrong");
  std::optional<std::string> last;
  for (const auto& [name, value] : *fields) {
    if (name != "last") continue;
    if (last) return fail(Code::parameter_repeated, "parameter last stands twice");
    last = value;
  }
  return last;
}

http::Response event_stream(const EventParts& parts, EventHub::Place place,
                            std::optional<SeenEvent> seen, const ServiceCaller& caller) {
  http::Response response;
  response.headers.set("Content-Type", "text/event-stream");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("X-Accel-Buffering", "no");  // nginx would wait until a buffer is full.
  response.stream = [hub = parts.hub, place = std::move(place), seen = std::move(seen),
                     caller](std::shared_ptr<http::BodyWriter> writer) {
    hub->join(std::move(writer), place, caller, seen);
  };
  return response;
}

http::Response subscribe(const EventParts& parts, const http::Request& request) {
  const auto caller = parts.access(request, events_scope);
  if (!caller) return parts.refuse(caller.error());
  auto seen = seen_event_of(request);
  if (!seen) return parts.refuse(seen.error());
  auto place = parts.hub->reserve(caller->id);
  if (!place) return parts.refuse(place.error());
  return event_stream(parts, *std::move(place), *std::move(seen), *caller);
}

void load(const EventParts& parts, const http::Request& request, const http::Respond& respond) {
  if (const auto caller = parts.access(request, events_scope); !caller)
    return respond(parts.refuse(caller.error()));
  parts.snapshots->get(
      [refuse = parts.refuse, respond](const Result<revoke::Snapshots::Answer>& made) {
        if (!made) return respond(refuse(made.error()));
        http::Response response = http::json_response(200, **made);
        response.headers.set("Cache-Control", "no-store");
        respond(std::move(response));
      });
}

}  // namespace

Result<std::optional<SeenEvent>> seen_event_of(const http::Request& request) {
  std::optional<std::string> said;
  if (const std::string* header = request.headers.find("Last-Event-ID")) {
    if (request.headers.count("Last-Event-ID") > 1)
      return fail(Code::event_id_malformed, "Last-Event-ID stands twice");
    said = *header;
  } else {
    auto last = last_in_query(request.query);
    if (!last) return pass_on(last);
    said = *std::move(last);
  }
  if (!said) return std::nullopt;
  auto seen = read_seen_event(*said);
  if (!seen) return pass_on(seen);
  return *std::move(seen);
}

void add_events(http::Router& router, const std::string& path, const EventParts& parts) {
  router.on("GET", path + "/events",
            [parts](const http::Request& request, const http::Respond& respond) {
              respond(subscribe(parts, request));
            });
  router.on("GET", path + "/events/snapshot",
            [parts](const http::Request& request, const http::Respond& respond) {
              load(parts, request, respond);
            });
}

}  // namespace mintmark::api
