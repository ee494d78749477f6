// Any octets as a compact JWS and as what stands before its signature: refused with a code, or
// canonical in each segment; and by a key whose private half nobody has never verified.
#include "jose/jws.h"

#include "jose/base64url.h"
#include "jose/known_header.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

const jose::PublicKey& nobodys_key() {
  static const auto key =
      jose::PublicKey::from_jwk({{"kty", "EC"},
                                 {"crv", "P-256"},
                                 {"x", "G8fAud93NgCg8C_0bY1YqVZ5zNlkb-cNsGTQia7m0is"},
                                 {"y", "RK1gonvUKKQOCSHDwz3SiN9EijCqmXS4sDeRbc8RnL0"}});
  return *key;
}

std::vector<std::string_view> segments_in(std::string_view text) {
  std::vector<std::string_view> segments;
  for (std::size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    segments.push_back(text.substr(0, dot));
    text.remove_prefix(dot + 1);
  }
  segments.push_back(text);
  return segments;
}

void require_canonical(std::string_view segment) {
  const auto octets = jose::from_base64url(segment);
  require(octets && !octets->empty() && jose::base64url(*octets) == segment);
}

void look_at_claims(const Json& claims) {
  for (const char* name : {"exp", "iat", "nbf"}) {
    const auto time = jose::time_claim(claims, name);
    if (!time) require_told(time.error());
    require(!time || time->has_value() == claims.contains(name));
    if (time && *time) require(**time >= 0 && **time <= (std::int64_t{1} << 53));
  }
  for (const char* name : {"iss", "sub", "jti"}) {
    const auto text = jose::string_claim(claims, name);
    if (!text) require_told(text.error());
    require(!text || !*text || claims.at(name) == **text);
  }
}

void read_input(std::string_view input) {
  const auto parts = jose::parse_signing_input(input);
  if (!parts) return require_told(parts.error());
  require(parts->header.is_object() && parts->claims.is_object());
  look_at_claims(parts->claims);
  const auto segments = segments_in(input);
  require(segments.size() == 2);
  for (const std::string_view segment : segments) require_canonical(segment);
  const auto again = jose::parse_signing_input(jose::signing_input(parts->header, parts->claims),
                                               {.octets = 1U << 20U});
  require(again && again->header == parts->header && again->claims == parts->claims);
}

void run_jws(BytesView octets) {
  const std::string_view text = as_text(octets);
  read_input(text);
  read_input(text.substr(0, text.rfind('.')));
  auto jws = jose::UnverifiedJws::parse(text);
  if (!jws) return require_told(jws.error());
  const Json header = jws->header();
  require(header.is_object() && header.at("alg") == jws->alg());
  require(!header.contains("crit") && !header.contains("b64"));
  require(jws->typ().find("application/") == std::string::npos || jws->typ().size() > 12);
  const auto segments = segments_in(text);
  require(segments.size() == 3);
  for (const std::string_view segment : segments) require_canonical(segment);
  for (const char* behind : {".", "=", "\n", " ", ".AA", "A"}) {
    const auto longer = jose::UnverifiedJws::parse(std::string(text) + behind);
    require(!longer || *behind == 'A');
  }
  const auto verified = std::move(*jws).verify(nobodys_key());
  require(!verified);
  require_told(verified.error());
}

bool has_dots(BytesView seed) {
  const auto text = as_text(seed);
  return seed.size() <= 16384 && std::count(text.begin(), text.end(), '.') >= 1 &&
         text.find(' ') == std::string_view::npos;
}

const Registered jws_target{{"jws",
                             &run_jws,
                             {"jose", "jwt_attacks", "dpop", "oauth_misc", "wycheproof"},
                             &has_dots,
                             4000}};

}  // namespace
}  // namespace mintmark::fuzz
