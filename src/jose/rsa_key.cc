// RSA keys for RS256 and PS256.
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "jose/base64url.h"
#include "jose/key_parts.h"
#include "jose/roca.h"

namespace mintmark::jose {
namespace {

// RFC 7518 §3.3 asks for 2048 bits; beyond 8192 a stranger's key costs us more than it protects.
constexpr std::size_t shortest_modulus_bits = 2048;
constexpr std::size_t longest_modulus_bits = 8192;
constexpr std::size_t longest_exponent_octets = 4;
// RFC 7518 §3.5: as long as the hash, neither shorter nor longer.
constexpr int pss_salt_octets = 32;

BytesView without_leading_zeros(BytesView number) {
  const auto first = std::find_if(number.begin(), number.end(), [](auto one) { return one != 0; });
  return number.subspan(static_cast<std::size_t>(first - number.begin()));
}

std::size_t bits_of(BytesView number) {
  std::size_t bits = number.size() * 8;
  for (std::uint8_t top = number.empty() ? 0xFF : number.front(); (top & 0x80U) == 0;
       top = static_cast<std::uint8_t>(top << 1U))
    --bits;
  return bits;
}

// Neither number has leading zeros.
Result<void> check_numbers(BytesView modulus, BytesView exponent) {
  const std::size_t bits = bits_of(modulus);
  if (bits < shortest_modulus_bits) {
    return fail(Code::jwk_weak, "the RSA modulus has " + std::to_string(bits) + " bits; at least " +
                                    std::to_string(shortest_modulus_bits) + " are needed");
  }
  if (bits > longest_modulus_bits) {
    return fail(Code::jwk_unsupported,
                "the RSA modulus has more than " + std::to_string(longest_modulus_bits) + " bits");
  }
  if (modulus.back() % 2 == 0) return fail(Code::jwk_weak, "the RSA modulus is even");
  if (has_roca_structure(modulus)) {
    return fail(
        Code::jwk_weak,
        "the RSA modulus is of the flawed make of CVE-2017-15361 (ROCA), whose private keys "
        "can be computed; make the key anew with newer firmware");
  }
  // 1 would let everybody sign, an even one fits no modulus; 3 is the first that is left. Beyond 32
  // bits it only costs.
  if (exponent.empty() || exponent.size() > longest_exponent_octets || exponent.back() % 2 == 0 ||
      (exponent.size() == 1 && exponent.front() < 3)) {
    return fail(Code::jwk_weak,
                "the RSA exponent is not an odd number of at least 3 and less than 2^32");
  }
  return {};
}

// Null where OpenSSL has no memory.
OwnedBy<EVP_PKEY> make_pkey(BytesView modulus, BytesView exponent) {
  const OwnedBy<BIGNUM> n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const OwnedBy<BIGNUM> e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
  const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder(
      OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
  if (!n || !e || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> params(
      OSSL_PARAM_BLD_to_param(builder.get()), &OSSL_PARAM_free);
  const OwnedBy<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return OwnedBy<EVP_PKEY>(key);
}

bool set_padding(EVP_PKEY_CTX* context, Algorithm algorithm) {
  if (EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) != 1) return false;
  if (algorithm == Algorithm::rs256)
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  // An exact salt length: OpenSSL's automatic one would take any.
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, pss_salt_octets) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

// RFC 7638 §3.2.
std::string canonical(BytesView modulus, BytesView exponent) {
  return R"({"e":")" + base64url(exponent) + R"(","kty":"RSA","n":")" + base64url(modulus) +
         R"("})";
}

class RsaKey final : public KeyParts {
 public:
  // The EVP_PKEY is kept, as a key of our issuer or of a proof verifies more than once; 2 KB.
  RsaKey(Algorithm of, BytesView modulus, BytesView exponent, OwnedBy<EVP_PKEY> key)
      : KeyParts(of, canonical(modulus, exponent)),
        modulus_(to_bytes(modulus)),
        exponent_(to_bytes(exponent)),
        key_(std::move(key)) {}

