#include "api/introspection.h"

#include "api/answers.h"
#include "api/client_form.h"
#include "http/text.h"

namespace mintmark::api {
namespace {

constexpr std::string_view jwt_type = "application/token-introspection+jwt";

// RFC 9701 §4: who wants a JWT names it. How much more he likes it is of no interest (RFC 9110
// §12.5.1): whoever cannot read one does not.
bool wants_jwt(const http::Request& request) {
  const std::string* accept = request.headers.find("Accept");
  std::string_view rest = accept == nullptr ? std::string_view() : *accept;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(','), rest.size());
    std::string_view range = rest.substr(0, std::min(rest.find(';'), end));
    while (!range.empty() && range.front() == ' ') range.remove_prefix(1);
    while (!range.empty() && range.back() == ' ') range.remove_suffix(1);
    if (http::equal_without_case(range, jwt_type)) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
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
  response.headers.set("Content-Type", as_jwt ? std::string(jwt_type) : "application/json");
  response.headers.set("Cache-Control", "no-store");
  response.body = body;
  return response;
}

}  // namespace

void add_introspection(http::Router& router, const std::string& path,
                       issuer::Introspection& introspection) {
  router.on(
      "POST", path, [&introspection](const http::Request& request, const http::Respond& respond) {
        auto call = read_call(request);
        if (!call) return respond(refusal(call.error()));
        const bool as_jwt = call->as_jwt;
        introspection.about(std::move(*call), [respond, as_jwt](const Result<std::string>& answer) {
          respond(answer ? told(*answer, as_jwt) : refusal(answer.error()));
        });
      });
}

}  // namespace mintmark::api
