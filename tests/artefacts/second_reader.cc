#include "artefacts/second_reader.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <vector>

#include "support/owned_openssl.h"

namespace mintmark::artefacts::second {
namespace {

using test::Owned;

Owned<BIGNUM> number_in(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  return Owned<BIGNUM>(number);
}

// The fingerprint of the paper (Nemec and others, 2017): modulo each of these primes the modulus is
// a power of 65537.
bool has_roca_fingerprint(const BIGNUM* modulus) {
  constexpr std::array<BN_ULONG, 17> primes{11, 13, 17,  19,  37,  53,  61,  71, 73,
                                            79, 97, 103, 107, 109, 127, 151, 157};
  return std::all_of(primes.begin(), primes.end(), [modulus](BN_ULONG prime) {
    std::set<BN_ULONG> powers;
    for (BN_ULONG power = 1; powers.insert(power).second;) power = power * 65537 % prime;
    return powers.count(BN_mod_word(modulus, prime)) == 1;
  });
}

std::string curve_of(const EVP_PKEY* key) {
  std::array<char, 64> name{};
  std::size_t length = 0;
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name.data(), name.size(),
                                     &length) != 1)
    return "a curve without a name";
  const char* nist = EC_curve_nid2nist(OBJ_sn2nid(name.data()));
  return nist != nullptr ? nist : std::string(name.data(), length);
}

Key described(const EVP_PKEY* key) {
  Key found;
  if (key == nullptr) return found;
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: {
      found.kind = "RSA";
      const auto modulus = number_in(key, OSSL_PKEY_PARAM_RSA_N);
      const auto exponent = number_in(key, OSSL_PKEY_PARAM_RSA_E);
      found.rsa_bits = BN_num_bits(modulus.get());
      found.is_roca = has_roca_fingerprint(modulus.get());
      found.has_fair_exponent = BN_is_odd(exponent.get()) == 1 && BN_is_one(exponent.get()) == 0 &&
                                BN_num_bits(exponent.get()) <= 32;
      break;
    }
    case EVP_PKEY_EC:
      found.kind = curve_of(key);
      break;
    default:
      found.kind = EVP_PKEY_get0_type_name(key);
      if (found.kind == SN_ED25519) found.kind = "Ed25519";
  }
  return found;
}

bool is_on_ec_curve(const Json& jwk) {
  const int curve = EC_curve_nist2nid(text_in(jwk, "crv").c_str());
  const auto x = base64url(text_in(jwk, "x"));
  const auto y = base64url(text_in(jwk, "y"));
  if (curve == NID_undef || !x || !y) return false;
  const Owned<EC_GROUP> group(EC_GROUP_new_by_curve_name(curve));
  const Owned<EC_POINT> point(EC_POINT_new(group.get()));
  const auto field = static_cast<std::size_t>((EC_GROUP_get_degree(group.get()) + 7) / 8);
  if (x->size() != field || y->size() != field) return false;
  Bytes octets{4};
  octets.insert(octets.end(), x->begin(), x->end());
  octets.insert(octets.end(), y->begin(), y->end());
  return EC_POINT_oct2point(group.get(), point.get(), octets.data(), octets.size(), nullptr) == 1;
}

// x^2 = (y^2 - 1) / (d y^2 + 1) has a solution, with d = -121665/121666.
bool is_on_edwards_curve(const Json& jwk) {
  auto octets = base64url(text_in(jwk, "x"));
  if (!octets || octets->size() != 32) return false;
  octets->back() &= 0x7FU;
  const Owned<BN_CTX> context(BN_CTX_new());
  const Owned<BIGNUM> y(BN_lebin2bn(octets->data(), 32, nullptr));
  const Owned<BIGNUM> p(BN_new());
  const Owned<BIGNUM> d(BN_new());
  const Owned<BIGNUM> above(BN_new());
  const Owned<BIGNUM> below(BN_new());
  BN_set_bit(p.get(), 255);
  BN_sub_word(p.get(), 19);
  BN_set_word(d.get(), 121666);
  BN_mod_inverse(d.get(), d.get(), p.get(), context.get());
  BN_mul_word(d.get(), 121665);
  BN_set_negative(d.get(), 1);
  BN_mod_sqr(above.get(), y.get(), p.get(), context.get());
  BN_mod_mul(below.get(), above.get(), d.get(), p.get(), context.get());
  BN_sub_word(above.get(), 1);
  BN_add_word(below.get(), 1);
  // A quotient is a square where the product is.
  BN_mod_mul(above.get(), above.get(), below.get(), p.get(), context.get());
  return BN_cmp(y.get(), p.get()) < 0 && BN_kronecker(above.get(), p.get(), context.get()) >= 0;
}

}  // namespace

std::optional<Json> json(const std::string& text) {
  Json read = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (read.is_discarded()) return std::nullopt;
  return read;
}

bool has_member_twice(const std::string& text) {
  std::vector<std::set<std::string>> objects;
  bool twice = false;
  const auto look = [&](int /*depth*/, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) objects.emplace_back();
    if (event == Json::parse_event_t::object_end) objects.pop_back();
    if (event == Json::parse_event_t::key)
      twice |= !objects.back().insert(parsed.get<std::string>()).second;
    return true;
  };
  const Json read = Json::parse(text, look, /*allow_exceptions=*/false);
  return twice && !read.is_discarded();
}

std::optional<Bytes> base64url(std::string text) {
  text.erase(std::min(text.find('='), text.size()));
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  const std::size_t octets = text.size() * 3 / 4;
  if (text.size() % 4 == 1) return std::nullopt;
  text.append((4 - text.size() % 4) % 4, '=');
  Bytes decoded(text.size() / 4 * 3);
  if (EVP_DecodeBlock(decoded.data(), as_bytes(text).data(), static_cast<int>(text.size())) < 0)
    return std::nullopt;
  decoded.resize(octets);
  return decoded;
}

Json segment(const std::string& compact, std::size_t place) {
  std::size_t from = 0;
  for (; place > 0; --place) {
    const auto dot = compact.find('.', from);
    if (dot == std::string::npos) return nullptr;
    from = dot + 1;
  }
  const auto octets = base64url(compact.substr(from, compact.find('.', from) - from));
  if (!octets) return nullptr;
  return json(std::string(octets->begin(), octets->end())).value_or(Json());
}

Key key_in_der(const Bytes& spki) {
  const std::uint8_t* at = spki.data();
  const Owned<EVP_PKEY> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  return described(key.get());
}

Key key_in_pem(const std::string& text) {
  const Owned<BIO> source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const Owned<EVP_PKEY> key(PEM_read_bio_PUBKEY(source.get(), nullptr, nullptr, nullptr));
  return described(key.get());
}

bool is_on_curve(const Json& jwk) {
  return text_in(jwk, "kty") == "OKP" ? is_on_edwards_curve(jwk) : is_on_ec_curve(jwk);
}

std::string text_in(const Json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace mintmark::artefacts::second
