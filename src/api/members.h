// A stranger's JSON request.
#pragma once

#include "base/json.h"
#include "http/message.h"
#include "jose/members.h"

namespace mintmark::api {

/// What most requests need.
inline constexpr std::size_t usual_body = 64U << 10U;

/// Of evidence that carries no logs: certificates and statements, as base64url.
inline constexpr std::size_t longest_evidence_body = 128U << 10U;

/// The body of an application/json request, an object; bounded by `octets`. `content_type_wrong`,
/// `json_malformed` and parse_json's other errors.
[[nodiscard]] Result<Json> read_object(const http::Request& request,
                                       std::size_t octets = usual_body);

/// For the members of such a body, or of an object in it; their errors are
/// `request_member_missing`. The object must outlive it.
[[nodiscard]] jose::Members members_of_request(const Json& object);

}  // namespace mintmark::api
