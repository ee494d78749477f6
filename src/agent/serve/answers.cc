#include "agent/serve/answers.h"

#include <algorithm>

namespace mintmark::agent::serve {

http::Response answer(const Json& body) {
  http::Response response =
      http::json_response(200, body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  response.headers.add("Cache-Control", "no-store");
  return response;
}

http::Response refusal(const Error& error) {
  http::Response response = http::error_response(error);
  if (response.status == 503)
    response.headers.set("Retry-After", std::to_string(std::max(1U, error.retry_after)));
  return response;
}

http::Response no_token(const Error& error) {
  http::Response response = refusal(error);
  const bool passes = error.action() == Action::retry_later || response.status == 503;
  response.status = passes ? 503 : 502;
  if (passes) response.headers.set("Retry-After", std::to_string(std::max(1U, error.retry_after)));
  return response;
}

}  // namespace mintmark::agent::serve
