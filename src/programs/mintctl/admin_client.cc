#include "programs/mintctl/admin_client.h"

#include "jose/base64url.h"

namespace mintmark::programs {
namespace {

constexpr JsonLimits whole_limits{.octets = 40U << 20U, .depth = 16, .elements = 4'000'000};
constexpr JsonLimits answer_limits{.octets = 4U << 20U, .depth = 16, .elements = 1'000'000};

}  // namespace

AdminClient::AdminClient(const std::string& socket)
    : client_({.ca_file = "", .unix_socket = socket}) {}

Result<Json> AdminClient::get(const std::string& path) {
  return send("GET", path, {}, "", usual_patience);
}

Result<std::string> AdminClient::get_parts(const std::string& path) {
  std::string whole;
  std::size_t parts = 1;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto answer = get(path + "?part=" + std::to_string(part));
    if (!answer) return tl::unexpected<Error>(answer.error());
    const auto content = jose::from_base64url(answer->value("content", ""));
    if (!content) return tl::unexpected<Error>(content.error());
    whole += as_text(*content);
    parts = answer->value("parts", std::size_t{0});
    if (whole.size() > whole_limits.octets)
      return fail(Code::http_answer_too_large, "mintd's answer is longer than any boot record");
  }
  return whole;
}

Result<Json> AdminClient::get_whole(const std::string& path) {
  const auto text = get_parts(path);
  if (!text) return tl::unexpected<Error>(text.error());
  auto answer = parse_json(*text, whole_limits);
  if (answer && answer->is_object()) return answer;
  return fail(Code::http_malformed, "mintd's answer changed between its parts; ask again");
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
