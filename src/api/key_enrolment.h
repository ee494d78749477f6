// POST /attest/key/begin and /attest/key/finish (docs/http-api.md).
#pragma once

#include "http/router.h"
#include "issuer/key_enrolment.h"

namespace mintmark::api {

/// `path` is "/attest/key" behind the issuer's own path. `enrolment` must outlive the router.
void add_key_enrolment(http::Router& router, const std::string& path,
                       issuer::KeyEnrolment& enrolment);

}  // namespace mintmark::api
