#include "agent/issuer_client.h"

#include <algorithm>
#include <array>

#include "agent/answers.h"
#include "http/text.h"
#include "http/url.h"
#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::agent {
namespace {

// RFC 9449 §8.1; attestation-based-client-auth-10 §8: one value, under either name.
constexpr std::array nonce_headers{"DPoP-Nonce", "OAuth-Client-Attestation-Challenge"};

Json to_json(const Presented& presented) {
  Json json = {{"ak_public", jose::base64url(presented.ak_public)},
               {"device_public", jose::base64url(presented.device_public)}};
  if (presented.ak_certificate.empty()) {
    json["ek_certificate"] = jose::base64url(presented.ek_certificate);
    return json;
  }
  json["ak_certificate"] = jose::base64url(presented.ak_certificate);
  for (const Bytes& certificate : presented.ak_chain)
    json["ak_chain"].push_back(jose::base64url(certificate));
  return json;
}

Json to_json(const hsm::tpm2::Statement& statement) {
  return {{"attest", jose::base64url(statement.attest)},
          {"signature", jose::base64url(statement.signature)}};
}

Json to_json(const hsm::tpm2::Quote& quote) {
  Json json = to_json(quote.statement);
  Json pcrs = Json::object();
  for (const auto& [index, value] : quote.pcrs) pcrs[std::to_string(index)] = to_hex(value);
  json["pcrs"] = std::move(pcrs);
  return json;
}

// RFC 8414 §3.1: the well-known part stands between host and path.
std::string metadata_url(const http::Url& issuer) {
  return issuer.origin() + "/.well-known/oauth-authorization-server" +
         (issuer.target == "/" ? "" : issuer.target);
}

std::string url_of(const std::string& issuer, std::string_view format, const char* step) {
  return issuer + "/attest/" + std::string(format) + "/" + step;
}

// Names that we do not know are of logs that we do not have.
LogsWanted logs_in(const Json& challenge, jose::Members& members) {
  LogsWanted wanted;
  const auto found = challenge.find("logs");
  if (found == challenge.end()) return wanted;
  if (!found->is_array()) {
    members.refuse("logs", "an array of names");
    return wanted;
  }
  wanted.event_log = std::find(found->begin(), found->end(), "eventlog") != found->end();
  wanted.ima_log = std::find(found->begin(), found->end(), "ima") != found->end();
  return wanted;
}

std::size_t longest_body_in(const Json& challenge, jose::Members& members) {
  const auto found = challenge.find("longest_body");
  if (found == challenge.end()) return Challenge{}.longest_body;
  if (found->is_number_unsigned()) return found->get<std::size_t>();
  members.refuse("longest_body", "a number of octets");
  return 0;
}

Json finish_body(const Presented& presented, const ChallengeAnswer& answer) {
  Json body = to_json(presented);
  body["ticket"] = answer.ticket;
  if (answer.activation_secret)
    body["activation_secret"] = jose::base64url(answer.activation_secret->view());
  body["certify"] = to_json(answer.certify);
  body["quote"] = to_json(answer.quote);
  if (answer.logs.event_log) body["event_log"] = jose::base64url(*answer.logs.event_log);
  if (answer.logs.ima_log) body["ima_log"] = jose::base64url(*answer.logs.ima_log);
  return body;
}

// An endpoint elsewhere would get our credentials. "" where the metadata does not name it.
Result<std::string> endpoint_in(const Json& metadata, const char* name, const http::Url& issuer) {
  const auto found = metadata.find(name);
  if (found == metadata.end()) return std::string();
  const std::string text = found->is_string() ? found->get<std::string>() : "";
  const auto url = http::parse_url(text);
  if (!url || url->origin() != issuer.origin()) {
    return fail(Code::issuer_metadata_invalid,
                std::string("the metadata's ") + name + " is no URL at the issuer's own origin");
  }
  return text;
}

Result<TokenAnswer> token_in(const http::Response& response, const char* type) {
  const auto body = object_in(response);
  if (!body) return tl::unexpected<Error>(body.error());
  jose::Members members = members_of_answer(*body);
  // RFC 9449 §5: any other type would be a token that a thief can use; but for one that is bound to
  // the certificate it was asked for with (RFC 8705 §3).
  if (!http::equal_without_case(members.visible("token_type"), type))
    members.refuse("token_type", type);
  TokenAnswer answer{.token = members.visible("access_token"),
                     .scope = members.has("scope") ? members.text("scope") : "",
                     .expires_in = members.seconds("expires_in")};
  if (auto read = members.result(); !read) return pass_on(read);
  return answer;
}

// RFC 9782 §4; whatever else is no result that could be passed on.
Result<std::string> result_in(const http::Response& response) {
  constexpr std::string_view type = "application/eat+jwt";
  if (response.status != 200) {
    const auto refused = object_in(response);
    return tl::unexpected<Error>(refused.error());
  }
  const std::string* given = response.headers.find("Content-Type");
  const auto jws = jose::UnverifiedJws::parse(response.body);
  if (given == nullptr || !given->starts_with(type) || !jws || jws->typ() != "eat+jwt")
    return fail(Code::issuer_answer_invalid, "the issuer's answer is no " + std::string(type));
  return response.body;
}

}  // namespace

