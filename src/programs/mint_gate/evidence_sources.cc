#include "programs/mint_gate/evidence_sources.h"

#include "base/file.h"
#include "jose/base64url.h"
#include "verify/https_key_source.h"
#include "verify/refusal.h"

namespace mintmark::programs {
namespace {

constexpr std::size_t longest_evidence = 4U << 20U;
constexpr JsonLimits evidence_limits{.octets = longest_evidence, .depth = 16, .elements = 100'000};
constexpr std::chrono::seconds patience{15};

tl::unexpected<Error> unavailable(const std::string& what) {
  return fail(Code::evidence_unavailable, what);
}

/// The issuer's error where it is one; one of the way there where it is none.
tl::unexpected<Error> refusal_in(const std::string& url, const http::Response& response) {
  const auto body = parse_json(response.body);
  const bool object = body && body->is_object();
  const auto text = [&](const char* name) {
    return object && body->contains(name) && (*body)[name].is_string()
               ? (*body)[name].get<std::string>()
               : std::string();
  };
  const Code code = code_named(text("code"));
  if (code == Code::internal)
    return unavailable(url + " answered " + std::to_string(response.status));
  return fail(code, "the issuer refuses: " + printable(text("error_description"), 200));
}

}  // namespace

IssuerAsked::IssuerAsked(std::string issuer, const std::string& ca_file)
    : issuer_(std::move(issuer)),
      ca_file_(ca_file),
      client_({.ca_file = ca_file, .answer_octets = longest_evidence}) {}

Result<std::vector<attest::evidence::Row>> IssuerAsked::rows() {
  verify::HttpsKeySource source(issuer_, ca_file_);
  const auto keys = source.fetch();
  if (!keys) return fail(code_named(name_of(keys.error().refusal)), keys.error().detail);
  const auto jwks = parse_json(keys->jwks, evidence_limits);
  if (!jwks) return fail(Code::keys_malformed, "the published keys: " + jwks.error().detail);
  const auto document = get_evidence();
  if (!document) return tl::unexpected<Error>(document.error());
  const auto rows = attest::evidence::rows_in(*document, issuer_);
  if (!rows) return tl::unexpected<Error>(rows.error());
  return attest::evidence::rows_of_published(*jwks, *rows);
}

Result<Json> IssuerAsked::get_evidence() {
  const std::string url = issuer_ + "/.well-known/key-evidence";
  http::Headers headers;
  headers.add("Accept", "application/json");
  const auto response = client_.send("GET", url, headers, "", Deadline::in(patience));
  if (!response) return unavailable(url + ": " + response.error().to_string());
  if (response->status != 200)
    return unavailable(url + " answered " + std::to_string(response->status));
  auto document = parse_json(response->body, evidence_limits);
  if (!document)
    return fail(Code::evidence_document_malformed, "the evidence: " + document.error().detail);
  return document;
}

Result<Bytes> IssuerAsked::activate(const std::string& kid, std::uint32_t ek_nv_index,
                                    const attest::tpm2::Challenge& sealed) {
  const std::string url = issuer_ + "/key-evidence/activate";
  const Json body = {{"kid", kid},
                     {"ek_nv_index", ek_nv_index},
                     {"credential_blob", jose::base64url(sealed.credential_blob)},
                     {"encrypted_secret", jose::base64url(sealed.encrypted_secret)}};
  http::Headers headers;
  headers.add("Content-Type", "application/json");
  const auto response = client_.send("POST", url, headers, body.dump(), Deadline::in(patience));
  if (!response) return unavailable(url + ": " + response.error().to_string());
  if (response->status != 200) return refusal_in(url, *response);
  const auto answer = parse_json(response->body);
  if (!answer || !answer->is_object() || !answer->contains("secret") ||
      !(*answer)["secret"].is_string())
    return unavailable(url + " answered something else than a secret");
  return jose::from_base64url((*answer)["secret"].get_ref<const std::string&>());
}

Result<std::vector<attest::evidence::Row>> rows_of_file(const std::string& file,
                                                        const std::string& issuer) {
  const auto text = read_file(file, longest_evidence);
  if (!text) return fail(Code::invalid_argument, "--evidence: " + text.error().detail);
  const auto document = parse_json(*text, evidence_limits);
  if (!document)
    return fail(Code::evidence_document_malformed, file + ": " + document.error().detail);
  return attest::evidence::rows_in(*document, issuer);
}

}  // namespace mintmark::programs
