#include "gate/answers.h"

#include <array>

#include "base/time.h"
#include "jose/key.h"

namespace mintmark::gate {
namespace {

constexpr std::array<std::string_view, 9> names{
    "Mintmark-Subject",        "Mintmark-Client-Id", "Mintmark-Scope",
    "Mintmark-Audience",       "Mintmark-Token-Id",  "Mintmark-Expires",
    "Mintmark-Key-Protection", "Mintmark-Binding",   "Mintmark-Attestation-Format"};

constexpr std::string_view hex = "0123456789ABCDEF";

void append_encoded(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c > 0x20 && c < 0x7F && c != '%') {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += {'%', hex[octet >> 4U], hex[octet & 15U]};
  }
}

std::string encoded(std::string_view text) {
  if (text.empty()) return "-";
  if (text == "-") return "%2D";
  std::string out;
  out.reserve(text.size());
  append_encoded(out, text);
  return out;
}

std::string encoded(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    append_encoded(out, word);
  }
  return out.empty() ? "-" : out;
}

std::string_view binding_of(const VerifiedToken& token) {
  if (token.certificate_thumbprint().empty()) return "dpop";
  return token.jkt().empty() ? "mtls" : "dpop+mtls";
}

// RFC 9110 §5.6.4, and nothing that RFC 6750 §3 does not allow in a description.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) out += c < 0x20 || c > 0x7E ? '?' : c == '"' || c == '\\' ? '\'' : c;
  out += '"';
}

void append_parameter(std::string& out, std::string_view name, std::string_view value) {
  out += out.find(' ') == std::string::npos ? " " : ", ";
  out += name;
  out += '=';
  append_quoted(out, value);
}

std::string scopes_of(const Demand& demand) {
  std::string all;
  for (const std::string& scope : demand.scopes) all += (all.empty() ? "" : " ") + scope;
  return all;
}

// What a proof may be signed with, as `algs` has it (RFC 9449 §7.1).
const std::string& proof_algorithms() {
  static const std::string all = [] {
    std::string text;
    for (const auto algorithm : jose::all_algorithms)
      text.append(text.empty() ? "" : " ").append(jose::name_of(algorithm));
    return text;
  }();
  return all;
}

std::string www_authenticate(const Error& error, const Challenge& challenge) {
  std::string text = challenge.scheme == Scheme::dpop ? "DPoP" : "Bearer";
  const bool named = error.code != Code::token_missing;
  if (named) {
    append_parameter(text, "error", facts_of(error.code).oauth_error);
    append_parameter(text, "error_description", error.detail);
  }
  const bool scope = challenge.demand != nullptr && !challenge.demand->scopes.empty();
  if (scope && error.code == Code::gate_scope)
    append_parameter(text, "scope", scopes_of(*challenge.demand));
  if (challenge.scheme == Scheme::dpop) append_parameter(text, "algs", proof_algorithms());
  // RFC 9110 §11.2: a challenge is a scheme with at least something behind it.
  if (text == "Bearer") text += " realm=\"mintmark\"";
  return text;
}

}  // namespace

std::span<const std::string_view> identity_headers() { return names; }

http::Response granted(const VerifiedToken& token) {
  const std::array<std::string, names.size()> values{encoded(token.subject()),
                                                     encoded(token.client_id()),
                                                     encoded(token.scopes()),
                                                     encoded(token.audiences()),
                                                     encoded(token.token_id()),
                                                     std::to_string(to_unix(token.expires_at())),
                                                     encoded(token.key_protection()),
                                                     std::string(binding_of(token)),
                                                     encoded(token.attestation_format())};
  http::Response response;
  for (std::size_t i = 0; i < names.size(); ++i)
    response.headers.add(std::string(names.at(i)), values.at(i));
  response.headers.add("Cache-Control", "no-store");
  return response;
}

unsigned status_of(Code code) {
  const CodeFacts& facts = facts_of(code);
  // At the issuer a proof is part of the request; here it is what the caller shows of himself.
  if (facts.oauth_error == "invalid_dpop_proof") return 401;
  return facts.http_status >= 500 ? 503 : facts.http_status;
}

http::Response refused(const Error& error, const Challenge& challenge) {
  http::Response response = http::error_response(error);
  response.status = status_of(error.code);
  response.headers.add("Mintmark-Refusal", std::string(facts_of(error.code).name));
  if (response.status == 503) response.headers.add("Retry-After", "1");
  if (response.status == 401 || error.code == Code::gate_scope)
    response.headers.add("WWW-Authenticate", www_authenticate(error, challenge));
  if (!challenge.nonce.empty()) response.headers.add("DPoP-Nonce", challenge.nonce);
  return response;
}

}  // namespace mintmark::gate
