// MakeCredential for RSA against published answers: what we encapsulate, the vectors' private keys
// open, with the procedure that opens the vectors' own ciphertexts.
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "attest/tpm2/credential.h"
#include "attest/tpm2/structures.h"
#include "support/owned_openssl.h"
#include "support/test_data.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr unsigned long exponent = 65537;

using test::Owned;

Bytes sized(const Bytes& octets) {
  Bytes out{static_cast<std::uint8_t>(octets.size() >> 8U),
            static_cast<std::uint8_t>(octets.size() & 0xFFU)};
  out.insert(out.end(), octets.begin(), octets.end());
  return out;
}

Owned<BIGNUM> number(BytesView octets) {
  return Owned<BIGNUM>(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

BytesView modulus_of(const TPMT_PUBLIC& area) {
  return {area.unique.rsa.buffer, area.unique.rsa.size};
}

/// With `d` a key pair, without it the public half.
Owned<EVP_PKEY> rsa_key(const BIGNUM* n, const BIGNUM* d = nullptr) {
  const Owned<BIGNUM> e(BN_new());
  BN_set_word(e.get(), exponent);
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  if (d != nullptr) OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_D, d);
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context.get());
  EVP_PKEY_fromdata(context.get(), &key, d != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                    parameters.get());
  return Owned<EVP_PKEY>(key);
}

/// TPMT_SENSITIVE of an RSA key holds one prime (Part 2, 12.3.2.4).
Owned<EVP_PKEY> pair_of(const TPMT_PUBLIC& area, const Bytes& prime) {
  const Owned<BN_CTX> context(BN_CTX_new());
  const auto n = number(modulus_of(area));
  const auto p = number(prime);
  const Owned<BIGNUM> q(BN_new());
  const Owned<BIGNUM> phi(BN_new());
  const Owned<BIGNUM> e(BN_new());
  BN_set_word(e.get(), exponent);
  BN_div(q.get(), nullptr, n.get(), p.get(), context.get());
  BN_sub_word(p.get(), 1);
  BN_sub_word(q.get(), 1);
  BN_mul(phi.get(), p.get(), q.get(), context.get());
  const Owned<BIGNUM> d(BN_mod_inverse(nullptr, e.get(), phi.get(), context.get()));
  return rsa_key(n.get(), d.get());
}

std::optional<Bytes> open_oaep(EVP_PKEY* key, const EVP_MD* md, const Bytes& label,
                               BytesView sealed) {
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key, nullptr));
  EVP_PKEY_decrypt_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING);
  EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), md);
  EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), OPENSSL_memdup(label.data(), label.size()),
                                   static_cast<int>(label.size()));
  Bytes out(512);
  std::size_t length = out.size();
  if (EVP_PKEY_decrypt(context.get(), out.data(), &length, sealed.data(), sealed.size()) != 1)
    return std::nullopt;
  out.resize(length);
  return out;
}

Bytes hex(const Json& vector, const char* name) {
  return *from_hex(vector.at(name).get<std::string>());
}

struct RsaVector {
  TPMT_PUBLIC area{};
  Owned<EVP_PKEY> pair;
  Bytes label;  ///< With its terminating zero.
  Bytes secret;
  Bytes ciphertext;
};

RsaVector read(const Json& vector) {
  RsaVector out;
  out.area = parse_public(sized(hex(vector, "PublicKey")), "vector")->area;
  const Bytes sensitive = hex(vector, "PrivateKey");
  const std::size_t prime = modulus_of(out.area).size() / 2;
  out.pair = pair_of(out.area,
                     Bytes(sensitive.end() - static_cast<std::ptrdiff_t>(prime), sensitive.end()));
  const auto label = vector.at("Label").get<std::string>();
  out.label.assign(label.begin(), label.end());
  out.label.push_back(0);
  out.secret = hex(vector, "Secret");
  out.ciphertext = hex(vector, "Ciphertext");
  return out;
}

std::vector<RsaVector> rsa_vectors() {
  std::vector<RsaVector> vectors;
  test::for_each_entry("tpm_key_attestation", [&vectors](const Json& entry) {
    const Json& expect = entry.at("expect");
    if (expect.at("answer") != "known-answer" ||
        expect.at("check").get<std::string>().rfind("OAEP", 0) != 0)
      return;
    for (const Json& file : entry.at("files")) {
      for (const Json& vector : test::json_file(file.get<std::string>()))
        vectors.push_back(read(vector));
    }
  });
  return vectors;
}

