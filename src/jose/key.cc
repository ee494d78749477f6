#include "jose/key.h"

#include <openssl/x509.h>

#include <algorithm>

#include "jose/base64url.h"
#include "jose/key_parts.h"

namespace mintmark::jose {
namespace {

constexpr std::array<std::string_view, all_algorithms.size()> names{"ES256", "ES384", "RS256",
                                                                    "PS256", "Ed25519"};

Result<void> refuse_private(const Json& jwk) {
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    if (jwk.contains(name))
      return fail(Code::jwk_private, std::string("the JWK has the private member ") + name);
  }
  return {};
}

// RFC 7517 §4.2 and §4.3: what a key says it is for binds us, where it says so.
Result<void> refuse_other_use(const Json& jwk) {
  if (jwk.contains("use") && jwk["use"] != "sig") {
    return fail(Code::jwk_unsupported, "the JWK's use is not sig");
  }
  const auto operations = jwk.find("key_ops");
  if (operations == jwk.end()) return {};
  if (operations->is_array() &&
      std::find(operations->begin(), operations->end(), "verify") != operations->end())
    return {};
  return fail(Code::jwk_unsupported, "the JWK's key_ops do not have verify");
}

Parts parts_of(const Json& jwk, std::optional<Algorithm> used_with) {
  if (!jwk.is_object()) return fail(Code::jwk_malformed, "a JWK is a JSON object");
  if (auto clean = refuse_private(jwk); !clean) return pass_on(clean);
  if (auto fits = refuse_other_use(jwk); !fits) return pass_on(fits);
  const std::string kty = text_of(jwk, "kty");
  if (kty == "EC") return ec_from_jwk(jwk);
  if (kty == "RSA") return rsa_from_jwk(jwk, used_with);
  if (kty == "OKP") return okp_from_jwk(jwk);
  return fail(Code::jwk_unsupported, "the JWK's kty is none of EC, RSA and OKP");
}

}  // namespace

KeyParts::KeyParts(Algorithm of, std::string canonical_jwk)
    : algorithm(of), thumbprint(base64url(sha256(canonical_jwk))) {}

std::string text_of(const Json& jwk, const char* name) {
  const auto found = jwk.find(name);
  return found != jwk.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<Bytes> octets_of(const Json& jwk, const char* name) {
  const auto found = jwk.find(name);
  if (found == jwk.end() || !found->is_string())
    return fail(Code::jwk_malformed, std::string("the JWK has no ") + name);
  auto octets = from_base64url(found->get_ref<const std::string&>());
  if (!octets)
    return fail(Code::jwk_malformed, std::string("the JWK's ") + name + " is not base64url");
  return octets;
}

Result<void> refuse_other_alg(const Json& jwk, Algorithm algorithm) {
  const auto alg = jwk.find("alg");
  if (alg == jwk.end()) return {};
  if (alg->is_string()) {
    const auto named =
        algorithm_named(alg->get_ref<const std::string&>(), AlgorithmNames::polymorphic_too);
    if (named && *named == algorithm) return {};
  }
  return fail(Code::jwk_unsupported, "the JWK's alg is not " + std::string(name_of(algorithm)));
}

Bytes spki_of(EVP_PKEY* key) {
  std::uint8_t* der = nullptr;
  const int length = i2d_PUBKEY(key, &der);
  if (length <= 0) return {};
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

std::string_view name_of(Algorithm algorithm) {
  return names.at(static_cast<std::size_t>(algorithm));
}

const std::string& all_algorithm_names() {
  static const std::string text = [] {
    std::string joined(names.front());
    for (std::size_t i = 1; i < names.size(); ++i)
      joined.append(i + 1 < names.size() ? ", " : " and ").append(names.at(i));
    return joined;
  }();
  return text;
}

Result<Algorithm> algorithm_named(std::string_view name, AlgorithmNames taken) {
  if (name == "EdDSA" && taken == AlgorithmNames::polymorphic_too) return Algorithm::ed25519;
  for (const Algorithm algorithm : all_algorithms) {
    if (name_of(algorithm) == name) return algorithm;
  }
  return fail(Code::jws_alg_refused, "the algorithm \"" + printable(name, 20) +
                                         "\" is not taken; " + all_algorithm_names() + " are");
}

Result<PublicKey> PublicKey::of(Parts parts) {
  if (!parts) return pass_on(parts);
  return PublicKey(std::move(*parts));
}

Result<PublicKey> PublicKey::from_jwk(const Json& jwk, std::optional<Algorithm> used_with) {
  return of(parts_of(jwk, used_with));
}

Result<PublicKey> PublicKey::from_spki(BytesView der, std::optional<Algorithm> used_with) {
  const std::uint8_t* at = der.data();
  const OwnedBy<EVP_PKEY> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != der.data() + der.size())
    return fail(Code::jwk_malformed, "not a SubjectPublicKeyInfo");
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_EC:
      return of(ec_from_pkey(key.get()));
    case EVP_PKEY_RSA:
      return of(rsa_from_pkey(key.get(), used_with));
    case EVP_PKEY_ED25519:
      return of(okp_from_pkey(key.get()));
    default:
      return fail(Code::jwk_unsupported, "the key is none of EC, RSA and Ed25519");
  }
}

Result<PublicKey> PublicKey::from_point(Algorithm algorithm, BytesView point) {
  return of(ec_from_point(algorithm, point));
}

Result<PublicKey> PublicKey::from_rsa(BytesView modulus, BytesView exponent, Algorithm algorithm) {
  return of(rsa_from_numbers(modulus, exponent, algorithm));
}

Result<PublicKey> PublicKey::from_ed25519(BytesView point) { return of(okp_from_octets(point)); }

Algorithm PublicKey::algorithm() const { return parts_->algorithm; }
Json PublicKey::to_jwk() const { return parts_->jwk(); }
Bytes PublicKey::to_point() const { return parts_->point(); }
Bytes PublicKey::to_spki() const { return parts_->spki(); }
const std::string& PublicKey::thumbprint() const { return parts_->thumbprint; }

bool PublicKey::verify(BytesView signed_octets, BytesView signature) const {
  return parts_->verify(signed_octets, signature);
}

}  // namespace mintmark::jose
