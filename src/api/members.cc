#include "api/members.h"

#include "api/answers.h"

namespace mintmark::api {

Result<Json> read_object(const http::Request& request, std::size_t octets) {
  if (media_type(request) != "application/json")
    return fail(Code::content_type_wrong, "this request is application/json");
  auto body = parse_json(request.body, {.octets = octets, .depth = 4, .elements = 256});
  if (body && !body->is_object())
    return fail(Code::json_malformed, "the body must be a JSON object");
  return body;
}

jose::Members members_of_request(const Json& object) {
  return jose::Members(object, Code::request_member_missing, "the member ");
}

}  // namespace mintmark::api
