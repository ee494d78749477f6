#include "api/token_revocation.h"

#include "api/answers.h"
#include "api/client_form.h"

namespace mintmark::api {
namespace {

struct RevocationCall {
  issuer::Credentials credentials;
  std::string token;
};

Result<RevocationCall> read_call(const http::Request& request,
                                 const CertificateSource& certificates) {
  auto form = read_client_form(request);
  if (!form) return pass_on(form);
  RevocationCall call{std::move(form->credentials), form->value("token")};
  auto sender =
      read_sender(request, certificates, BesideAssertion::perhaps_proof, call.credentials);
  if (!sender) return pass_on(sender);
  if (call.token.empty()) return fail(Code::parameter_missing, "token is missing");
  return call;
}

// RFC 7009 §2.2: the body is of no interest.
http::Response done() {
  http::Response response;
  response.headers.set("Cache-Control", "no-store");
  return response;
}

}  // namespace

void add_token_revocation(http::Router& router, const std::string& path,
                          issuer::TokenRevocation& revocation, CertificateSource certificates,
                          AddressLimit by_address) {
  router.on(
      "POST", path,
      [&revocation, certificates = std::move(certificates), by_address = std::move(by_address)](
          const http::Request& request, const http::Respond& respond) {
        const auto answer = [&revocation, respond](const Result<void>& revoked) {
          http::Response response = revoked ? done() : refusal(revoked.error());
          auto& authentication = revocation.authentication();
          const bool asks = !revoked && asks_for_nonce(revoked.error());
          if (asks || authentication.options().challenges_required)
            add_nonce(response, authentication.nonces().fresh());
          respond(std::move(response));
        };
        if (auto free = by_address.take(request); !free) return answer(free);
        const auto call = read_call(request, certificates);
        if (!call) return answer(tl::unexpected<Error>(call.error()));
        revocation.revoke(call->credentials, call->token, answer);
      });
}

}  // namespace mintmark::api
