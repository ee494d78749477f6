// Wycheproof's parts of what a TPM's credential is made of (TPM 2.0 Part 1, 24): points that
// strangers send and ECDH with them, OAEP, HMAC. Also primes, of which nothing here asks.
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>

#include "artefacts/verdict.h"
#include "artefacts/wycheproof.h"
#include "attest/tpm2/credential.h"
#include "attest/tpm2/signature.h"
#include "jose/base64url.h"
#include "jose/key.h"
#include "support/owned_openssl.h"

namespace mintmark::artefacts {
namespace {

namespace tpm2 = attest::tpm2;

using test::Owned;

struct Case {
  std::string name;
  std::string said;
  const Group& of;
  const Json& test;

  [[nodiscard]] bool has_flag(const char* flag) const {
    const Json& flags = test.at("flags");
    return std::find(flags.begin(), flags.end(), flag) != flags.end();
  }
};

struct Curve {
  std::string_view name;
  jose::Algorithm algorithm;
  TPM2_ECC_CURVE tpm;
  tpm2::EkKind kind;
  const char* group;
  std::size_t field;
};
constexpr std::array curves{Curve{"secp256r1", jose::Algorithm::es256, TPM2_ECC_NIST_P256,
                                  tpm2::EkKind::ecc_p256, SN_X9_62_prime256v1, 32},
                            Curve{"secp384r1", jose::Algorithm::es384, TPM2_ECC_NIST_P384,
                                  tpm2::EkKind::ecc_p384, SN_secp384r1, 48}};

const Curve* curve_of(const Group& group) {
  const std::string name = group.text("curve");
  const auto found = std::find_if(curves.begin(), curves.end(),
                                  [&name](const Curve& curve) { return curve.name == name; });
  return found == curves.end() ? nullptr : &*found;
}

constexpr std::array point_reasons{
    Reason<Case>{"points are taken on P-256 and P-384", Verdict::refused,
                 [](const Case& one) { return curve_of(one.of) == nullptr; }},
    Reason<Case>{"a point is 04 || X || Y, or X and Y (TPMS_ECC_POINT, JWK): no form of ours is "
                 "compressed",
                 Verdict::refused,
                 [](const Case& one) { return one.has_flag("CompressedPoint"); }}};

/// The public area of a TPM's key; nothing where the octets are no uncompressed point.
std::optional<TPMT_PUBLIC> area_of(const Curve& curve, BytesView point) {
  if (point.size() != 1 + 2 * curve.field || point.front() != 4) return std::nullopt;
  TPMT_PUBLIC area{};
  area.type = TPM2_ALG_ECC;
  area.parameters.eccDetail.curveID = curve.tpm;
  const auto put = [&curve](TPM2B_ECC_PARAMETER& to, BytesView octets) {
    to.size = static_cast<UINT16>(curve.field);
    std::copy(octets.begin(), octets.end(), to.buffer);
  };
  put(area.unique.ecc.x, point.subspan(1, curve.field));
  put(area.unique.ecc.y, point.subspan(1 + curve.field));
  return area;
}

Owned<EVP_PKEY> pair_of(const Curve& curve, BytesView scalar) {
  const Owned<BIGNUM> d(BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), nullptr));
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, d.get());
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* pair = nullptr;
  EVP_PKEY_fromdata_init(context.get());
  EVP_PKEY_fromdata(context.get(), &pair, EVP_PKEY_KEYPAIR, parameters.get());
  return Owned<EVP_PKEY>(pair);
}

Bytes shared_secret(const Curve& curve, EVP_PKEY* own, EVP_PKEY* peer) {
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(own, nullptr));
  Bytes z(curve.field);
  std::size_t length = z.size();
  if (own == nullptr || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer) != 1 ||
      EVP_PKEY_derive(context.get(), z.data(), &length) != 1)
    return {};
  return z;
}

/// A credential for an EK at that point opens for nobody else's; here it is enough that it is made
/// for each that is sound.
bool takes_point(const Curve& curve, const Json& test) {
  const Bytes point = hex(test, "public");
  const bool jose_takes = jose::PublicKey::from_point(curve.algorithm, point).has_value();
  const auto area = area_of(curve, point);
  const tpm2::PublicKey ek = area ? tpm2::openssl_key_of(*area) : nullptr;
  EXPECT_EQ(ek != nullptr, jose_takes) << test.dump();
  if (!ek) return false;
  EXPECT_EQ(shared_secret(curve, pair_of(curve, hex(test, "private")).get(), ek.get()),
            hex(test, "shared"))
      << test.dump();
  return tpm2::make_credential(curve.kind, *ek, Bytes(34, 0x0B), Bytes(32, 0x53)).has_value();
}

struct OaepKey {
  Owned<EVP_PKEY> pair;
  const EVP_MD* hash;
  const EVP_MD* mask;
};

std::optional<Bytes> opened(const OaepKey& key, BytesView sealed, BytesView label) {
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key.pair.get(), nullptr));
  EVP_PKEY_decrypt_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING);
  EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), key.hash);
  EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), key.mask);
  EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), OPENSSL_memdup(label.data(), label.size()),
                                   static_cast<int>(label.size()));
  Bytes out(1024);
  std::size_t length = out.size();
  if (EVP_PKEY_decrypt(context.get(), out.data(), &length, sealed.data(), sealed.size()) != 1)
    return std::nullopt;
  out.resize(length);
  return out;
}

