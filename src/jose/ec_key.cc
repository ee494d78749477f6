// EC keys on P-256 and P-384, and their signatures.
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/objects.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <atomic>

#include "jose/base64url.h"
#include "jose/key_parts.h"

// An EC_KEY or EVP_PKEY kept for each key would be 2 KB (the group is copied into it) and an
// EVP_PKEY 15 us to make. So a key here is its point's octets, and each thread has one EC_KEY a
// curve that takes the point for a verification: 1 us beside the 46 of ECDSA itself, most of it for
// the proof that the point is on its curve. A key that verifies a second time keeps its point,
// 300 octets, and spares that. EC_KEY is deprecated; this is the one file that uses it (its
// CMakeLists sets OPENSSL_API_COMPAT).

namespace mintmark::jose {
namespace {

struct Curve {
  Algorithm algorithm;
  std::string_view name;
  int nid;
  std::size_t field;  // Octets.
};

constexpr std::array curves = {Curve{Algorithm::es256, "P-256", NID_X9_62_prime256v1, 32},
                               Curve{Algorithm::es384, "P-384", NID_secp384r1, 48}};
static_assert(static_cast<std::size_t>(Algorithm::es256) == 0 &&
              static_cast<std::size_t>(Algorithm::es384) == 1);

// Null for an algorithm that has no curve of ours.
const Curve* curve_of(Algorithm algorithm) {
  const auto index = static_cast<std::size_t>(algorithm);
  return index < curves.size() ? &curves.at(index) : nullptr;
}

// One group a curve for the process: making one costs more than a verification. Null where OpenSSL
// has no memory; the next call tries again.
const EC_GROUP* group_of(const Curve& curve) {
  static std::array<std::atomic<EC_GROUP*>, curves.size()> groups;
  std::atomic<EC_GROUP*>& kept = groups.at(static_cast<std::size_t>(curve.algorithm));
  if (const EC_GROUP* group = kept.load(std::memory_order_acquire)) return group;
  EC_GROUP* made = EC_GROUP_new_by_curve_name(curve.nid);
  EC_GROUP* by_another_thread = nullptr;
  if (kept.compare_exchange_strong(by_another_thread, made, std::memory_order_acq_rel)) return made;
  EC_GROUP_free(made);
  return by_another_thread;
}

struct Free {
  void operator()(EC_KEY* key) const { EC_KEY_free(key); }
  void operator()(EC_POINT* point) const { EC_POINT_free(point); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
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

// This thread's EC_KEY with that point in it, until the next call; null where there is no point, or
// OpenSSL has no memory.
EC_KEY* key_with(const Curve& curve, const EC_POINT* point) {
  thread_local std::array<Owned<EC_KEY>, curves.size()> keys;
  Owned<EC_KEY>& key = keys.at(static_cast<std::size_t>(curve.algorithm));
  if (!key) key = empty_key(curve);
  if (!key || point == nullptr || EC_KEY_set_public_key(key.get(), point) != 1) return nullptr;
  return key.get();
}

// A key's point, kept from its second use on. Thread-safe.
class UsedPoint {
 public:
  UsedPoint() = default;
  UsedPoint(const UsedPoint&) = delete;
  UsedPoint& operator=(const UsedPoint&) = delete;
  ~UsedPoint() { EC_POINT_free(kept_); }

  // Runs with the key of that point, or null.
  template <typename Use>
  auto with_key(const Curve& curve, BytesView octets, Use use) const {
    if (const EC_POINT* kept = kept_.load(std::memory_order_acquire))
      return use(key_with(curve, kept));
    Owned<EC_POINT> point = parse_point(curve, octets);
    const auto result = use(key_with(curve, point.get()));
    const bool again = used_.exchange(true, std::memory_order_relaxed);
    EC_POINT* none = nullptr;
    if (again && kept_.compare_exchange_strong(none, point.get(), std::memory_order_acq_rel))
      (void)point.release();
    return result;
  }

 private:
  mutable std::atomic<bool> used_ = false;
  mutable std::atomic<EC_POINT*> kept_ = nullptr;
};

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
  auto octets = octets_of(jwk, name);
  if (!octets) return octets;
  // RFC 7518 §6.2.1.2: the full length of a coordinate, leading zeros included.
  if (octets->size() != curve.field) {
    return fail(Code::jwk_malformed, std::string("the JWK's ") + name + " is not " +
                                         std::to_string(curve.field) + " octets");
  }
  return octets;
}

std::string coordinate_text(const Curve& curve, BytesView point, std::size_t index) {
  return base64url(point.subspan(1 + index * curve.field, curve.field));
}

// RFC 7638 §3.2: the required members in lexicographic order, no white space.
std::string canonical(const Curve& curve, BytesView point) {
  return R"({"crv":")" + std::string(curve.name) + R"(","kty":"EC","x":")" +
         coordinate_text(curve, point, 0) + R"(","y":")" + coordinate_text(curve, point, 1) +
         R"("})";
}

class EcKey final : public KeyParts {
 public:
  EcKey(const Curve& curve, BytesView point)
      : KeyParts(curve.algorithm, canonical(curve, point)),
        curve_(curve),
        point_(to_bytes(point)) {}

