#include "api/token.h"

#include <set>

#include "api/answers.h"
#include "api/credentials.h"

namespace mintmark::api {
namespace {

// RFC 7523 §2.2.
constexpr std::string_view jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

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

Result<void> read_parameter(issuer::TokenCall& call, const std::string& name,
                            const std::string& value) {
  if (name == "scope") {
    auto scopes = scopes_of(value);
    if (!scopes) return pass_on(scopes);
    call.wanted.scopes = std::move(*scopes);
  } else if (name == "resource") {
    call.wanted.audience = value;
  } else if (name == "client_id") {
    call.credentials.client_id = value;
  } else if (name == "client_assertion") {
    call.credentials.client_assertion = value;
  } else if (name == "client_assertion_type" && value != jwt_bearer) {
    return fail(Code::assertion_type_unknown,
                "client_assertion_type is " + std::string(jwt_bearer) + " here");
  } else if (name == "grant_type" && value != "client_credentials") {
    return fail(Code::grant_type_unsupported, "the grant type here is client_credentials");
  } else if (name == "client_secret") {
    return fail(
        Code::client_unauthenticated,
        "clients authenticate here with OAuth-Client-Attestation or client_assertion, never "
        "by a secret");
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
  std::set<std::string> given;
  for (const auto& [name, value] : *form) {
    if (!seen.insert(name).second)
      return fail(Code::parameter_repeated,
                  "parameter " + name + " stands twice (one token, one resource)");
    if (value.empty()) continue;  // RFC 6749 §3.2: as if it were left out.
    given.insert(name);
    if (auto read = read_parameter(call, name, value); !read) return read;
  }
  if (given.count("grant_type") == 0)
    return fail(Code::parameter_missing, "grant_type is missing; it is client_credentials");
  if (given.count("client_assertion") != given.count("client_assertion_type")) {
    return fail(Code::parameter_missing,
                "client_assertion and client_assertion_type go together; one is missing");
  }
  return {};
}

Json body_of(const issuer::IssuedToken& issued) {
  std::string scope;
  for (const std::string& word : issued.scopes) scope += (scope.empty() ? "" : " ") + word;
  return {{"access_token", issued.token},
          {"token_type", issued.token_type},
          {"expires_in", issued.expires_in.count()},
          {"scope", scope}};
}

}  // namespace

Result<issuer::TokenCall> read_token_call(const http::Request& request,
                                          const CertificateSource& certificates) {
  issuer::TokenCall call;
  issuer::Credentials& credentials = call.credentials;
  if (auto form = read_form(call, request); !form) return pass_on(form);
  if (auto read = read_attestation(request.headers, credentials); !read) return pass_on(read);
  const bool by_certificate = !credentials.client_attestation && !credentials.client_assertion;
  if (by_certificate) {
    auto shown = client_certificate(request, certificates);
    if (!shown) return pass_on(shown);
    credentials.client_certificate = std::move(*shown);
    if (!credentials.client_id && !credentials.client_certificate) {
      return fail(Code::client_unauthenticated,
                  "the client is not authenticated: send OAuth-Client-Attestation, or "
                  "client_assertion (private_key_jwt), with a DPoP proof");
    }
    if (request.headers.count("DPoP") == 0) return call;
  }
  auto proof = verify::one_proof(request.headers);
  if (!proof) return pass_on(proof);
  credentials.proof = *proof;
  return call;
}

void add_token(http::Router& router, const std::string& path, issuer::Issuer& issuer,
               CertificateSource certificates) {
  router.on("POST", path,
            [&issuer, certificates = std::move(certificates)](const http::Request& request,
                                                              const http::Respond& respond) {
              const auto answer = [&issuer, respond](const Result<issuer::IssuedToken>& issued) {
                http::Response response =
                    issued ? fresh_json(body_of(*issued)) : refusal(issued.error());
                const bool asks = !issued && asks_for_nonce(issued.error());
                if (asks || issuer.challenges_required())
                  add_nonce(response, issuer.nonces().fresh());
                respond(std::move(response));
              };
              auto call = read_token_call(request, certificates);
              if (!call) return answer(pass_on(call));
              issuer.mint(std::move(*call), answer);
            });
}

void add_challenge(http::Router& router, const std::string& path, issuer::Issuer& issuer) {
  router.on("POST", path,
            [&issuer](const http::Request& /*request*/, const http::Respond& respond) {
              const std::string nonce = issuer.nonces().fresh();
              http::Response response = fresh_json({{"attestation_challenge", nonce}});
              add_nonce(response, nonce);
              respond(std::move(response));
            });
}

}  // namespace mintmark::api
