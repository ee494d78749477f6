#include "jose/key.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

#include "jose/base64url.h"

// An EC_KEY or EVP_PKEY kept for each key would be 2 KB (the group is copied into it) and an
// EVP_PKEY 15 us to make. So a key here is its point's octets, and each thread has one EC_KEY a
// curve that takes the point for a verification: 1 us beside the 46 of ECDSA itself. EC_KEY is
// deprecated; this is the one file that uses it (its CMakeLists sets OPENSSL_API_COMPAT).

namespace mintmark::jose {
namespace {

struct Curve {
  Algorithm algorithm;
  std::string_view name;
  std::string_view jwk_name;
  int nid;
  std::size_t field;  // Octets.
};

constexpr std::array curves = {Curve{Algorithm::es256, "ES256", "P-256", NID_X9_62_prime256v1, 32},
                               Curve{Algorithm::es384, "ES384", "P-384", NID_secp384r1, 48}};

const Curve& curve_of(Algorithm algorithm) {
  return curves.at(static_cast<std::size_t>(algorithm));
}

// One group a curve for the process: making one costs more than a verification.
const EC_GROUP* group_of(const Curve& curve) {
  static const std::array<EC_GROUP*, curves.size()> groups = {
      EC_GROUP_new_by_curve_name(curves[0].nid), EC_GROUP_new_by_curve_name(curves[1].nid)};
  return groups.at(static_cast<std::size_t>(curve.algorithm));
}

struct Free {
  void operator()(EC_KEY* key) const { EC_KEY_free(key); }
  void operator()(EC_POINT* point) const { EC_POINT_free(point); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// Null unless the point is on the curve: EC_POINT_oct2point proves it, and both curves have
// cofactor 1.
Owned<EC_POINT> parse_point(const Curve& curve, BytesView octets) {
  const EC_GROUP* group = group_of(curve);
  Owned<EC_POINT> point(EC_POINT_new(group));
  if (!point ||
      EC_POINT_oct2point(group, point.get(), octets.data(), octets.size(), nullptr) != 1 ||
      EC_POINT_is_at_infinity(group, point.get()) == 1) {
    return nullptr;
  }
  return point;
}

Owned<EC_KEY> empty_key(const Curve& curve) {
  Owned<EC_KEY> key(EC_KEY_new());
  if (!key || EC_KEY_set_group(key.get(), group_of(curve)) != 1) return nullptr;
  return key;
}

// This thread's EC_KEY with that point in it, until the next call; null where OpenSSL has no
// memory.
EC_KEY* key_with(const Curve& curve, BytesView octets) {
  thread_local std::array<Owned<EC_KEY>, curves.size()> keys;
  Owned<EC_KEY>& key = keys.at(static_cast<std::size_t>(curve.algorithm));
  if (!key) key = empty_key(curve);
  const Owned<EC_POINT> point = parse_point(curve, octets);
  if (!key || !point || EC_KEY_set_public_key(key.get(), point.get()) != 1) return nullptr;
  return key.get();
}

std::size_t digest_of(const Curve& curve, BytesView octets,
                      std::array<std::uint8_t, SHA384_DIGEST_LENGTH>& digest) {
  // The one-shot functions look the algorithm up at each call.
  if (curve.algorithm == Algorithm::es256) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, octets.data(), octets.size());
    SHA256_Final(digest.data(), &context);
    return SHA256_DIGEST_LENGTH;
  }
  SHA512_CTX context;
  SHA384_Init(&context);
  SHA384_Update(&context, octets.data(), octets.size());
  SHA384_Final(digest.data(), &context);
  return SHA384_DIGEST_LENGTH;
}

Owned<ECDSA_SIG> raw_to_sig(const Curve& curve, BytesView raw) {
  if (raw.size() != 2 * curve.field) return nullptr;
  const auto length = static_cast<int>(curve.field);
  Owned<BIGNUM> r(BN_bin2bn(raw.data(), length, nullptr));
  Owned<BIGNUM> s(BN_bin2bn(raw.data() + curve.field, length, nullptr));
  Owned<ECDSA_SIG> signature(ECDSA_SIG_new());
  if (!r || !s || !signature || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1)
    return nullptr;
  (void)r.release();
  (void)s.release();
  return signature;
}

Result<Bytes> coordinate(const Json& jwk, const char* name, const Curve& curve) {
  const auto found = jwk.find(name);
  if (found == jwk.end() || !found->is_string())
    return fail(Code::jwk_malformed, std::string("the JWK has no ") + name);
  auto octets = from_base64url(found->get_ref<const std::string&>());
  // RFC 7518 §6.2.1.2: the full length of a coordinate, leading zeros included.
  if (!octets || octets->size() != curve.field) {
    return fail(Code::jwk_malformed, std::string("the JWK's ") + name + " is not " +
                                         std::to_string(curve.field) + " octets of base64url");
  }
  return octets;
}

Result<void> refuse_private(const Json& jwk) {
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    if (jwk.contains(name))
      return fail(Code::jwk_private, std::string("the JWK has the private member ") + name);
  }
  return {};
}

// RFC 7517 §4.2 to §4.4: what a key says it is for binds us, where it says so.
Result<void> refuse_other_use(const Json& jwk, const Curve& curve) {
  if (jwk.contains("use") && jwk["use"] != "sig") {
    return fail(Code::jwk_unsupported, "the JWK's use is not sig");
  }
  if (jwk.contains("alg") && jwk["alg"] != curve.name) {
    return fail(Code::jwk_unsupported, "the JWK's alg is not " + std::string(curve.name));
  }
  const auto operations = jwk.find("key_ops");
  if (operations == jwk.end()) return {};
  if (operations->is_array() &&
      std::find(operations->begin(), operations->end(), "verify") != operations->end())
    return {};
  return fail(Code::jwk_unsupported, "the JWK's key_ops do not have verify");
}

std::string text_of(const Json& jwk, const char* name) {
  const auto found = jwk.find(name);
  return found != jwk.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

struct PublicKey::Parts {
  const Curve* curve = nullptr;
  Bytes point;  // 04 || X || Y, proven to be on the curve.
  std::string thumbprint;

  [[nodiscard]] std::string coordinate_text(std::size_t index) const {
    return base64url(BytesView(point).subspan(1 + index * curve->field, curve->field));
  }
};

std::string_view name_of(Algorithm algorithm) { return curve_of(algorithm).name; }

Result<Algorithm> algorithm_named(std::string_view name) {
  for (const Curve& curve : curves) {
    if (curve.name == name) return curve.algorithm;
  }
  return fail(Code::jws_alg_refused, "the algorithm \"" + std::string(name.substr(0, 20)) +
                                         "\" is not taken; ES256 and ES384 are");
}

Result<PublicKey> PublicKey::from_point(Algorithm algorithm, BytesView point) {
  const Curve& curve = curve_of(algorithm);
  if (point.size() != 1 + 2 * curve.field || point[0] != 0x04) {
    return fail(Code::jwk_malformed, "not an uncompressed point on " + std::string(curve.jwk_name));
  }
  if (!parse_point(curve, point)) {
    return fail(Code::key_off_curve, "the point is not on " + std::string(curve.jwk_name));
  }
  auto parts = std::make_shared<Parts>();
  parts->curve = &curve;
  parts->point = to_bytes(point);
  // RFC 7638 §3.2: the required members in lexicographic order, no white space.
  parts->thumbprint = base64url(sha256(R"({"crv":")" + std::string(curve.jwk_name) +
                                       R"(","kty":"EC","x":")" + parts->coordinate_text(0) +
                                       R"(","y":")" + parts->coordinate_text(1) + R"("})"));
  return PublicKey(std::move(parts));
}

Result<PublicKey> PublicKey::from_jwk(const Json& jwk) {
  if (!jwk.is_object()) return fail(Code::jwk_malformed, "a JWK is a JSON object");
  if (auto clean = refuse_private(jwk); !clean) return pass_on(clean);
  if (text_of(jwk, "kty") != "EC") return fail(Code::jwk_unsupported, "the JWK's kty is not EC");
  const std::string name = text_of(jwk, "crv");
  for (const Curve& curve : curves) {
    if (curve.jwk_name != name) continue;
    if (auto fits = refuse_other_use(jwk, curve); !fits) return pass_on(fits);
    auto x = coordinate(jwk, "x", curve);
    if (!x) return pass_on(x);
    auto y = coordinate(jwk, "y", curve);
    if (!y) return pass_on(y);
    Bytes point{0x04};
    point.insert(point.end(), x->begin(), x->end());
    point.insert(point.end(), y->begin(), y->end());
    return from_point(curve.algorithm, point);
  }
  return fail(Code::jwk_unsupported, "the JWK's crv is neither P-256 nor P-384");
}

Result<PublicKey> PublicKey::from_spki(BytesView der) {
  const std::uint8_t* at = der.data();
  const Owned<EVP_PKEY> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != der.data() + der.size())
    return fail(Code::jwk_malformed, "not a SubjectPublicKeyInfo");
  const EC_KEY* ec = EVP_PKEY_get0_EC_KEY(key.get());
  if (ec == nullptr) return fail(Code::jwk_unsupported, "the key is no EC key");
  const int nid = EC_GROUP_get_curve_name(EC_KEY_get0_group(ec));
  for (const Curve& curve : curves) {
    if (curve.nid != nid) continue;
    Bytes point(1 + 2 * curve.field);
    if (EC_POINT_point2oct(EC_KEY_get0_group(ec), EC_KEY_get0_public_key(ec),
                           POINT_CONVERSION_UNCOMPRESSED, point.data(), point.size(),
                           nullptr) != point.size()) {
      return fail(Code::key_off_curve, "the key has no point");
    }
    return from_point(curve.algorithm, point);
  }
  return fail(Code::jwk_unsupported, "the key is neither on P-256 nor on P-384");
}

