#include "programs/mintctl/admin_client.h"

namespace mintmark::programs {
namespace {

constexpr JsonLimits answer_limits{.octets = 4U << 20U, .depth = 16, .elements = 1'000'000};

}  // namespace

AdminClient::AdminClient(const std::string& socket)
    : client_({.ca_file = "", .unix_socket = socket}) {}

Result<Json> AdminClient::get(const std::string& path) {
  return send("GET", path, {}, "", usual_patience);
}

Result<Json> AdminClient::post(const std::string& path, const Json& body,
                               std::chrono::seconds patience) {
  http::Headers headers;
  headers.add("Content-Type", "application/json");
  return send("POST", path, headers, body.dump(), patience);
}

Result<Json> AdminClient::send(const std::string& method, const std::string& path,
                               const http::Headers& headers, const std::string& body,
                               std::chrono::seconds patience) {
  auto response =
      client_.send(method, "http://mintd" + path, headers, body, Deadline::in(patience));
  if (!response) return pass_on(response);
  auto answer = parse_json(response->body, answer_limits);
  if (!answer || !answer->is_object())
    return fail(Code::http_malformed, "mintd's answer is no JSON object");
  if (response->status != 200) {
    return fail(code_named(answer->value("error", "internal")),
                answer->value("error_description", "status " + std::to_string(response->status)));
  }
  return answer;
}

}  // namespace mintmark::programs