std::optional<tpm2::EkKind> ek_kind(int bits) {
  if (bits == 2048) return tpm2::EkKind::rsa2048;
  if (bits == 3072) return tpm2::EkKind::rsa3072;
  if (bits == 4096) return tpm2::EkKind::rsa4096;
  return std::nullopt;
}

}  // namespace

void judge_points(const Group& group) {
  const Curve* curve = curve_of(group);
  for_each_test(group, [&](const Json& test) {
    expect_judged(Case{group.name_of(test), test.at("result"), group, test},
                  curve != nullptr && takes_point(*curve, test), point_reasons);
  });
}

namespace {

/// To the key of the group ours opens with the group's hash and mask where they are those of the
/// EK's template, and with no others. No EK has another size.
void expect_ours_opens(const Group& group, const OaepKey& key) {
  const auto kind = ek_kind(EVP_PKEY_get_bits(key.pair.get()));
  if (!kind) return;
  const auto made = tpm2::make_credential(*kind, *key.pair, Bytes(34, 0x0B), Bytes(32, 0x53));
  ASSERT_TRUE(made) << group.entry << ": " << made.error().to_string();
  const std::string hash = *kind == tpm2::EkKind::rsa2048 ? "SHA-256" : "SHA-384";
  const bool is_of_template = group.text("sha") == hash && group.text("mgfSha") == hash;
  constexpr std::string_view label("IDENTITY", 9);  // With its zero (Part 1, B.4).
  const auto seed = opened(key, BytesView(made->encrypted_secret).subspan(2), as_bytes(label));
  EXPECT_EQ(seed.has_value(), is_of_template) << group.entry;
}

}  // namespace

// The tests are ciphertexts to decrypt, which the TPM alone does. Who opens here in its place is
// held by each of them; then what we encrypt is held by who opens.
void judge_oaep(const Group& group) {
  const Bytes pkcs8 = hex(group.group, "privateKeyPkcs8");
  const std::uint8_t* at = pkcs8.data();
  const OaepKey key{
      Owned<EVP_PKEY>(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pkcs8.size()))),
      EVP_get_digestbyname(group.text("sha").c_str()),
      EVP_get_digestbyname(group.text("mgfSha").c_str())};
  ASSERT_TRUE(key.pair) << group.entry;
  if (key.hash == nullptr || key.mask == nullptr) return judge_foreign(group);
  for_each_test(group, [&](const Json& test) {
    expect_judged(Case{group.name_of(test), test.at("result"), group, test},
                  opened(key, hex(test, "ct"), hex(test, "label")) == hex(test, "msg"),
                  std::array<Reason<Case>, 0>{});
  });
  expect_ours_opens(group, key);
}

// HMAC as credentials have it; as a signature it is refused whatever the tag.
void judge_macs(const Group& group) {
  constexpr std::array<std::pair<std::string_view, TPM2_ALG_ID>, 4> names{
      {{"HMACSHA1", TPM2_ALG_SHA1},
       {"HMACSHA256", TPM2_ALG_SHA256},
       {"HMACSHA384", TPM2_ALG_SHA384},
       {"HMACSHA512", TPM2_ALG_SHA512}}};
  const auto algorithm = group.file.at("algorithm").get<std::string>();
  const auto name = std::find_if(names.begin(), names.end(), [&algorithm](const auto& known) {
    return known.first == algorithm;
  });
  const auto hash = name == names.end() ? std::nullopt : tpm2::known_hash(name->second);
  if (!hash) return judge_foreign(group);
  const auto octets = group.group.at("tagSize").get<std::size_t>() / 8;
  for_each_test(group, [&](const Json& test) {
    Bytes tag = hash->hmac(hex(test, "key"), hex(test, "msg"));
    tag.resize(std::min(tag.size(), octets));
    expect_judged(Case{group.name_of(test), test.at("result"), group, test},
                  tag == hex(test, "tag"), std::array<Reason<Case>, 0>{});
    const Json jwk{{"kty", "oct"}, {"k", jose::base64url(hex(test, "key"))}};
    EXPECT_EQ(jose::PublicKey::from_jwk(jwk).error().code, Code::jwk_private);
  });
}

// A prime comes in with a private key, and none is taken: sound or not, it is refused.
void judge_primes(const Group& group) {
  constexpr std::array reasons{
      Reason<Case>{"no private key is imported, so no prime is ever judged", Verdict::refused,
                   [](const Case&) { return true; }}};
  for_each_test(group, [&](const Json& test) {
    const Json jwk{{"kty", "RSA"},
                   {"alg", "RS256"},
                   {"n", jose::base64url(Bytes(256, 0xC5))},
                   {"e", "AQAB"},
                   {"p", jose::base64url(hex(test, "value"))}};
    expect_judged(Case{group.name_of(test), test.at("result"), group, test},
                  jose::PublicKey::from_jwk(jwk).has_value(), reasons);
  });
}

}  // namespace mintmark::artefacts
