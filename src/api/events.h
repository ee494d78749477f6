// GET ISSUER/events and ISSUER/events/snapshot: what was revoked, to registered services
// (docs/events.md).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/event_hub.h"
#include "api/service_access.h"
#include "http/router.h"
#include "revoke/snapshots.h"

namespace mintmark::api {

/// What the services' tokens are asked for.
inline constexpr std::string_view events_scope = "events";

struct EventParts {
  std::shared_ptr<EventHub> hub;
  std::shared_ptr<revoke::Snapshots> snapshots;
  ServiceAccess access;
  /// The answer to who is refused; with what `access` says.
  ServiceRefusal refuse;
};

/// The last event that a request says was seen: by `Last-Event-ID` (WHATWG HTML §9.2.4), else by
/// `?last=`; nothing where it says none. `event_id_malformed`, `parameter_repeated`,
/// `http_malformed`.
[[nodiscard]] Result<std::optional<SeenEvent>> seen_event_of(const http::Request& request);

/// Adds GET PATH/events, text/event-stream without end, and GET PATH/events/snapshot.
/// Errors: of `access`, of seen_event_of, `event_subscribers_full`, of revoke::Snapshots.
void add_events(http::Router& router, const std::string& path, const EventParts& parts);

}  // namespace mintmark::api
