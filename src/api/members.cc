#include "api/members.h"

#include "api/answers.h"
#include "jose/base64url.h"

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

Bytes Members::octets(const char* name) {
  const std::string encoded = text(name);
  if (error_) return {};
  auto decoded = jose::from_base64url(encoded);
  if (!decoded) {
    refuse(name, "base64url without padding");
    return {};
  }
  return std::move(*decoded);
}

std::string Members::text(const char* name) {
  const auto found = object_.find(name);
  if (found == object_.end() || !found->is_string()) {
    refuse(name, "a string");
    return {};
  }
  return found->get<std::string>();
}

const Json& Members::object(const char* name) {
  static const Json none = Json::object();
  const auto found = object_.find(name);
  if (found == object_.end() || !found->is_object()) {
    refuse(name, "an object");
    return none;
  }
  return *found;
}

void Members::refuse(const std::string& name, const std::string& what) {
  if (error_) return;
  error_ = Error{Code::request_member_missing, "the member \"" + name + "\" must be " + what, 0};
}

void Members::adopt(const Members& part) {
  if (!error_) error_ = part.error_;
}

}  // namespace mintmark::api
