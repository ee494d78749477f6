#include "http/message.h"

#include <algorithm>

#include "base/text.h"
#include "http/text.h"

namespace mintmark::http {

void Headers::set(std::string_view name, std::string value) {
  const auto named = [&](const auto& field) { return equal_without_case(field.first, name); };
  const auto first = std::find_if(fields_.begin(), fields_.end(), named);
  if (first == fields_.end()) {
    fields_.emplace_back(std::string(name), std::move(value));
    return;
  }
  first->second = std::move(value);
  fields_.erase(std::remove_if(first + 1, fields_.end(), named), fields_.end());
}

const std::string* Headers::find(std::string_view name) const {
  for (const auto& [own, value] : fields_) {
    if (equal_without_case(own, name)) return &value;
  }
  return nullptr;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(fields_.begin(), fields_.end(),
                    [&](const auto& field) { return equal_without_case(field.first, name); }));
}

Response json_response(unsigned status, std::string body) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

Response error_response(const Error& error) {
  const CodeFacts& facts = facts_of(error.code);
  std::string body = "{\"error\":";
  append_json_string(body, facts.oauth_error.empty() ? facts.name : facts.oauth_error);
  body += ",\"error_description\":";
  append_json_string(body, error.detail);
  body += ",\"code\":";
  append_json_string(body, facts.name);
  body += '}';
  Response response = json_response(facts.http_status, std::move(body));
  response.headers.add("Cache-Control", "no-store");
  response.cause = error;
  return response;
}

}  // namespace mintmark::http
