// POST /attest/key/begin and /attest/key/finish (docs/http-api.md).
#pragma once

#include "api/address_limit.h"
#include "http/router.h"
#include "issuer/key_enrolment.h"

namespace mintmark::api {

/// `path` is "/attest/key" behind the issuer's own path. `enrolment` must outlive the router.
void add_key_enrolment(http::Router& router, const std::string& path,
                       issuer::KeyEnrolment& enrolment, const AddressLimit& by_address);

}  // namespace mintmark::api
