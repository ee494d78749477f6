#include "api/client_form.h"

#include <set>

#include "api/answers.h"
#include "base/bytes.h"

namespace mintmark::api {
namespace {

// RFC 7523 §2.2.
constexpr std::string_view jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

Result<void> read_parameter(ClientForm& form, const std::string& name, const std::string& value) {
  if (name == "client_id") {
    form.credentials.client_id = value;
  } else if (name == "client_assertion") {
    form.credentials.client_assertion = value;
  } else if (name == "client_assertion_type" && value != jwt_bearer) {
    return fail(Code::assertion_type_unknown,
                "client_assertion_type is " + std::string(jwt_bearer) + " here");
  } else if (name == "client_secret") {
    return fail(
        Code::client_unauthenticated,
        "clients authenticate here with OAuth-Client-Attestation or client_assertion, never "
        "by a secret");
  } else {
    form.parameters[name] = value;
  }
  return {};
}

}  // namespace

std::string ClientForm::value(std::string_view name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

Result<ClientForm> read_client_form(const http::Request& request) {
  if (media_type(request) != "application/x-www-form-urlencoded") {
    return fail(Code::content_type_wrong, "this request is application/x-www-form-urlencoded");
  }
  const auto fields = http::parse_form(request.body);
  if (!fields) return fail(Code::http_malformed, "the form's percent encoding is wrong");
  ClientForm form;
  std::set<std::string> seen;
  for (const auto& [name, value] : *fields) {
    if (!seen.insert(name).second)
      return fail(Code::parameter_repeated,
                  "parameter " + printable(name) + " stands twice (one token, one resource)");
    if (value.empty()) continue;  // RFC 6749 §3.2: as if it were left out.
    if (auto read = read_parameter(form, name, value); !read) return pass_on(read);
  }
  const bool typed = !form.value("client_assertion_type").empty();
  if (form.credentials.client_assertion.has_value() == typed) return form;
  return fail(Code::parameter_missing,
              "client_assertion and client_assertion_type go together; one is missing");
}

Result<void> read_sender(const http::Request& request, const CertificateSource& certificates,
                         BesideAssertion beside, issuer::Credentials& credentials) {
  if (auto read = read_attestation(request.headers, credentials); !read) return read;
  bool alone = credentials.client_assertion && !credentials.client_attestation &&
               beside == BesideAssertion::perhaps_proof;
  if (!credentials.client_attestation && !credentials.client_assertion) {
    auto shown = client_certificate(request, certificates);
    if (!shown) return pass_on(shown);
    credentials.client_certificate = std::move(*shown);
    if (!credentials.client_id && !credentials.client_certificate) {
      return fail(Code::client_unauthenticated,
                  "the client is not authenticated: send OAuth-Client-Attestation, or "
                  "client_assertion (private_key_jwt), with a DPoP proof");
    }
    alone = true;
  }
  if (alone && request.headers.count("DPoP") == 0) return {};
  const auto proof = verify::one_proof(request.headers);
  if (!proof) return tl::unexpected<Error>(proof.error());
  credentials.proof = *proof;
  return {};
}

}  // namespace mintmark::api
