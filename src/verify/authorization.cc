#include "verify/authorization.h"

#include <algorithm>

#include "http/text.h"

namespace mintmark::verify {
namespace {

// RFC 9110 §11.2: letters, digits and "-._~+/", then perhaps "=".
bool is_token68(std::string_view text) {
  const auto end = text.find_last_not_of('=');
  if (end == std::string_view::npos) return false;
  text = text.substr(0, end + 1);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return http::is_alphanumeric(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
}

}  // namespace

Result<Authorization> read_authorization(const http::Headers& headers) {
  const std::string* value = headers.find("Authorization");
  if (value == nullptr) {
    return fail(Code::token_missing,
                "the request has no access token; it comes as \"Authorization: DPoP TOKEN\"");
  }
  if (headers.count("Authorization") > 1)
    return fail(Code::authorization_repeated, "the request has more than one Authorization header");
  const std::string_view text = *value;
  const auto space = text.find(' ');
  const auto scheme = text.substr(0, space);
  const bool dpop = http::equal_without_case(scheme, "DPoP");
  if (!dpop && !http::equal_without_case(scheme, "Bearer")) {
    return fail(Code::token_missing,
                "the Authorization header is of another scheme than DPoP and Bearer");
  }
  const auto token = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  if (!is_token68(token)) {
    return fail(Code::authorization_malformed,
                "the Authorization header must be the scheme, one space and the token");
  }
  return Authorization{dpop ? Scheme::dpop : Scheme::bearer, token};
}

}  // namespace mintmark::verify
