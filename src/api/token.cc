#include "api/token.h"

#include <set>

#include "api/answers.h"

namespace mintmark::api {
namespace {

// RFC 6749 §3.3: scope-tokens with one space between.
Result<std::vector<std::string>> scopes_of(const std::string& text) {
  std::vector<std::string> scopes;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(' ', start), text.size());
    const std::string scope = text.substr(start, end - start);
    const bool valid = !scope.empty() && std::all_of(scope.begin(), scope.end(), [](char c) {
      return c > 0x20 && c < 0x7F && c != '"' && c != '\\';
    });
    if (!valid)
      return fail(Code::scope_malformed, "scope is a list of words with one space between them");
    scopes.push_back(scope);
    start = end + 1;
  }
  return scopes;
}

Result<const std::string*> one_header(const http::Request& request, const char* name,
                                      Code missing) {
  const std::size_t count = request.headers.count(name);
  if (count == 0) return fail(missing, std::string("the request has no ") + name + " header");
  if (count > 1)
    return fail(Code::header_repeated,
                std::string("the request has more than one ") + name + " header");
  return request.headers.find(name);
}

Result<void> read_parameter(issuer::TokenCall& call, const std::string& name,
                            const std::string& value) {
  if (name == "scope") {
    auto scopes = scopes_of(value);
    if (!scopes) return pass_on(scopes);
    call.wanted.scopes = std::move(*scopes);
  } else if (name == "resource") {
    if (value.empty())
      return fail(Code::policy_audience,
                  "resource names the service the token is for, as an absolute URI");
    call.wanted.audience = value;
  } else if (name == "client_id") {
    call.client_id = value;
  } else if (name == "grant_type" && value != "client_credentials") {
    return fail(Code::grant_type_unsupported, "the grant type here is client_credentials");
  } else if (name == "client_assertion" || name == "client_secret") {
    return fail(Code::client_unauthenticated,
                "clients authenticate here with OAuth-Client-Attestation and DPoP headers alone");
  }
  return {};  // RFC 6749 §3.2: parameters not known are ignored.
}

Result<void> read_form(issuer::TokenCall& call, const http::Request& request) {
  if (media_type(request) != "application/x-www-form-urlencoded") {
    return fail(Code::content_type_wrong, "a token request is application/x-www-form-urlencoded");
  }
  const auto form = http::parse_form(request.body);
  if (!form) return fail(Code::http_malformed, "the form's percent encoding is wrong");
  std::set<std::string> seen;
  for (const auto& [name, value] : *form) {
    if (!seen.insert(name).second)
      return fail(Code::parameter_repeated,
                  "parameter " + name + " stands twice (one token, one resource)");
    if (auto read = read_parameter(call, name, value); !read) return read;
  }
  if (seen.count("grant_type") == 0)
    return fail(Code::parameter_missing, "grant_type is missing; it is client_credentials");
  return {};
}

Json body_of(const issuer::IssuedToken& issued) {
  std::string scope;
  for (const std::string& word : issued.scopes) scope += (scope.empty() ? "" : " ") + word;
  return {{"access_token", issued.token},
          {"token_type", "DPoP"},
          {"expires_in", issued.expires_in.count()},
          {"scope", scope}};
}

}  // namespace

Result<issuer::TokenCall> read_token_call(const http::Request& request) {
  issuer::TokenCall call;
  if (auto form = read_form(call, request); !form) return pass_on(form);
  if (request.headers.count("Authorization") != 0) {
    return fail(Code::client_unauthenticated,
                "clients authenticate here with OAuth-Client-Attestation and DPoP headers, not "
                "Authorization");
  }
  // Draft attestation-based-client-auth-10 §7.3: in the combined mode there is no PoP header and
  // precisely one DPoP header.
  if (request.headers.count("OAuth-Client-Attestation-PoP") != 0) {
    return fail(Code::attestation_pop_unsupported,
                "OAuth-Client-Attestation-PoP is not taken here; the DPoP proof by the same key "
                "stands for it");
  }
  auto attestation = one_header(request, "OAuth-Client-Attestation", Code::client_unauthenticated);
  if (!attestation) return pass_on(attestation);
  auto proof = verify::one_proof(request.headers);
  if (!proof) return pass_on(proof);
  call.client_attestation = **attestation;
  call.proof = *proof;
  return call;
}

void add_token(http::Router& router, const std::string& path, issuer::Issuer& issuer) {
  router.on("POST", path, [&issuer](const http::Request& request, const http::Respond& respond) {
    const auto call = read_token_call(request);
    if (!call) return respond(refusal(call.error()));
    issuer.mint(*call, [respond](const Result<issuer::IssuedToken>& issued) {
      respond(issued ? fresh_json(body_of(*issued)) : refusal(issued.error()));
    });
  });
}

}  // namespace mintmark::api
