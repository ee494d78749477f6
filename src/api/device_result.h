// GET /devices/{id}/result: our verdict on the device that asks, as an EAT (draft-ietf-rats-ear-04)
// for others than us.
#pragma once

#include <string>

#include "api/address_limit.h"
#include "http/router.h"
#include "issuer/results.h"

namespace mintmark::api {

/// The parameters of a query; parameters not known are ignored. `http_malformed`,
/// `parameter_repeated`.
[[nodiscard]] Result<issuer::ResultWish> read_result_wish(const std::string& query);

/// Adds GET PATH/devices/ID/result[?nonce=N], answered as application/eat+jwt with its profile (RFC
/// 9782 §4). Authenticated as at the token endpoint by client attestation and DPoP proof, with
/// `htm` GET; answers bring nonces as there. Before issuer::Results is asked: those of
/// AddressLimit::take; `device_not_found` for what is no id at all, `client_unauthenticated`,
/// errors of read_attestation and of verify::one_proof. `results` must outlive the router.
void add_device_result(http::Router& router, const std::string& path, issuer::Results& results,
                       AddressLimit by_address = {});

}  // namespace mintmark::api
