#include "cbor/cose.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <cstring>

#include "cbor/write.h"

namespace mintmark::cbor {
namespace {

constexpr std::uint64_t tag_sign1 = 18;
constexpr std::int64_t header_alg = 1;
constexpr std::int64_t header_crit = 2;
constexpr std::int64_t header_kid = 4;

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(Code::cose_malformed, "COSE_Sign1: " + why);
}

bool has(const Value& map, const Value& label) {
  if (const auto number = label.integer()) return map.find(*number).has_value();
  return label.text() && map.find(*label.text()).has_value();
}

Bytes octets_at(const Value& map, std::int64_t label) {
  const auto value = map.find(label);
  return value && value->octets() ? to_bytes(*value->octets()) : Bytes{};
}

// RFC 9052 §3: an empty protected header may be an empty string. Without an algorithm in it, it is
// refused all the same.
Result<void> read_headers(const Value& protected_map, const Value& unprotected, Sign1& message) {
  if (!protected_map.is_map() || !unprotected.is_map()) return malformed("a header is no map");
  if (protected_map.find(header_crit) || unprotected.find(header_crit))
    return fail(Code::cose_crit_unknown,
                "the header has `crit`; no extension of COSE is known here");
  for (const auto& [label, value] : protected_map.members()) {
    if (has(unprotected, label)) return malformed("a label stands in both headers");
  }
  const auto algorithm = protected_map.find(header_alg);
  if (!algorithm || !algorithm->integer())
    return fail(Code::cose_alg_refused,
                "the protected header must name the algorithm by its number");
  message.algorithm = *algorithm->integer();
  message.kid = octets_at(protected_map, header_kid);
  if (message.kid.empty()) message.kid = octets_at(unprotected, header_kid);
  return {};
}

struct Scheme {
  CoseAlgorithm algorithm;
  const char* key_type;
  const char* digest;  // nullptr: the algorithm has its own.
  const char* group;   // Of an EC key: one curve an algorithm, as in JOSE and WebAuthn.
  std::size_t field;
  bool pss;
};

constexpr std::array schemes{
    Scheme{CoseAlgorithm::es256, "EC", "SHA256", SN_X9_62_prime256v1, 32, false},
    Scheme{CoseAlgorithm::es384, "EC", "SHA384", SN_secp384r1, 48, false},
    Scheme{CoseAlgorithm::es512, "EC", "SHA512", SN_secp521r1, 66, false},
    Scheme{CoseAlgorithm::eddsa, "ED25519", nullptr, nullptr, 0, false},
    Scheme{CoseAlgorithm::ps256, "RSA", "SHA256", nullptr, 0, true},
    Scheme{CoseAlgorithm::ps384, "RSA", "SHA384", nullptr, 0, true},
    Scheme{CoseAlgorithm::rs256, "RSA", "SHA256", nullptr, 0, false},
    Scheme{CoseAlgorithm::rs384, "RSA", "SHA384", nullptr, 0, false},
    Scheme{CoseAlgorithm::rs512, "RSA", "SHA512", nullptr, 0, false},
    Scheme{CoseAlgorithm::rs1, "RSA", "SHA1", nullptr, 0, false}};

bool is_on(const EVP_PKEY* key, const char* group) {
  std::array<char, 64> name{};
  return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name.data(), name.size(),
                                        nullptr) == 1 &&
         std::strcmp(name.data(), group) == 0;
}

const Scheme* scheme_of(std::int64_t algorithm, const EVP_PKEY* key) {
  for (const Scheme& scheme : schemes) {
    if (static_cast<std::int64_t>(scheme.algorithm) != algorithm) continue;
    if (key == nullptr || EVP_PKEY_is_a(key, scheme.key_type) != 1) return nullptr;
    return scheme.group == nullptr || is_on(key, scheme.group) ? &scheme : nullptr;
  }
  return nullptr;
}

struct FreeEcdsa {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

/// Empty where the octets are not r || s of that field's length.
Bytes der_of(BytesView raw, std::size_t field) {
  if (raw.size() != 2 * field) return {};
  const std::unique_ptr<ECDSA_SIG, FreeEcdsa> signature(ECDSA_SIG_new());
  const int half = static_cast<int>(field);
  BIGNUM* r = BN_bin2bn(raw.data(), half, nullptr);
  BIGNUM* s = BN_bin2bn(raw.data() + field, half, nullptr);
  if (!signature || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &der);
  if (length <= 0) return {};
  Bytes octets(der, der + length);
  OPENSSL_free(der);
  return octets;
}

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

bool verifies(const Scheme& scheme, EVP_PKEY* key, BytesView signed_octets, BytesView signature) {
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  if (!context || EVP_DigestVerifyInit_ex(context.get(), &parameters, scheme.digest, nullptr,
                                          nullptr, key, nullptr) != 1)
    return false;
  if (scheme.pss && (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) != 1 ||
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) != 1))
    return false;
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), signed_octets.data(),
                          signed_octets.size()) == 1;
}

}  // namespace

