#include "gate/original.h"

#include "http/text.h"

namespace mintmark::gate {
namespace {

struct Names {
  const char* method;
  const char* scheme;
  const char* host;
  const char* uri;
};
constexpr Names nginx_names{"X-Original-Method", "X-Original-Scheme", "X-Original-Host",
                            "X-Original-URI"};
constexpr Names forwarded_names{"X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host",
                                "X-Forwarded-Uri"};

tl::unexpected<Error> missing(std::string_view name) {
  return fail(Code::gate_header_missing,
              "the proxy sent no " + std::string(name) +
                  "; it must be set up as docs/gate.md has it for this listener's dialect");
}

Result<std::string_view> required(const http::Headers& headers, const char* name) {
  auto value = only_value(headers, name, Code::gate_header_repeated);
  if (value && value->empty()) return missing(name);
  return value;
}

Result<Original> in_headers(const http::Headers& headers, const Names& names) {
  Original original;
  const std::pair<const char*, std::string_view*> all[] = {{names.method, &original.method},
                                                           {names.scheme, &original.scheme},
                                                           {names.host, &original.host},
                                                           {names.uri, &original.uri}};
  for (const auto& [name, place] : all) {
    auto value = required(headers, name);
    if (!value) return pass_on(value);
    *place = *value;
  }
  return original;
}

Result<Original> in_the_request_itself(const http::Request& check, std::string_view path_prefix) {
  std::string_view uri = check.target;
  if (!uri.starts_with(path_prefix)) {
    return fail(Code::gate_header_missing,
                "the check request's path does not begin with the configured path_prefix");
  }
  uri.remove_prefix(path_prefix.size());
  auto host = required(check.headers, "Host");
  if (!host) return pass_on(host);
  auto scheme = required(check.headers, "X-Forwarded-Proto");
  if (!scheme) return pass_on(scheme);
  return Original{check.method, *scheme, *host, uri};
}

}  // namespace

Result<std::string_view> only_value(const http::Headers& headers, std::string_view name,
                                    Code repeated) {
  const std::string* value = headers.find(name);
  if (value == nullptr) return std::string_view();
  if (headers.count(name) > 1)
    return fail(repeated, "the header " + std::string(name) + " came more than once");
  return std::string_view(*value);
}

Result<Original> read_original(const http::Request& check, Dialect dialect,
                               std::string_view path_prefix) {
  auto original =
      dialect == Dialect::envoy
          ? in_the_request_itself(check, path_prefix)
          : in_headers(check.headers, dialect == Dialect::nginx ? nginx_names : forwarded_names);
  if (!original) return original;
  if (!http::is_token(original->method))
    return fail(Code::gate_header_malformed, "the original request's method is none");
  if (original->scheme != "https" && original->scheme != "http")
    return fail(Code::gate_header_malformed, "the original request's scheme is not https or http");
  return original;
}

}  // namespace mintmark::gate