  [[nodiscard]] Json jwk() const override {
    return {{"kty", "RSA"},
            {"alg", name_of(algorithm)},
            {"n", base64url(modulus_)},
            {"e", base64url(exponent_)}};
  }

  [[nodiscard]] Bytes spki() const override { return spki_of(key_.get()); }

  [[nodiscard]] bool verify(BytesView octets, BytesView signature) const override {
    if (signature.size() != modulus_.size()) return false;  // RFC 8017 §8.1.2, §8.2.2.
    const Sha256 digest = sha256(octets);
    const OwnedBy<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    return context && EVP_PKEY_verify_init(context.get()) == 1 &&
           set_padding(context.get(), algorithm) &&
           EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(),
                           digest.size()) == 1;
  }

 private:
  const Bytes modulus_;
  const Bytes exponent_;
  const OwnedBy<EVP_PKEY> key_;
};

bool is_of_rsa(Algorithm algorithm) {
  return algorithm == Algorithm::rs256 || algorithm == Algorithm::ps256;
}

// RFC 7518 §6.3.1: Base64urlUInt, so as few octets as the number needs.
Result<Bytes> number_of(const Json& jwk, const char* name) {
  auto octets = octets_of(jwk, name);
  if (!octets) return octets;
  if (octets->empty() || octets->front() == 0) {
    return fail(Code::jwk_malformed,
                std::string("the JWK's ") + name + " is empty or begins with a zero octet");
  }
  return octets;
}

Result<Algorithm> algorithm_of(const Json& jwk, std::optional<Algorithm> used_with) {
  const auto alg = jwk.find("alg");
  if (alg != jwk.end()) {
    const auto named = algorithm_named(text_of(jwk, "alg"));
    if (named && is_of_rsa(*named)) return named;
    return fail(Code::jwk_unsupported, "the RSA JWK's alg is neither RS256 nor PS256");
  }
  if (used_with) return *used_with;
  return fail(
      Code::jwk_unsupported,
      "the RSA JWK has no alg, and nothing else says whether it is for RS256 or PS256; give "
      "it one");
}

}  // namespace

Parts rsa_from_numbers(BytesView modulus, BytesView exponent, Algorithm algorithm) {
  if (!is_of_rsa(algorithm)) {
    return fail(Code::jwk_unsupported,
                "an RSA key is no key for " + std::string(name_of(algorithm)));
  }
  modulus = without_leading_zeros(modulus);
  exponent = without_leading_zeros(exponent);
  if (auto fair = check_numbers(modulus, exponent); !fair) return pass_on(fair);
  auto key = make_pkey(modulus, exponent);
  if (!key) return fail(Code::internal, "OpenSSL makes no RSA key");
  return std::make_shared<RsaKey>(algorithm, modulus, exponent, std::move(key));
}

Parts rsa_from_jwk(const Json& jwk, std::optional<Algorithm> used_with) {
  auto algorithm = algorithm_of(jwk, used_with);
  if (!algorithm) return pass_on(algorithm);
  auto modulus = number_of(jwk, "n");
  if (!modulus) return pass_on(modulus);
  auto exponent = number_of(jwk, "e");
  if (!exponent) return pass_on(exponent);
  return rsa_from_numbers(*modulus, *exponent, *algorithm);
}

Parts rsa_from_pkey(const EVP_PKEY* key, std::optional<Algorithm> used_with) {
  if (!used_with) {
    return fail(Code::jwk_unsupported,
                "the key is an RSA key, and nothing says whether it is for RS256 or PS256");
  }
  Bytes numbers[2];
  const std::array names{OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E};
  for (std::size_t i = 0; i < names.size(); ++i) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key, names.at(i), &number) != 1)
      return fail(Code::jwk_malformed, "the RSA key has no modulus or no exponent");
    const OwnedBy<BIGNUM> owned(number);
    numbers[i].resize(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, numbers[i].data());
  }
  return rsa_from_numbers(numbers[0], numbers[1], *used_with);
}

}  // namespace mintmark::jose
