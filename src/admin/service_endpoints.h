// The operators' endpoints on services that are registered as clients; answered by the front.
#pragma once

#include "base/time.h"
#include "http/router.h"
#include "issuer/devices.h"
#include "issuer/services.h"

namespace mintmark::admin {

/// What the endpoints work on; all must outlive the router.
struct ServiceParts {
  issuer::Services& services;
  const issuer::Devices& devices;
  const Clock& clock;
};

/// GET /admin/v1/clients[?after=ID]: a page of services by id, removed ones too, and in `next` the
/// id to go on after. POST /admin/v1/clients/add {"jwk", "audiences", "roles", "name"?}:
/// `jwk_private` and PublicKey::from_jwk's other errors, `service_malformed`, `service_exists` (a
/// service's key), `device_exists` (a device's). POST /admin/v1/clients/remove {"id"}: answered
/// when no token of it is taken any more; `service_not_found`. `admin_member_wrong`; errors of
/// store::ServiceStore.
void add_services(http::Router& router, const ServiceParts& parts);

}  // namespace mintmark::admin
