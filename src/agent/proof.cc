#include "agent/proof.h"

#include <algorithm>

#include "http/text.h"
#include "http/url.h"
#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::agent {
namespace {

constexpr std::size_t jti_octets = 16;
constexpr std::size_t longest_nonce = 512;
constexpr std::size_t longest_method = 32;
constexpr std::chrono::seconds assertion_life{60};

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::agent_proof_request_malformed, what);
}

std::string new_jti() { return jose::base64url(random_bytes(jti_octets)); }

Result<std::string> signed_by(DeviceKey& key, const Json& header, const Json& claims) {
  const std::string input = jose::signing_input(header, claims);
  const auto signature = key.sign(as_bytes(input));
  if (!signature) return tl::unexpected<Error>(signature.error());
  return jose::compact(input, *signature);
}

// RFC 9449 §4.2: the target URI without query and fragment.
Result<std::string> htu_of(const std::string& text) {
  const auto url = http::parse_url(text.substr(0, text.find('#')));
  if (!url) return malformed("the URL: " + url.error().detail);
  return url->origin() + url->target.substr(0, url->target.find('?'));
}

std::string_view without_root_dot(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool is_token_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// RFC 9449 §8.1: 1*NQCHAR.
bool is_nonce_text(std::string_view text) {
  return text.size() <= longest_nonce && std::all_of(text.begin(), text.end(), [](char c) {
           return c > 0x20 && c < 0x7F && c != '"' && c != '\\';
         });
}

}  // namespace

bool is_same_place(const http::Url& left, const http::Url& right) {
  return without_root_dot(left.host) == without_root_dot(right.host) && left.port == right.port;
}

bool is_on_this_machine(const http::Url& url) {
  return url.host == "localhost" || url.host == "127.0.0.1" || url.host == "::1";
}

Result<std::string> make_proof(DeviceKey& key, const ProofContent& content, Moment now) {
  const auto htu = htu_of(content.url);
  if (!htu) return tl::unexpected<Error>(htu.error());
  const Json header = {{"typ", "dpop+jwt"},
                       {"alg", jose::name_of(key.public_key().algorithm())},
                       {"jwk", key.public_key().to_jwk()}};
  Json claims = {{"jti", new_jti()}, {"htm", content.method}, {"htu", *htu}, {"iat", to_unix(now)}};
  if (!content.access_token.empty()) claims["ath"] = jose::base64url(sha256(content.access_token));
  if (!content.nonce.empty()) claims["nonce"] = content.nonce;
  return signed_by(key, header, claims);
}

Result<std::string> make_assertion(DeviceKey& key, const std::string& client_id,
                                   const std::string& issuer, Moment now,
                                   const std::string& vouched_jkt) {
  const Json header = {{"typ", "client-authentication+jwt"},
                       {"alg", jose::name_of(key.public_key().algorithm())}};
  Json claims = {{"iss", client_id}, {"sub", client_id},    {"aud", issuer},
                 {"jti", new_jti()}, {"iat", to_unix(now)}, {"exp", to_unix(now + assertion_life)}};
  if (!vouched_jkt.empty()) claims["cnf"] = {{"jkt", vouched_jkt}};
  return signed_by(key, header, claims);
}

Result<void> check_provable(const ProofContent& content, const std::string& issuer) {
  if (content.access_token.empty()) {
    return fail(Code::agent_proof_without_token,
                "a proof is made for an access token and names its hash; none was given");
  }
  if (!is_token_text(content.access_token))
    return malformed("the access token has characters that no token has");
  if (!http::is_token(content.method) || content.method.size() > longest_method)
    return malformed("the method is none");
  if (!is_nonce_text(content.nonce))
    return malformed("the nonce is longer than a service's, or has characters that none has");
  const auto url = http::parse_url(content.url);
  if (!url) return malformed("the URL: " + url.error().detail);
  if (url->scheme != "https" && !is_on_this_machine(*url))
    return malformed("the URL must be https, but on this machine itself");
  const auto own = http::parse_url(issuer);
  if (!own || is_same_place(*url, *own)) {
    return fail(Code::agent_proof_for_issuer,
                "no proof is made for the issuer (" + issuer +
                    "): it would let its bearer act as this device there");
  }
  return {};
}

}  // namespace mintmark::agent
