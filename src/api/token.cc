#include "api/token.h"

#include <algorithm>

#include "api/answers.h"
#include "api/client_form.h"

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

Result<void> read_wish(issuer::TokenCall& call, const ClientForm& form) {
  const std::string grant_type = form.value("grant_type");
  if (grant_type.empty())
    return fail(Code::parameter_missing, "grant_type is missing; it is client_credentials");
  if (grant_type != "client_credentials")
    return fail(Code::grant_type_unsupported, "the grant type here is client_credentials");
  call.wanted.audience = form.value("resource");
  const std::string scope = form.value("scope");
  if (scope.empty()) return {};
  auto scopes = scopes_of(scope);
  if (!scopes) return pass_on(scopes);
  call.wanted.scopes = std::move(*scopes);
  return {};  // RFC 6749 §3.2: parameters not known are ignored.
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
  auto form = read_client_form(request);
  if (!form) return pass_on(form);
  issuer::TokenCall call;
  call.credentials = std::move(form->credentials);
  if (auto wish = read_wish(call, *form); !wish) return pass_on(wish);
  auto sender = read_sender(request, certificates, BesideAssertion::proof, call.credentials);
  if (!sender) return pass_on(sender);
  return call;
}

void add_token(http::Router& router, const std::string& path, issuer::Issuer& issuer,
               CertificateSource certificates, TokenDoor door) {
  router.on("POST", path,
            [&issuer, certificates = std::move(certificates), door = std::move(door)](
                const http::Request& request, const http::Respond& respond) {
              const auto answer = [&issuer, respond](const Result<issuer::IssuedToken>& issued) {
                http::Response response =
                    issued ? fresh_json(body_of(*issued)) : refusal(issued.error());
                const bool asks = !issued && asks_for_nonce(issued.error());
                if (asks || issuer.challenges_required())
                  add_nonce(response, issuer.nonces().fresh());
                respond(std::move(response));
              };
              if (auto free = door.by_address.take(request); !free) return answer(pass_on(free));
              auto call = read_token_call(request, certificates);
              if (!call) return answer(pass_on(call));
              const bool service =
                  door.services != nullptr && door.services->is_for_service(call->credentials);
              if (service) return door.services->mint(std::move(*call), answer);
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
