#include "api/members.h"

#include "api/answers.h"

namespace mintmark::api {
namespace {

constexpr JsonLimits body_limits{.octets = 64U << 10U, .depth = 4, .elements = 256};

}  // namespace

Result<Json> read_object(const http::Request& request) {
  if (media_type(request) != "application/json")
    return fail(Code::content_type_wrong, "this request is application/json");
  auto body = parse_json(request.body, body_limits);
  if (body && !body->is_object())
    return fail(Code::json_malformed, "the body must be a JSON object");
  return body;
}

jose::Members members_of_request(const Json& object) {
  return jose::Members(object, Code::request_member_missing, "the member ");
}

}  // namespace mintmark::api
