#include "agent/proof.h"

#include <algorithm>

#include "http/text.h"
#include "http/url.h"

namespace mintmark::agent {
namespace {

constexpr std::size_t longest_nonce = 512;
constexpr std::size_t longest_method = 32;

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::agent_proof_request_malformed, what);
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
  return jose::sign_proof(key, {content.method, *htu, content.access_token, content.nonce}, now);
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
