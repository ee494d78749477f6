#include "agent/answers.h"

#include <algorithm>
#include <array>

#include "http/text.h"

namespace mintmark::agent {
namespace {

constexpr JsonLimits limits{.octets = 1U << 20U, .depth = 8, .elements = 4096};

// For people only; control characters of a stranger do not reach a terminal.
std::string printable(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  std::string text = found->get<std::string>().substr(0, 400);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < 0x20 || c >= 0x7F; }, '?');
  return text;
}

Code code_of(const Json& refusal, unsigned status) {
  const Code named = code_named(printable(refusal, "code"));
  if (named != Code::internal) return named;
  const std::string oauth = printable(refusal, "error");
  if (oauth == "use_fresh_attestation") return Code::evidence_stale;
  if (oauth == "use_dpop_nonce") return Code::dpop_nonce_required;
  if (oauth == "use_attestation_challenge") return Code::attestation_challenge_required;
  if (status >= 500 || status == 429) return Code::unavailable;
  // As a proxy before the issuer says it.
  if (status == 413) return Code::http_body_too_large;
  return Code::issuer_refused;
}

Error refusal_in(const http::Response& response) {
  auto body = parse_json(response.body, limits);
  const Json refusal = body && body->is_object() ? std::move(*body) : Json::object();
  std::string detail = "the issuer answers " + std::to_string(response.status);
  const std::string error = printable(refusal, "error");
  const std::string description = printable(refusal, "error_description");
  if (!error.empty()) detail += " " + error;
  if (!description.empty()) detail += ": " + description;
  return Error{code_of(refusal, response.status), std::move(detail), 0};
}

}  // namespace

Result<Json> object_in(const http::Response& response) {
  if (response.status != 200) return tl::unexpected<Error>(refusal_in(response));
  auto body = parse_json(response.body, limits);
  if (!body)
    return fail(Code::issuer_answer_invalid, "the issuer's answer: " + body.error().detail);
  if (!body->is_object())
    return fail(Code::issuer_answer_invalid, "the issuer's answer is no JSON object");
  return body;
}

std::string nonce_in(const http::Headers& headers, std::span<const char* const> names) {
  constexpr std::size_t longest = 512;
  for (const char* name : names) {
    const std::string* value = headers.find(name);
    const bool fit = value != nullptr && value->size() <= longest &&
                     std::all_of(value->begin(), value->end(), [](char c) {
                       return c > 0x20 && c < 0x7F && c != '"' && c != '\\';
                     });
    if (fit && !value->empty()) return *value;
  }
  return {};
}

jose::Members members_of_answer(const Json& object) {
  return jose::Members(object, Code::issuer_answer_invalid, "the issuer's answer: ");
}

Asked asked_by(const http::Response& response) {
  constexpr std::array services_nonce{"DPoP-Nonce"};
  if (response.status != 401) return Asked::nothing;
  Asked asked = Asked::nothing;
  for (const auto& [name, value] : response.headers.fields()) {
    if (!http::equal_without_case(name, "WWW-Authenticate")) continue;
    if (value.find("\"use_dpop_nonce\"") != std::string::npos &&
        !nonce_in(response.headers, services_nonce).empty())
      return Asked::nonce;
    if (value.find("\"invalid_token\"") != std::string::npos) asked = Asked::token;
  }
  return asked;
}

std::vector<unsigned> indexes_in(const Json& object, const char* name, jose::Members& members) {
  std::vector<unsigned> indexes;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) {
    members.refuse(name, "an array of PCR indexes");
    return indexes;
  }
  for (const Json& index : *found) {
    if (!index.is_number_unsigned() || index.get<std::uint64_t>() > 23) {
      members.refuse(name, "an array of PCR indexes");
      return {};
    }
    indexes.push_back(index.get<unsigned>());
  }
  return indexes;
}

}  // namespace mintmark::agent