TEST(CredentialArtefacts, OfRsaOpenWithTheirLabelAloneAndItsZero) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  const auto vectors = rsa_vectors();
  test::expect_some(vectors.size());
  for (const RsaVector& vector : vectors) {
    const EVP_MD* md = hash_of(vector.area.nameAlg)->md();
    EXPECT_EQ(open_oaep(vector.pair.get(), md, vector.label, vector.ciphertext), vector.secret);
    Bytes without_zero = vector.label;
    without_zero.pop_back();
    EXPECT_FALSE(open_oaep(vector.pair.get(), md, without_zero, vector.ciphertext));
    EXPECT_FALSE(open_oaep(vector.pair.get(), md, {'X', 0}, vector.ciphertext));
  }
}

TEST(CredentialArtefacts, OfOursForTheSameKeysOpenTheSameWay) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  const Bytes identity{'I', 'D', 'E', 'N', 'T', 'I', 'T', 'Y', 0};
  const Bytes object_name(34, 0x0B);
  const Bytes secret(32, 0x53);
  std::size_t judged = 0;
  for (const RsaVector& vector : rsa_vectors()) {
    // The TCG's RSA-2048 templates have SHA-256.
    if (vector.area.nameAlg != TPM2_ALG_SHA256) continue;
    const auto made = make_credential(EkKind::rsa2048, *vector.pair, object_name, secret);
    ASSERT_TRUE(made) << made.error().to_string();
    const BytesView sealed = BytesView(made->encrypted_secret).subspan(2);
    const auto seed = open_oaep(vector.pair.get(), EVP_sha256(), identity, sealed);
    ASSERT_TRUE(seed);
    EXPECT_EQ(made->credential_blob, *seal_identity(hashes[0], 128, *seed, object_name, secret));
    ++judged;
  }
  test::expect_some(judged);
}

// tpm2_makecredential's file: a header of eight octets, TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET.
struct MadeByTools {
  Bytes credential;
  std::optional<PublicArea> ek;
  std::optional<PublicArea> ak;
  Bytes secret;
};

// Files are told apart by what they hold.
std::optional<MadeByTools> made_by_tools(const Json& entry) {
  const Bytes magic{0xBA, 0xDC, 0xC0, 0xDE};
  MadeByTools made;
  for (const Json& file : entry["files"]) {
    const Bytes octets = test::data_file(file.get<std::string>());
    if (octets.size() > 8 && std::equal(magic.begin(), magic.end(), octets.begin()))
      made.credential = octets;
    auto area = parse_public(octets, "a file");
    if (!area) continue;
    const bool decrypts = (area->area.objectAttributes & TPMA_OBJECT_DECRYPT) != 0;
    (decrypts ? made.ek : made.ak) = std::move(*area);
  }
  if (made.credential.empty() || !made.ek || !made.ak) return std::nullopt;
  made.secret = *from_hex(entry["expect"]["secret"].get<std::string>());
  return made;
}

TEST(CredentialArtefacts, OfTpm2ToolsHaveTheLayoutOfOurs) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  test::for_each_entry("tpm_key_attestation", [&judged](const Json& entry) {
    const auto made = made_by_tools(entry);
    if (!made) return;
    EXPECT_EQ(to_hex(made->ak->name), entry["expect"]["ak_name"].get<std::string>());
    const auto n = number(modulus_of(made->ek->area));
    const auto key = rsa_key(n.get());
    const auto ours = make_credential(EkKind::rsa2048, *key, made->ak->name, made->secret);
    ASSERT_TRUE(ours) << ours.error().to_string();
    const Bytes& theirs = made->credential;
    ASSERT_EQ(theirs.size(), 8 + ours->credential_blob.size() + ours->encrypted_secret.size());
    for (const std::size_t at : {0U, 1U, 2U, 3U})  // The sizes of the object and of its HMAC.
      EXPECT_EQ(theirs[8 + at], ours->credential_blob[at]);
    const std::size_t second = 8 + ours->credential_blob.size();
    EXPECT_EQ(theirs[second], ours->encrypted_secret[0]);
    EXPECT_EQ(theirs[second + 1], ours->encrypted_secret[1]);
    ++judged;
  });
  test::expect_some(judged);
}

}  // namespace
}  // namespace mintmark::attest::tpm2
