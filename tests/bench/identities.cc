#include "identities.h"

#include <stdexcept>

#include "attest/tpm2/binding.h"
#include "http/client.h"
#include "jose/base64url.h"

namespace mintmark::bench {
namespace {

constexpr std::chrono::seconds patience{30};

Json post(http::Client& client, const std::string& url, const Json& body,
          const std::string& proof) {
  http::Headers headers;
  headers.add("Content-Type", "application/json");
  if (!proof.empty()) headers.add("DPoP", proof);
  const auto response = client.send("POST", url, headers, body.dump(), Deadline::in(patience));
  if (!response) throw std::runtime_error(response.error().to_string());
  if (response->status != 200) throw std::runtime_error(url + ": " + response->body);
  return Json::parse(response->body);
}

Json begin_of(const test::TestTpm& tpm) {
  const auto presented = tpm.presented();
  return {{"ek_certificate", jose::base64url(presented.ek_certificate)},
          {"ak_public", jose::base64url(presented.ak_public)},
          {"device_public", jose::base64url(presented.device_public)}};
}

Device enrol_one(http::Client& client, const test::TestAuthority& authority,
                 const std::string& issuer) {
  const test::TestTpm tpm(authority);
  Json body = begin_of(tpm);
  const Json begun = post(client, issuer + "/attest/tpm2/begin", body, "");
  const std::string ticket = begun["ticket"];
  const attest::tpm2::PcrSelection asked{begun["pcr_bank"],
                                         begun["pcr_selection"].get<std::vector<unsigned>>()};
  const attest::tpm2::Challenge challenge{
      *jose::from_base64url(begun["credential_blob"].get<std::string>()),
      *jose::from_base64url(begun["encrypted_secret"].get<std::string>())};
  const auto answer = tpm.answer(
      challenge,
      attest::tpm2::binding_of(issuer, ticket, tpm.ek_spki(), tpm.ak_name(), tpm.device_name()),
      asked);
  Json pcrs = Json::object();
  for (const auto& [index, value] : answer.pcrs) pcrs[std::to_string(index)] = to_hex(value);
  body["ticket"] = ticket;
  body["activation_secret"] = jose::base64url(answer.activation_secret);
  body["certify"] = {{"attest", jose::base64url(answer.certify_attest)},
                     {"signature", jose::base64url(answer.certify_signature)}};
  body["quote"] = {{"attest", jose::base64url(answer.quote_attest)},
                   {"signature", jose::base64url(answer.quote_signature)},
                   {"pcrs", pcrs}};
  const std::string url = issuer + "/attest/tpm2/finish";
  const std::string proof =
      test::make_proof(tpm.device_key(), {.method = "POST", .url = url, .at = SystemClock().now()});
  return {tpm.device_key(), post(client, url, body, proof)["client_attestation"]};
}

}  // namespace

Json begin_of_an_enrolment(const test::TestAuthority& authority) {
  return begin_of(test::TestTpm(authority));
}

std::vector<Device> enrol(const test::TestAuthority& authority, const std::string& issuer,
                          const std::string& ca_file, std::size_t count) {
  http::Client client({.ca_file = ca_file, .unix_socket = ""});
  std::vector<Device> devices;
  for (std::size_t i = 0; i < count; ++i) devices.push_back(enrol_one(client, authority, issuer));
  return devices;
}

http::Headers token_request(const Device& device, const std::string& issuer) {
  http::Headers headers;
  headers.add("Content-Type", "application/x-www-form-urlencoded");
  headers.add("OAuth-Client-Attestation", device.attestation);
  headers.add("DPoP", test::make_proof(
                          device.key,
                          {.method = "POST", .url = issuer + "/token", .at = SystemClock().now()}));
  return headers;
}

}  // namespace mintmark::bench
