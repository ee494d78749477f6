#include "jose/client_jwts.h"

#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::jose {
namespace {

constexpr std::size_t jti_octets = 16;
constexpr std::chrono::seconds assertion_life{60};

std::string new_jti() { return base64url(random_bytes(jti_octets)); }

Result<std::string> signed_by(SigningKey& key, const Json& header, const Json& claims) {
  const std::string input = signing_input(header, claims);
  const auto signature = key.sign(as_bytes(input));
  if (!signature) return tl::unexpected<Error>(signature.error());
  return compact(input, *signature);
}

}  // namespace

Result<std::string> sign_proof(SigningKey& key, const ProofClaims& said, Moment now) {
  const Json header = {{"typ", "dpop+jwt"},
                       {"alg", name_of(key.public_key().algorithm())},
                       {"jwk", key.public_key().to_jwk()}};
  Json claims = {{"jti", new_jti()}, {"htm", said.htm}, {"htu", said.htu}, {"iat", to_unix(now)}};
  if (!said.access_token.empty()) claims["ath"] = base64url(sha256(said.access_token));
  if (!said.nonce.empty()) claims["nonce"] = said.nonce;
  return signed_by(key, header, claims);
}

Result<std::string> make_assertion(SigningKey& key, const std::string& client_id,
                                   const std::string& issuer, Moment now,
                                   const std::string& vouched_jkt) {
  const Json header = {{"typ", "client-authentication+jwt"},
                       {"alg", name_of(key.public_key().algorithm())}};
  Json claims = {{"iss", client_id}, {"sub", client_id},    {"aud", issuer},
                 {"jti", new_jti()}, {"iat", to_unix(now)}, {"exp", to_unix(now + assertion_life)}};
  if (!vouched_jkt.empty()) claims["cnf"] = {{"jkt", vouched_jkt}};
  return signed_by(key, header, claims);
}

}  // namespace mintmark::jose
