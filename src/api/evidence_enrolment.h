// POST /attest/{format}/begin and /attest/{format}/finish of every format but tpm2 and key
// (docs/http-api.md).
#pragma once

#include "api/address_limit.h"
#include "http/router.h"
#include "issuer/evidence_enrolment.h"

namespace mintmark::api {

/// `path` is "/attest" behind the issuer's own path. All formats that there are get a route: which
/// are taken may change while mintd runs. `enrolment` must outlive the router.
void add_evidence_enrolment(http::Router& router, const std::string& path,
                            issuer::EvidenceEnrolment& enrolment, const AddressLimit& by_address);

}  // namespace mintmark::api
