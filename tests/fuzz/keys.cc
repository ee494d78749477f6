// Any octets as a JWK, as a SubjectPublicKeyInfo, as a signature in DER and as an issuer's set of
// keys: refused with a code, or a sound public key that is written again to the same.
#include "jose/key.h"
#include "target.h"
#include "verify/key_set.h"

namespace mintmark::fuzz {
namespace {

using jose::Algorithm;
using jose::PublicKey;

void look_at_key(const PublicKey& key) {
  const Json jwk = key.to_jwk();
  for (const char* secret : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
    require(!jwk.contains(secret));
  require(key.thumbprint().size() == 43);
  const auto again = PublicKey::from_jwk(jwk);
  require(again && *again == key && again->to_jwk() == jwk);
  const Bytes spki = key.to_spki();
  const auto decoded = PublicKey::from_spki(spki, key.algorithm());
  require(decoded && *decoded == key && decoded->to_spki() == spki);
  Json secret = jwk;
  secret["d"] = "AQ";
  const auto refused = PublicKey::from_jwk(secret);
  require(!refused && refused.error().code == Code::jwk_private);
  // Nobody signed this.
  require(!key.verify(as_bytes("anything"), Bytes(64, 0)));
  require(!key.verify(as_bytes("anything"), Bytes(64, 1)));
  if (!key.to_point().empty()) {
    const auto of_point = PublicKey::from_point(key.algorithm(), key.to_point());
    require(of_point && *of_point == key);
  }
}

void take_jwk(const Json& jwk) {
  const auto key = PublicKey::from_jwk(jwk);
  if (key) {
    look_at_key(*key);
  } else {
    require_told(key.error());
  }
  // For EC and OKP the header's alg means nothing; an RSA key takes it where it says none itself.
  for (const Algorithm algorithm : {Algorithm::ps256, Algorithm::rs256, Algorithm::es384}) {
    const auto used = PublicKey::from_jwk(jwk, algorithm);
    require(!key || (used && *used == *key));
    require(key || !used || used->algorithm() == algorithm);
  }
}

void take_signature(BytesView octets) {
  for (const Algorithm algorithm : {Algorithm::es256, Algorithm::es384}) {
    const std::size_t length = algorithm == Algorithm::es256 ? 64 : 96;
    if (const auto raw = jose::signature_from_der(algorithm, octets)) {
      require(raw->size() == length);
      const auto der = jose::signature_to_der(algorithm, *raw);
      require(der && std::equal(der->begin(), der->end(), octets.begin(), octets.end()));
    }
    const auto der = jose::signature_to_der(algorithm, octets);
    require(!der || octets.size() == length);
    if (!der) continue;
    const auto raw = jose::signature_from_der(algorithm, *der);
    require(raw && std::equal(raw->begin(), raw->end(), octets.begin(), octets.end()));
  }
}

void run_jwk(BytesView octets) {
  if (const auto jwk = parse_json(as_text(octets))) take_jwk(*jwk);
  for (const Algorithm algorithm : {Algorithm::es256, Algorithm::ps256}) {
    const auto key = PublicKey::from_spki(octets, algorithm);
    if (!key) require_told(key.error());
    if (key) look_at_key(*key);
  }
  if (const auto point = PublicKey::from_point(Algorithm::es256, octets)) look_at_key(*point);
  if (const auto point = PublicKey::from_ed25519(octets)) look_at_key(*point);
  take_signature(octets);
}

void run_jwk_set(BytesView octets) {
  const std::string_view text = as_text(octets);
  for (const char* purpose : {"access_token", "client_attestation", "status_list", "event"}) {
    const auto keys = verify::KeySet::parse(text, purpose);
    require(keys || keys.error().code == Code::keys_malformed);
    if (!keys) {
      require_told(keys.error());
      continue;
    }
    const auto kids = keys->kids();
    require(kids.size() == keys->size() && std::is_sorted(kids.begin(), kids.end()));
    for (const std::string& kid : kids) {
      require(keys->find(kid) != nullptr);
      look_at_key(*keys->find(kid));
      require(text.find("mintmark_purpose") != std::string_view::npos);
    }
    require(keys->find("a kid that nobody has") == nullptr);
  }
}

bool is_key(BytesView seed) {
  return seed.size() <= 8192 && (seed[0] == 0x30 || as_text(seed).find("kty") != std::string::npos);
}

const Registered key_targets{
    {"jwk", &run_jwk, {"jose", "dpop", "jwt_attacks", "wycheproof"}, &is_key},
    {"jwk_set", &run_jwk_set, {"jose", "jwt_attacks", "wycheproof"}, &is_key}};

}  // namespace
}  // namespace mintmark::fuzz
