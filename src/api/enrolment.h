// POST /attest/tpm2/begin and /attest/tpm2/finish (docs/http-api.md).
#pragma once

#include "api/address_limit.h"
#include "http/router.h"
#include "issuer/enrolment.h"

namespace mintmark::api {

/// `path` is "/attest/tpm2" behind the issuer's own path. `enrolment` must outlive the router.
void add_enrolment(http::Router& router, const std::string& path, issuer::Enrolment& enrolment,
                   const AddressLimit& by_address);

}  // namespace mintmark::api