ClientCredential ClientCredential::attestation(const std::string& client_attestation) {
  ClientCredential credential;
  credential.headers.add("OAuth-Client-Attestation", client_attestation);
  return credential;
}

ClientCredential ClientCredential::certificate(const std::string& client_id) {
  ClientCredential credential;
  credential.fields = {{"client_id", client_id}};
  return credential;
}

ClientCredential ClientCredential::assertion(const std::string& client_assertion) {
  return {{},
          {{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
           {"client_assertion", client_assertion}}};
}

Result<IssuerClient> IssuerClient::at(std::string issuer, Transport& transport) {
  const auto url = http::parse_url(issuer);
  if (!url) return fail(Code::issuer_not_https, "the issuer's URL: " + url.error().detail);
  if (url->scheme != "https" || url->target.find('?') != std::string::npos) {
    return fail(Code::issuer_not_https,
                "the issuer is an https URL without a query, not \"" + issuer + "\"");
  }
  while (issuer.ends_with('/')) issuer.pop_back();
  return IssuerClient(std::move(issuer), transport);
}

std::string IssuerClient::finish_url(std::string_view format) const {
  return url_of(issuer_, format, "finish");
}

Result<Endpoints> IssuerClient::endpoints() {
  const auto own = http::parse_url(issuer_);
  if (!own) return fail(Code::issuer_not_https, own.error().detail);
  const auto response = transport_->send("GET", metadata_url(*own), {}, "");
  if (!response) return tl::unexpected<Error>(response.error());
  const auto metadata = object_in(*response);
  if (!metadata) return tl::unexpected<Error>(metadata.error());

  // RFC 8414 §3.3: another issuer's metadata must not be used, or its endpoint would get our
  // credentials.
  const auto issuer = metadata->find("issuer");
  if (issuer == metadata->end() || *issuer != issuer_) {
    const std::string named =
        issuer != metadata->end() && issuer->is_string() ? issuer->get<std::string>() : "nobody";
    return fail(Code::issuer_metadata_invalid,
                "the metadata at " + issuer_ + " is that of " + named.substr(0, 200));
  }
  auto token = endpoint_in(*metadata, "token_endpoint", *own);
  if (!token) return pass_on(token);
  if (token->empty())
    return fail(Code::issuer_metadata_invalid, "the metadata names no token endpoint");
  auto challenge = endpoint_in(*metadata, "challenge_endpoint", *own);
  if (!challenge) return pass_on(challenge);
  auto revocation = endpoint_in(*metadata, "revocation_endpoint", *own);
  if (!revocation) return pass_on(revocation);
  return Endpoints{std::move(*token), std::move(*challenge), std::move(*revocation)};
}

Result<Json> IssuerClient::post_json(const std::string& url, http::Headers headers,
                                     const Json& body) {
  headers.add("Content-Type", "application/json");
  const auto response = transport_->send("POST", url, headers, body.dump());
  if (!response) return tl::unexpected<Error>(response.error());
  return object_in(*response);
}

Result<Challenge> IssuerClient::begin(const Presented& presented) {
  const auto body = post_json(url_of(issuer_, tpm2_format, "begin"), {}, to_json(presented));
  if (!body) return tl::unexpected<Error>(body.error());
  jose::Members members = members_of_answer(*body);
  Challenge challenge{.ticket = members.visible("ticket"),
                      .credential_blob = {},
                      .encrypted_secret = {},
                      .pcr_bank = members.visible("pcr_bank"),
                      .pcr_selection = indexes_in(*body, "pcr_selection", members),
                      .logs = logs_in(*body, members),
                      .longest_body = longest_body_in(*body, members)};
  if (presented.ak_certificate.empty()) {
    challenge.credential_blob = members.octets("credential_blob");
    challenge.encrypted_secret = members.octets("encrypted_secret");
  }
  if (auto read = members.result(); !read) return pass_on(read);
  return challenge;
}

std::size_t IssuerClient::finish_octets(const Presented& presented, const ChallengeAnswer& answer) {
  return finish_body(presented, answer).dump().size();
}

Result<Admission> IssuerClient::admitted(std::string_view format, const Json& body,
                                         const std::string& proof) {
  http::Headers headers;
  headers.add("DPoP", proof);
  const auto answer = post_json(finish_url(format), std::move(headers), body);
  if (!answer) return tl::unexpected<Error>(answer.error());
  jose::Members members = members_of_answer(*answer);
  Admission admission{.client_id = members.visible("client_id"),
                      .client_attestation = members.visible("client_attestation"),
                      .expires_in = members.seconds("expires_in")};
  if (auto read = members.result(); !read) return pass_on(read);
  return admission;
}

Result<Admission> IssuerClient::finish(const Presented& presented, const ChallengeAnswer& answer,
                                       const std::string& proof) {
  return admitted(tpm2_format, finish_body(presented, answer), proof);
}

Result<Admission> IssuerClient::finish(std::string_view format, const jose::PublicKey& key,
                                       const std::string& ticket, const Json& evidence,
                                       const std::string& proof) {
  return admitted(format, {{"jwk", key.to_jwk()}, {"ticket", ticket}, {"evidence", evidence}},
                  proof);
}

Result<std::string> IssuerClient::begin(std::string_view format, const jose::PublicKey& key) {
  const auto body = post_json(url_of(issuer_, format, "begin"), {}, {{"jwk", key.to_jwk()}});
  if (!body) return tl::unexpected<Error>(body.error());
  jose::Members members = members_of_answer(*body);
  std::string ticket = members.visible("ticket");
  if (auto read = members.result(); !read) return pass_on(read);
  return ticket;
}

Result<std::string> IssuerClient::finish_key(const jose::PublicKey& key, const std::string& ticket,
                                             const Secret& code, const std::string& proof) {
  http::Headers headers;
  headers.add("DPoP", proof);
  const auto body =
      post_json(finish_url(key_format), std::move(headers),
                {{"jwk", key.to_jwk()}, {"ticket", ticket}, {"code", as_text(code.view())}});
  if (!body) return tl::unexpected<Error>(body.error());
  jose::Members members = members_of_answer(*body);
  std::string client_id = members.visible("client_id");
  if (auto read = members.result(); !read) return pass_on(read);
  return client_id;
}

Result<std::string> IssuerClient::challenge(const std::string& endpoint) {
  const auto response = transport_->send("POST", endpoint, {}, "");
  if (!response) return tl::unexpected<Error>(response.error());
  const auto body = object_in(*response);
  if (!body) return tl::unexpected<Error>(body.error());
  jose::Members members = members_of_answer(*body);
  std::string value = members.visible("attestation_challenge");
  if (auto read = members.result(); !read) return pass_on(read);
  return value;
}

TokenReply IssuerClient::token(const std::string& endpoint, const TokenRequest& request,
                               const ClientCredential& credential, const std::string& proof) {
  http::FormFields form = {{"grant_type", "client_credentials"}};
  if (!request.scope.empty()) form.emplace_back("scope", request.scope);
  if (!request.audience.empty()) form.emplace_back("resource", request.audience);
  form.insert(form.end(), credential.fields.begin(), credential.fields.end());
  http::Headers headers = credential.headers;
  headers.add("Content-Type", "application/x-www-form-urlencoded");
  if (!proof.empty()) headers.add("DPoP", proof);
  const auto response = transport_->send("POST", endpoint, headers, http::encode_form(form));
  if (!response) return {tl::unexpected<Error>(response.error()), ""};
  return {token_in(*response, proof.empty() ? "Bearer" : "DPoP"),
          nonce_in(response->headers, nonce_headers)};
}

RevocationReply IssuerClient::revoke(const std::string& endpoint, const std::string& token,
                                     const ClientCredential& credential, const std::string& proof) {
  http::FormFields form = {{"token", token}};
  form.insert(form.end(), credential.fields.begin(), credential.fields.end());
  http::Headers headers = credential.headers;
  headers.add("Content-Type", "application/x-www-form-urlencoded");
  headers.add("DPoP", proof);
  const auto response = transport_->send("POST", endpoint, headers, http::encode_form(form));
  if (!response) return {tl::unexpected<Error>(response.error()), ""};
  std::string nonce = nonce_in(response->headers, nonce_headers);
  if (response->status == 200) return {{}, std::move(nonce)};  // RFC 7009 §2.2: without a body.
  const auto refused = object_in(*response);
  return {tl::unexpected<Error>(refused.error()), std::move(nonce)};
}

std::string IssuerClient::result_url(const std::string& client_id) const {
  return issuer_ + "/devices/" + client_id + "/result";
}

ResultReply IssuerClient::result(const std::string& url, const std::string& nonce,
                                 const ClientCredential& credential, const std::string& proof) {
  http::Headers headers = credential.headers;
  headers.add("DPoP", proof);
  const std::string query = nonce.empty() ? "" : "?" + http::encode_form({{"nonce", nonce}});
  const auto response = transport_->send("GET", url + query, headers, "");
  if (!response) return {tl::unexpected<Error>(response.error()), ""};
  return {result_in(*response), nonce_in(response->headers, nonce_headers)};
}

}  // namespace mintmark::agent
