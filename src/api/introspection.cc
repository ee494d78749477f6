#include "api/introspection.h"

#include "api/answers.h"
#include "api/client_form.h"
#include "http/accept.h"

namespace mintmark::api {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view jwt_type = "application/token-introspection+jwt";

// RFC 9701 §4. Who takes neither gets the usual one (RFC 9110 §12.5.1).
bool wants_jwt(const http::Request& request) {
  return http::best_accepted(request.headers, {json_type, jwt_type}) == jwt_type;
}

Result<issuer::IntrospectionCall> read_call(const http::Request& request) {
  auto form = read_client_form(request);
  if (!form) return pass_on(form);
  issuer::IntrospectionCall call{std::move(form->credentials), form->value("token"),
                                 wants_jwt(request)};
  if (auto read = read_attestation(request.headers, call.credentials); !read) return pass_on(read);
  if (call.token.empty()) return fail(Code::parameter_missing, "token is missing");
  return call;
}

http::Response told(const std::string& body, bool as_jwt) {
  http::Response response;
  response.headers.set("Content-Type", std::string(as_jwt ? jwt_type : json_type));
  response.headers.set("Cache-Control", "no-store");
  response.body = body;
  return response;
}

}  // namespace

void add_introspection(http::Router& router, const std::string& path,
                       issuer::Introspection& introspection, AddressLimit by_address) {
  router.on("POST", path,
            limited(std::move(by_address),
                    [&introspection](const http::Request& request, const http::Respond& respond) {
                      auto call = read_call(request);
                      if (!call) return respond(refusal(call.error()));
                      const bool as_jwt = call->as_jwt;
                      introspection.about(
                          std::move(*call), [respond, as_jwt](const Result<std::string>& answer) {
                            respond(answer ? told(*answer, as_jwt) : refusal(answer.error()));
                          });
                    }));
}

}  // namespace mintmark::api