Algorithm PublicKey::algorithm() const { return parts_->curve->algorithm; }

Json PublicKey::to_jwk() const {
  return {{"kty", "EC"},
          {"crv", parts_->curve->jwk_name},
          {"x", parts_->coordinate_text(0)},
          {"y", parts_->coordinate_text(1)}};
}

Bytes PublicKey::to_point() const { return parts_->point; }

Bytes PublicKey::to_spki() const {
  std::uint8_t* der = nullptr;
  const int length = i2d_EC_PUBKEY(key_with(*parts_->curve, parts_->point), &der);
  if (length <= 0) return {};
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

const std::string& PublicKey::thumbprint() const { return parts_->thumbprint; }

bool PublicKey::verify(BytesView signed_octets, BytesView signature) const {
  const Owned<ECDSA_SIG> parsed = raw_to_sig(*parts_->curve, signature);
  if (!parsed) return false;
  EC_KEY* key = key_with(*parts_->curve, parts_->point);
  if (key == nullptr) return false;
  std::array<std::uint8_t, SHA384_DIGEST_LENGTH> digest{};
  const auto length = static_cast<int>(digest_of(*parts_->curve, signed_octets, digest));
  // ECDSA_do_verify refuses r and s outside [1, n-1].
  return ECDSA_do_verify(digest.data(), length, parsed.get(), key) == 1;
}

Result<Bytes> signature_from_der(Algorithm algorithm, BytesView der) {
  const Curve& curve = curve_of(algorithm);
  const std::uint8_t* at = der.data();
  const Owned<ECDSA_SIG> parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!parsed || at != der.data() + der.size())
    return fail(Code::jws_signature_invalid, "not a DER ECDSA signature");
  // Strict: what would be encoded otherwise is not taken.
  std::uint8_t* again = nullptr;
  const int length = i2d_ECDSA_SIG(parsed.get(), &again);
  const bool same = length >= 0 && static_cast<std::size_t>(length) == der.size() &&
                    std::equal(der.begin(), der.end(), again);
  OPENSSL_free(again);
  Bytes raw(2 * curve.field);
  const auto field = static_cast<int>(curve.field);
  if (!same || BN_is_negative(ECDSA_SIG_get0_r(parsed.get())) == 1 ||
      BN_is_negative(ECDSA_SIG_get0_s(parsed.get())) == 1 ||
      BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), raw.data(), field) != field ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), raw.data() + curve.field, field) != field) {
    return fail(Code::jws_signature_invalid, "not a DER ECDSA signature of this curve");
  }
  return raw;
}

Result<Bytes> signature_to_der(Algorithm algorithm, BytesView raw) {
  const Owned<ECDSA_SIG> parsed = raw_to_sig(curve_of(algorithm), raw);
  if (!parsed) return fail(Code::jws_signature_invalid, "r || s has another length");
  std::uint8_t* der = nullptr;
  const int length = i2d_ECDSA_SIG(parsed.get(), &der);
  if (length <= 0) return fail(Code::internal, "OpenSSL could not encode a signature");
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

}  // namespace mintmark::jose
