// Ed25519 keys (RFC 8032, RFC 8037).
#include <algorithm>

#include "jose/base64url.h"
#include "jose/key_parts.h"

namespace mintmark::jose {
namespace {

constexpr std::size_t key_octets = 32;
constexpr std::size_t signature_octets = 64;

struct Field {
  OwnedBy<BN_CTX> context{BN_CTX_new()};
  OwnedBy<BIGNUM> prime{BN_new()};  // 2^255 - 19.

  Field() {
    if (prime && BN_set_bit(prime.get(), 255) == 1 && BN_sub_word(prime.get(), 19) == 1) return;
    prime.reset();
  }
  [[nodiscard]] bool usable() const { return context && prime; }
};

// The y of a point's octets: little-endian, without the bit that is x's sign (RFC 8032 §5.1.2).
OwnedBy<BIGNUM> y_of(BytesView octets) {
  Bytes big_endian(octets.rbegin(), octets.rend());
  big_endian.front() &= 0x7FU;
  return OwnedBy<BIGNUM>(BN_bin2bn(big_endian.data(), key_octets, nullptr));
}

// Whether x^2 = (y^2 - 1) / (d y^2 + 1) has a solution (RFC 8032 §5.1.3), with d = -121665/121666:
// 121666 (y^2 - 1) (121666 - 121665 y^2) has the same quadratic character and takes no division.
bool has_x(const Field& field, const BIGNUM* y) {
  constexpr BN_ULONG of_d = 121665;
  BIGNUM* p = field.prime.get();
  BN_CTX* context = field.context.get();
  const OwnedBy<BIGNUM> square(BN_new());
  const OwnedBy<BIGNUM> other(BN_new());
  if (!square || !other || BN_mod_sqr(square.get(), y, p, context) != 1 ||
      BN_copy(other.get(), square.get()) == nullptr || BN_mul_word(other.get(), of_d) != 1 ||
      BN_sub_word(other.get(), of_d + 1) != 1 || BN_sub_word(square.get(), 1) != 1 ||
      BN_mul_word(square.get(), of_d + 1) != 1) {
    return false;
  }
  BN_set_negative(other.get(), BN_is_negative(other.get()) == 0 ? 1 : 0);
  if (BN_mod_mul(square.get(), square.get(), other.get(), p, context) != 1) return false;
  const int character = BN_kronecker(square.get(), p, context);
  return character == 0 || character == 1;
}

// The points whose order divides 8, by the y that they share: with such a key a signature can be
// made by everybody. The others of the eight are p minus these.
constexpr std::array small_order_y{
    "0", "1", "5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826"};

bool is_of_small_order(const Field& field, const BIGNUM* y) {
  const OwnedBy<BIGNUM> opposite(BN_new());
  if (!opposite || BN_sub(opposite.get(), field.prime.get(), y) != 1) return true;
  return std::any_of(small_order_y.begin(), small_order_y.end(), [&](const char* hex) {
    BIGNUM* number = nullptr;
    if (BN_hex2bn(&number, hex) == 0) return true;
    const OwnedBy<BIGNUM> weak(number);
    return BN_cmp(weak.get(), y) == 0 || BN_cmp(weak.get(), opposite.get()) == 0;
  });
}

// OpenSSL takes any 32 octets for a key and fails at the verification.
Result<void> check_point(BytesView octets) {
  const Field field;
  const OwnedBy<BIGNUM> y = y_of(octets);
  if (!field.usable() || !y) return fail(Code::internal, "OpenSSL has no memory");
  if (BN_cmp(y.get(), field.prime.get()) >= 0 || !has_x(field, y.get()))
    return fail(Code::key_off_curve, "the point is not on Ed25519");
  if (is_of_small_order(field, y.get()))
    return fail(Code::jwk_weak, "the Ed25519 point is of small order");
  return {};
}

class OkpKey final : public KeyParts {
 public:
  OkpKey(BytesView octets, OwnedBy<EVP_PKEY> key)
      // RFC 8037 §2.
      : KeyParts(Algorithm::ed25519,
                 R"({"crv":"Ed25519","kty":"OKP","x":")" + base64url(octets) + R"("})"),
        octets_(to_bytes(octets)),
        key_(std::move(key)) {}

  [[nodiscard]] Json jwk() const override {
    return {{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base64url(octets_)}};
  }

  [[nodiscard]] Bytes spki() const override { return spki_of(key_.get()); }

  [[nodiscard]] bool verify(BytesView octets, BytesView signature) const override {
    if (signature.size() != signature_octets) return false;
    const OwnedBy<EVP_MD_CTX> context(EVP_MD_CTX_new());
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), octets.data(),
                            octets.size()) == 1;
  }

 private:
  const Bytes octets_;
  const OwnedBy<EVP_PKEY> key_;
};

}  // namespace

Parts okp_from_octets(BytesView octets) {
  if (octets.size() != key_octets) return fail(Code::jwk_malformed, "an Ed25519 key has 32 octets");
  if (auto sound = check_point(octets); !sound) return pass_on(sound);
  OwnedBy<EVP_PKEY> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets.data(), octets.size()));
  if (!key) return fail(Code::internal, "OpenSSL makes no Ed25519 key");
  return std::make_shared<OkpKey>(octets, std::move(key));
}

Parts okp_from_jwk(const Json& jwk) {
  if (text_of(jwk, "crv") != "Ed25519")
    return fail(Code::jwk_unsupported, "the OKP JWK's crv is not Ed25519");
  if (auto fits = refuse_other_alg(jwk, Algorithm::ed25519); !fits) return pass_on(fits);
  auto octets = octets_of(jwk, "x");
  if (!octets) return pass_on(octets);
  return okp_from_octets(*octets);
}

Parts okp_from_pkey(const EVP_PKEY* key) {
  Bytes octets(key_octets);
  std::size_t size = octets.size();
  if (EVP_PKEY_get_raw_public_key(key, octets.data(), &size) != 1)
    return fail(Code::jwk_malformed, "the Ed25519 key has no point");
  return okp_from_octets(BytesView(octets).first(size));
}

}  // namespace mintmark::jose