  [[nodiscard]] Json jwk() const override {
    return {{"kty", "EC"},
            {"crv", curve_.name},
            {"x", coordinate_text(curve_, point_, 0)},
            {"y", coordinate_text(curve_, point_, 1)}};
  }

  [[nodiscard]] Bytes point() const override { return point_; }

  [[nodiscard]] Bytes spki() const override {
    std::uint8_t* der = nullptr;
    const Owned<EC_POINT> point = parse_point(curve_, point_);
    const int length = i2d_EC_PUBKEY(key_with(curve_, point.get()), &der);
    if (length <= 0) return {};
    Bytes out(der, der + length);
    OPENSSL_free(der);
    return out;
  }

  [[nodiscard]] bool verify(BytesView octets, BytesView signature) const override {
    const Owned<ECDSA_SIG> parsed = raw_to_sig(curve_, signature);
    if (!parsed) return false;
    std::array<std::uint8_t, SHA384_DIGEST_LENGTH> digest{};
    const auto length = static_cast<int>(digest_of(curve_, octets, digest));
    return used_.with_key(curve_, point_, [&](EC_KEY* key) {
      // ECDSA_do_verify refuses r and s outside [1, n-1].
      return key != nullptr && ECDSA_do_verify(digest.data(), length, parsed.get(), key) == 1;
    });
  }

 private:
  const Curve& curve_;
  const Bytes point_;  // 04 || X || Y, proven to be on the curve.
  const UsedPoint used_;
};

}  // namespace

Parts ec_from_point(Algorithm algorithm, BytesView point) {
  const Curve* curve = curve_of(algorithm);
  if (curve == nullptr) {
    return fail(Code::jwk_unsupported,
                "a point of a curve is no key for " + std::string(name_of(algorithm)));
  }
  if (point.size() != 1 + 2 * curve->field || point[0] != 0x04) {
    return fail(Code::jwk_malformed, "not an uncompressed point on " + std::string(curve->name));
  }
  if (!parse_point(*curve, point)) {
    return fail(Code::key_off_curve, "the point is not on " + std::string(curve->name));
  }
  return std::make_shared<EcKey>(*curve, point);
}

Parts ec_from_jwk(const Json& jwk) {
  const std::string name = text_of(jwk, "crv");
  for (const Curve& curve : curves) {
    if (curve.name != name) continue;
    if (auto fits = refuse_other_alg(jwk, curve.algorithm); !fits) return pass_on(fits);
    auto x = coordinate(jwk, "x", curve);
    if (!x) return pass_on(x);
    auto y = coordinate(jwk, "y", curve);
    if (!y) return pass_on(y);
    Bytes point{0x04};
    point.insert(point.end(), x->begin(), x->end());
    point.insert(point.end(), y->begin(), y->end());
    return ec_from_point(curve.algorithm, point);
  }
  return fail(Code::jwk_unsupported, "the JWK's crv is neither P-256 nor P-384");
}

Parts ec_from_pkey(const EVP_PKEY* key) {
  const EC_KEY* ec = EVP_PKEY_get0_EC_KEY(key);
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
    return ec_from_point(curve.algorithm, point);
  }
  return fail(Code::jwk_unsupported, "the key is neither on P-256 nor on P-384");
}

Result<Bytes> signature_from_der(Algorithm algorithm, BytesView der) {
  const Curve* curve = curve_of(algorithm);
  const std::uint8_t* at = der.data();
  const Owned<ECDSA_SIG> parsed(
      curve == nullptr ? nullptr : d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!parsed || at != der.data() + der.size())
    return fail(Code::jws_signature_invalid, "not a DER ECDSA signature");
  // Strict: what would be encoded otherwise is not taken.
  std::uint8_t* again = nullptr;
  const int length = i2d_ECDSA_SIG(parsed.get(), &again);
  const bool same = length >= 0 && static_cast<std::size_t>(length) == der.size() &&
                    std::equal(der.begin(), der.end(), again);
  OPENSSL_free(again);
  Bytes raw(2 * curve->field);
  const auto field = static_cast<int>(curve->field);
  if (!same || BN_is_negative(ECDSA_SIG_get0_r(parsed.get())) == 1 ||
      BN_is_negative(ECDSA_SIG_get0_s(parsed.get())) == 1 ||
      BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), raw.data(), field) != field ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), raw.data() + curve->field, field) != field) {
    return fail(Code::jws_signature_invalid, "not a DER ECDSA signature of this curve");
  }
  return raw;
}

Result<Bytes> signature_to_der(Algorithm algorithm, BytesView raw) {
  const Curve* curve = curve_of(algorithm);
  const Owned<ECDSA_SIG> parsed = curve == nullptr ? nullptr : raw_to_sig(*curve, raw);
  if (!parsed) return fail(Code::jws_signature_invalid, "r || s has another length");
  std::uint8_t* der = nullptr;
  const int length = i2d_ECDSA_SIG(parsed.get(), &der);
  if (length <= 0) return fail(Code::internal, "OpenSSL could not encode a signature");
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

}  // namespace mintmark::jose
