#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <array>

#include "cbor/cose.h"

namespace mintmark::cbor {
namespace {

// RFC 9053 §7, RFC 8230 §4.
constexpr std::int64_t label_type = 1;
constexpr std::int64_t label_algorithm = 3;
constexpr std::int64_t label_curve = -1;
constexpr std::int64_t label_x = -2;
constexpr std::int64_t label_y = -3;
constexpr std::int64_t label_d = -4;
constexpr std::int64_t label_modulus = -1;
constexpr std::int64_t label_exponent = -2;
constexpr std::int64_t label_private_exponent = -3;
constexpr std::int64_t okp = 1;
constexpr std::int64_t ec2 = 2;
constexpr std::int64_t rsa = 3;
constexpr std::int64_t curve_ed25519 = 6;

struct Free {
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> malformed(const std::string& why) {
  ERR_clear_error();
  return fail(Code::cose_key_malformed, "COSE_Key: " + why);
}

/// nullptr where OpenSSL finds the key unsound.
Key key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return {};
  Key key(made);
  const Owned<EVP_PKEY_CTX> check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  return check && EVP_PKEY_public_check(check.get()) == 1 ? std::move(key) : Key{};
}

struct Curve {
  std::int64_t number;
  const char* group;
  std::size_t field;
};
constexpr std::array curves{Curve{1, SN_X9_62_prime256v1, 32}, Curve{2, SN_secp384r1, 48},
                            Curve{3, SN_secp521r1, 66}};

Result<Key> ec_key(const Value& value) {
  const auto number = value.find(label_curve);
  const auto x = value.find(label_x);
  const auto y = value.find(label_y);
  if (!number || !x || !x->octets() || !y || !y->octets() || value.find(label_d))
    return malformed("EC2 needs crv, x and y as octets, and no private member");
  for (const Curve& curve : curves) {
    if (number->integer() != curve.number) continue;
    if (x->octets()->size() != curve.field || y->octets()->size() != curve.field)
      return malformed("x and y must be as long as the curve's field");
    Bytes point{4};
    point.insert(point.end(), x->octets()->begin(), x->octets()->end());
    point.insert(point.end(), y->octets()->begin(), y->octets()->end());
    const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    Key key = key_from("EC", builder.get());
    if (!key) return malformed("the point is not on its curve");
    return key;
  }
  return malformed("crv must be 1 (P-256), 2 (P-384) or 3 (P-521)");
}

Result<Key> rsa_key(const Value& value) {
  constexpr std::size_t longest_modulus = 513;
  constexpr std::size_t longest_exponent = 4;
  constexpr int least_bits = 2048;
  constexpr int most_bits = 4096;
  const auto n = value.find(label_modulus);
  const auto e = value.find(label_exponent);
  if (!n || !n->octets() || !e || !e->octets() || value.find(label_private_exponent) ||
      n->octets()->size() > longest_modulus || e->octets()->size() > longest_exponent)
    return malformed("RSA needs n of 2048 to 4096 bits and e of at most 32, and no private member");
  const Owned<BIGNUM> modulus(
      BN_bin2bn(n->octets()->data(), static_cast<int>(n->octets()->size()), nullptr));
  const Owned<BIGNUM> exponent(
      BN_bin2bn(e->octets()->data(), static_cast<int>(e->octets()->size()), nullptr));
  if (BN_num_bits(modulus.get()) < least_bits || BN_num_bits(modulus.get()) > most_bits ||
      BN_is_odd(modulus.get()) == 0 || BN_is_odd(exponent.get()) == 0 ||
      BN_is_one(exponent.get()) == 1)
    return malformed("n must be odd, of 2048 to 4096 bits, and e odd and more than 1");
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  Key key = key_from("RSA", builder.get());
  if (!key) return malformed("the modulus is unsound");
  return key;
}

Result<Key> okp_key(const Value& value) {
  const auto curve = value.find(label_curve);
  const auto x = value.find(label_x);
  if (!curve || curve->integer() != curve_ed25519 || !x || !x->octets() || value.find(label_d))
    return malformed("OKP needs crv 6 (Ed25519) and x as octets, and no private member");
  if (!jose::PublicKey::from_ed25519(*x->octets())) return malformed("x is no point of Ed25519");
  return Key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, x->octets()->data(),
                                         x->octets()->size()));
}

Result<Key> key_of(std::int64_t type, const Value& value) {
  if (type == ec2) return ec_key(value);
  if (type == rsa) return rsa_key(value);
  if (type == okp) return okp_key(value);
  return malformed("kty must be 1 (OKP), 2 (EC2) or 3 (RSA)");
}

}  // namespace

Result<CoseKey> parse_key(const Value& value) {
  const auto type = value.find(label_type);
  if (!value.is_map() || !type || !type->integer()) return malformed("a map with kty as a number");
  CoseKey parsed;
  parsed.type = *type->integer();
  if (const auto algorithm = value.find(label_algorithm)) {
    if (!algorithm->integer()) return malformed("alg must be a number");
    parsed.algorithm = *algorithm->integer();
  }
  auto key = key_of(parsed.type, value);
  if (!key) return pass_on(key);
  parsed.key = std::move(*key);
  return parsed;
}

Bytes spki_of(const EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key, &der);
  ERR_clear_error();
  if (length <= 0) return {};
  Bytes octets(der, der + length);
  OPENSSL_free(der);
  return octets;
}

}  // namespace mintmark::cbor
