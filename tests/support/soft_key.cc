#include "support/soft_key.h"

#include "jose/base64url.h"
#include "jose/jws.h"
#include "support/openssl_pair.h"

namespace mintmark::test {
namespace {

constexpr std::size_t jti_octets = 16;

}  // namespace

SoftKey::SoftKey(jose::Algorithm algorithm)
    : algorithm_(algorithm),
      pair_(make_openssl_pair(algorithm)),
      public_key_(public_half(pair_.get(), algorithm)) {}

Bytes SoftKey::sign_der(BytesView octets) const {
  return sign_by_openssl(pair_.get(), algorithm_, octets);
}

Bytes SoftKey::sign(BytesView octets) const { return sign_as_jws(pair_.get(), algorithm_, octets); }

std::string SoftKey::sign_jws(const Json& header, const Json& claims) const {
  const std::string input = jose::signing_input(header, claims);
  return jose::compact(input, sign(as_bytes(input)));
}

Json proof_header(const SoftKey& key) {
  return {{"typ", "dpop+jwt"},
          {"alg", jose::name_of(key.public_key().algorithm())},
          {"jwk", key.public_key().to_jwk()}};
}

Json proof_claims(const ProofContent& content) {
  Json claims = {{"jti", content.jti ? *content.jti : jose::base64url(random_bytes(jti_octets))},
                 {"htm", content.method},
                 {"htu", content.url},
                 {"iat", to_unix(content.at)}};
  if (content.access_token) claims["ath"] = jose::base64url(sha256(*content.access_token));
  if (content.nonce) claims["nonce"] = *content.nonce;
  return claims;
}

std::string make_proof(const SoftKey& key, const ProofContent& content) {
  return key.sign_jws(proof_header(key), proof_claims(content));
}

}  // namespace mintmark::test