Result<Sign1> parse_sign1(BytesView octets, std::size_t most) {
  auto whole = parse(octets, most);
  if (!whole) return pass_on(whole);
  Value parts = *whole;
  Sign1 message;
  if (const auto tag = parts.tagged()) {
    if (tag->first != tag_sign1)
      return malformed("tag " + std::to_string(tag->first) + " is not 18");
    message.tagged = true;
    parts = tag->second;
  }
  constexpr std::size_t count = 4;
  if (!parts.is_array() || parts.size() != count || !parts.at(0).octets() ||
      !parts.at(2).octets() || !parts.at(3).octets())
    return malformed("it must be [octets, map, octets, octets]; a detached payload is not taken");
  message.protected_header = to_bytes(*parts.at(0).octets());
  message.payload = to_bytes(*parts.at(2).octets());
  message.signature = to_bytes(*parts.at(3).octets());
  static const Bytes empty_map{0xA0};
  auto header = parse(message.protected_header.empty() ? empty_map : message.protected_header);
  if (!header) return pass_on(header);
  if (auto read = read_headers(*header, parts.at(1), message); !read) return pass_on(read);
  return message;
}

Result<void> check_signature(std::int64_t algorithm, EVP_PKEY* key, BytesView signed_octets,
                             BytesView signature, bool raw) {
  const Scheme* scheme = scheme_of(algorithm, key);
  ERR_clear_error();
  if (scheme == nullptr)
    return fail(Code::cose_alg_refused, "COSE algorithm " + std::to_string(algorithm) +
                                            " is not known here, or none for this key");
  const bool rsa = scheme->digest != nullptr && scheme->group == nullptr;
  const Bytes der = raw && scheme->field != 0 ? der_of(signature, scheme->field) : Bytes{};
  const BytesView octets = raw && scheme->field != 0 ? BytesView(der) : signature;
  // OpenSSL would take a PSS signature without its leading zeros.
  const bool whole = !rsa || octets.size() == static_cast<std::size_t>(EVP_PKEY_get_size(key));
  const bool good = whole && !octets.empty() && verifies(*scheme, key, signed_octets, octets);
  ERR_clear_error();
  if (!good) return fail(Code::cose_signature, "the signature does not verify with this key");
  return {};
}

Result<void> check_sign1(const Sign1& message, EVP_PKEY* key) {
  return check_signature(message.algorithm, key,
                         sig_structure(message.protected_header, message.payload),
                         message.signature, true);
}

CoseAlgorithm cose_algorithm(jose::Algorithm algorithm) {
  switch (algorithm) {
    case jose::Algorithm::es256:
      return CoseAlgorithm::es256;
    case jose::Algorithm::es384:
      return CoseAlgorithm::es384;
    case jose::Algorithm::rs256:
      return CoseAlgorithm::rs256;
    case jose::Algorithm::ps256:
      return CoseAlgorithm::ps256;
    case jose::Algorithm::ed25519:
      break;
  }
  return CoseAlgorithm::eddsa;
}

Result<void> check_sign1(const Sign1& message, const jose::PublicKey& key) {
  if (message.algorithm != static_cast<std::int64_t>(cose_algorithm(key.algorithm())))
    return fail(
        Code::cose_alg_refused,
        "the key verifies " + std::string(jose::name_of(key.algorithm())) + " and nothing else");
  if (!key.verify(sig_structure(message.protected_header, message.payload), message.signature))
    return fail(Code::cose_signature, "the signature is not by key " + key.thumbprint());
  return {};
}

Result<SigStructure> parse_sig_structure(BytesView octets, std::size_t most) {
  auto parts = parse(octets, most);
  if (!parts) return pass_on(parts);
  constexpr std::size_t count = 4;
  if (!parts->is_array() || parts->size() != count || parts->at(0).text() != "Signature1" ||
      !parts->at(1).octets() || !parts->at(2).octets() || !parts->at(3).octets())
    return fail(Code::cose_malformed,
                "Sig_structure must be [\"Signature1\", octets, octets, octets]");
  if (!parts->at(2).octets()->empty())
    return fail(Code::cose_malformed, "Sig_structure has external data");
  return SigStructure{to_bytes(*parts->at(1).octets()), to_bytes(*parts->at(3).octets())};
}

}  // namespace mintmark::cbor
