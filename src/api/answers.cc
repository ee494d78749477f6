#include "api/answers.h"

#include <algorithm>
#include <cctype>

#include "jose/key.h"

namespace mintmark::api {
namespace {

// RFC 6749 §5.2: error_description holds only %x20-21 / %x23-5B / %x5D-7E.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, 400)) {
    if (c == '"')
      out += '\'';
    else if (c == '\\')
      out += '/';
    else
      out += c >= 0x20 && c <= 0x7E ? c : '?';
  }
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string oauth_error_of(const Error& error) {
  const CodeFacts& facts = facts_of(error.code);
  return std::string(facts.oauth_error.empty() ? facts.name : facts.oauth_error);
}

std::string description(const Error& error) {
  // What an operator must mend says nothing a stranger could use, and may tell too much of the
  // inside.
  if (error.action() == Action::page_operator)
    return "the issuer cannot answer this now; its operator has been told";
  return printable(error.detail);
}

}  // namespace

const std::vector<std::string>& client_algorithms() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const jose::Algorithm algorithm : jose::all_algorithms)
      all.emplace_back(jose::name_of(algorithm));
    all.emplace_back("EdDSA");
    return all;
  }();
  return names;
}

std::string challenge_of(const Error& error) {
  const std::string scheme = "DPoP algs=\"" + joined(client_algorithms()) + '"';
  if (error.code == Code::token_missing) return scheme;
  return scheme + ", error=\"" + oauth_error_of(error) + "\", error_description=\"" +
         description(error) + '"';
}

http::Response refusal(const Error& error, const Json& more) {
  const CodeFacts& facts = facts_of(error.code);
  const std::string oauth = oauth_error_of(error);
  Json body = {{"error", oauth}, {"error_description", description(error)}, {"code", facts.name}};
  body.update(more);
  http::Response response = http::json_response(facts.http_status, body.dump());
  response.headers.set("Cache-Control", "no-store");
  if (facts.http_status == 401) {
    // Clients' libraries show people what stands here, and leave the body unread (RFC 6750 §3).
    response.headers.set("WWW-Authenticate", challenge_of(error));
  }
  // With 429 only where somebody knows when (RFC 6585 §4).
  if (facts.http_status == 503 || (facts.http_status == 429 && error.retry_after > 0))
    response.headers.set("Retry-After", std::to_string(std::max(1U, error.retry_after)));
  response.cause = error;
  return response;
}

http::Response fresh_json(const Json& body) {
  http::Response response = http::json_response(200, body.dump());
  response.headers.set("Cache-Control", "no-store");
  return response;
}

std::string path_of(const std::string& issuer) {
  const auto slash = issuer.find('/', issuer.find("//") + 2);
  return slash == std::string::npos ? "" : issuer.substr(slash);
}

std::string media_type(const http::Request& request) {
  const std::string* value = request.headers.find("Content-Type");
  if (value == nullptr) return {};
  std::string type = value->substr(0, value->find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type;
}

}  // namespace mintmark::api
