#include "fake_issuer.h"

#include <stdexcept>

#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::agent {
namespace {

class FakeTransport final : public Transport {
 public:
  explicit FakeTransport(FakeIssuer& issuer) : issuer_(issuer) {}
  Result<http::Response> send(const std::string& method, const std::string& url,
                              const http::Headers& headers, const std::string& body) override {
    return issuer_.answer({method, url, headers, body});
  }

 private:
  FakeIssuer& issuer_;
};

}  // namespace

FakeIssuer::FakeIssuer()
    : challenge({{"ticket", "the-ticket"},
                 {"credential_blob", jose::base64url(as_bytes("blob"))},
                 {"encrypted_secret", jose::base64url(as_bytes("sealed"))},
                 {"pcr_bank", "sha256"},
                 {"pcr_selection", {0, 7}},
                 {"expires_in", 60}}),
      admission({{"client_id", "device-1"},
                 {"client_attestation", "the.client.attestation"},
                 {"expires_in", 3600}}),
      token({{"access_token", "token"}, {"token_type", "DPoP"}, {"expires_in", 300}}) {}

Result<http::Response> FakeIssuer::answer(const SeenRequest& request) {
  seen.push_back(request);
  if (transport_error) return tl::unexpected<Error>(*transport_error);
  if (auto& queue = instead[request.url]; !queue.empty()) {
    http::Response response = queue.front();
    queue.pop_front();
    return response;
  }
  if (request.url.find("/.well-known/oauth-authorization-server") != std::string::npos) {
    Json metadata = {{"issuer", issuer}, {"token_endpoint", token_endpoint}};
    if (!challenge_endpoint.empty()) metadata["challenge_endpoint"] = challenge_endpoint;
    return http::json_response(200, metadata.dump());
  }
  if (request.url == issuer + "/attest/tpm2/begin")
    return http::json_response(200, challenge.dump());
  if (request.url == issuer + "/attest/tpm2/finish")
    return http::json_response(200, admission.dump());
  if (request.url == issuer + "/attest/key/begin") {
    return http::json_response(200, Json{{"ticket", challenge["ticket"]}}.dump());
  }
  if (request.url == issuer + "/attest/key/finish") {
    return http::json_response(200, Json{{"client_id", admission["client_id"]}}.dump());
  }
  if (request.url == issuer + "/attest/x509/begin") {
    return http::json_response(200, Json{{"ticket", challenge["ticket"]}}.dump());
  }
  if (request.url == issuer + "/attest/x509/finish")
    return http::json_response(200, admission.dump());
  if (!challenge_endpoint.empty() && request.url == challenge_endpoint) {
    return http::json_response(200, R"({"attestation_challenge":"first-challenge"})");
  }
  if (request.url == token_endpoint) {
    Json answer = token;
    if (answer.contains("access_token"))
      answer["access_token"] = "token" + std::to_string(++tokens_);
    http::Response response = http::json_response(200, answer.dump());
    if (!next_nonce.empty()) response.headers.add("DPoP-Nonce", next_nonce);
    return response;
  }
  return http::Response{200, {}, "a service's answer"};
}

void FakeIssuer::refuse_next(const std::string& url, Code code) {
  instead[url].push_back(http::error_response(Error{code, "no", 0}));
}

void FakeIssuer::refuse_next(const std::string& url, Code code, const std::string& nonce) {
  refuse_next(url, code);
  http::Headers& headers = instead[url].back().headers;
  headers.add(facts_of(code).oauth_error == "use_attestation_challenge"
                  ? "OAuth-Client-Attestation-Challenge"
                  : "DPoP-Nonce",
              nonce);
}

std::vector<SeenRequest> FakeIssuer::seen_at(const std::string& url) const {
  std::vector<SeenRequest> requests;
  for (const SeenRequest& request : seen) {
    if (request.url == url) requests.push_back(request);
  }
  return requests;
}

ReadProof read_proof(const std::string& proof) {
  auto jws = jose::UnverifiedJws::parse(proof);
  if (!jws) throw std::runtime_error(jws.error().to_string());
  const auto key = jose::PublicKey::from_jwk(jws->header().at("jwk"));
  if (!key) throw std::runtime_error(key.error().to_string());
  const auto verified = std::move(*jws).verify(*key);
  if (!verified) throw std::runtime_error(verified.error().to_string());
  return {verified->header(), verified->claims(), key->thumbprint()};
}

Agent Bench::agent() {
  return {state(),
          {.open_device =
               [this](const std::string& /*tcti*/) -> Result<std::unique_ptr<hsm::tpm2::Device>> {
             ++tpm.opened;
             if (tpm.open_error) return tl::unexpected<Error>(*tpm.open_error);
             return std::make_unique<FakeDevice>(tpm);
           },
           .open_transport =
               [this](const std::string& ca_file) {
                 last_ca_file = ca_file;
                 return std::make_unique<FakeTransport>(issuer);
               },
           .clock = clock,
           .boot_id = [this] { return boot_id; },
           .say = [this](const std::string& line) { said.push_back(line); },
           .open_element = [this](const std::string& uri, const std::string& pin_memory)
               -> Result<std::unique_ptr<hsm::pkcs11::SecureElement>> {
             ++element->opened;
             element->last_uri = uri;
             element->last_pin_memory = pin_memory;
             if (element->open_error) return tl::unexpected<Error>(*element->open_error);
             return std::make_unique<FakeElement>(*element);
           },
           .open_transport_as =
               [this](const std::string& ca_file,
                      std::shared_ptr<const http::ClientIdentity> identity) {
                 last_ca_file = ca_file;
                 shown = std::move(identity);
                 return std::make_unique<FakeTransport>(issuer);
               }}};
}

Identity Bench::enroll(const LogFiles& logs) {
  auto enrolment = agent().enroll(
      {.issuer = issuer.issuer, .ca_file = "", .way = ByTpm{"a-tpm", std::nullopt, logs, {}}});
  if (!enrolment) throw std::runtime_error(enrolment.error().to_string());
  return std::get<Identity>(*enrolment);
}

Result<Enrolment> Bench::enroll_by_code(const std::string& code) {
  return agent().enroll(
      {.issuer = issuer.issuer, .ca_file = "", .way = ByCode{Secret(std::string_view(code))}});
}

}  // namespace mintmark::agent
