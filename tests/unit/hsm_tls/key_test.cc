// The held key as OpenSSL's own functions see it.
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "held_key_fixture.h"

namespace mintmark::hsm::tls {
namespace {

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
Context new_context() { return {EVP_MD_CTX_new(), &EVP_MD_CTX_free}; }

class Key : public HeldKeyTest {
 protected:
  static int begin(const Context& context, EVP_PKEY* key, const char* digest) {
    return EVP_DigestSignInit_ex(context.get(), nullptr, digest, library(), library_properties, key,
                                 nullptr);
  }
  static Bytes sign(EVP_PKEY* key, const char* digest, std::string_view message) {
    const Context context = new_context();
    if (begin(context, key, digest) != 1) return {};
    Bytes signature(256);
    std::size_t size = signature.size();
    if (EVP_DigestSign(context.get(), signature.data(), &size, as_bytes(message).data(),
                       message.size()) != 1)
      return {};
    signature.resize(size);
    return signature;
  }
  static bool verifies(const KeyInfo& info, std::string_view message, BytesView der) {
    const auto raw = jose::signature_from_der(info.public_key.algorithm(), der);
    return raw && info.public_key.verify(as_bytes(message), *raw);
  }

  const KeyInfo p256 = make(jose::Algorithm::es256);
  const KeyInfo p384 = make(jose::Algorithm::es384);
};

TEST_F(Key, SaysWhatItIs) {
  const auto small = held(p256);
  const auto large = held(p384);
  EXPECT_EQ(EVP_PKEY_is_a(small.get(), "EC"), 1);
  EXPECT_EQ(EVP_PKEY_get_bits(small.get()), 256);
  EXPECT_EQ(EVP_PKEY_get_bits(large.get()), 384);
  EXPECT_EQ(EVP_PKEY_get_security_bits(small.get()), 128);
  EXPECT_EQ(EVP_PKEY_get_security_bits(large.get()), 192);
  EXPECT_GE(EVP_PKEY_get_size(small.get()), 72);
  EXPECT_GE(EVP_PKEY_get_size(large.get()), 104);
  std::array<char, 64> group{};
  EXPECT_EQ(EVP_PKEY_get_group_name(large.get(), group.data(), group.size(), nullptr), 1);
  EXPECT_STREQ(group.data(), "secp384r1");
}

TEST_F(Key, SignsAMessageWithItsOwnDigest) {
  for (const char* name : {"SHA256", "SHA2-256", static_cast<const char*>(nullptr)})
    EXPECT_TRUE(verifies(p256, "message", sign(held(p256).get(), name, "message")));
  EXPECT_TRUE(verifies(p384, "message", sign(held(p384).get(), "SHA384", "message")));
}

TEST_F(Key, SignsNothingWithAnotherDigest) {
  EXPECT_TRUE(sign(held(p256).get(), "SHA384", "message").empty());
  EXPECT_TRUE(sign(held(p256).get(), "SHA1", "message").empty());
  EXPECT_TRUE(sign(held(p384).get(), "SHA256", "message").empty());
  EXPECT_TRUE(outcomes.empty()) << "the signer was asked";
}

TEST_F(Key, SignsCertificatesAndSaysByWhichAlgorithm) {
  const std::vector<std::pair<KeyInfo, int>> keys{{p256, NID_ecdsa_with_SHA256},
                                                  {p384, NID_ecdsa_with_SHA384}};
  for (const auto& [info, algorithm] : keys) {
    const std::shared_ptr<X509> certificate(X509_new_ex(library(), library_properties), &X509_free);
    const Bytes spki = info.public_key.to_spki();
    const std::uint8_t* at = spki.data();
    const std::shared_ptr<EVP_PKEY> shown(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())),
                                          &EVP_PKEY_free);
    ASSERT_EQ(X509_set_pubkey(certificate.get(), shown.get()), 1);
    const EVP_MD* own = algorithm == NID_ecdsa_with_SHA256 ? EVP_sha256() : EVP_sha384();
    ASSERT_GT(X509_sign(certificate.get(), held(info).get(), own), 0);
    EXPECT_EQ(X509_get_signature_nid(certificate.get()), algorithm);
    EXPECT_EQ(X509_verify(certificate.get(), shown.get()), 1);
    const EVP_MD* other = algorithm == NID_ecdsa_with_SHA256 ? EVP_sha384() : EVP_sha256();
    EXPECT_LE(X509_sign(certificate.get(), held(info).get(), other), 0);
    ERR_clear_error();
  }
}

TEST_F(Key, SignsAMessageThatComesInParts) {
  const auto key = held(p256);
  const Context context = new_context();
  ASSERT_EQ(begin(context, key.get(), "SHA256"), 1);
  for (const std::string_view part : {"mess", "age"})
    ASSERT_EQ(EVP_DigestSignUpdate(context.get(), part.data(), part.size()), 1);
  Bytes signature(256);
  std::size_t size = signature.size();
  ASSERT_EQ(EVP_DigestSignFinal(context.get(), signature.data(), &size), 1);
  EXPECT_TRUE(verifies(p256, "message", BytesView(signature).first(size)));
}

TEST_F(Key, SignsNoMessageThatIsLongerThanAnyOfTls) {
  EXPECT_FALSE(sign(held(p256).get(), "SHA256", std::string(4096, 'a')).empty());
  EXPECT_TRUE(sign(held(p256).get(), "SHA256", std::string(4097, 'a')).empty());
}

TEST_F(Key, SignsNoDigest) {
  const auto key = held(p256);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_pkey(library(), key.get(), library_properties), &EVP_PKEY_CTX_free);
  EXPECT_NE(EVP_PKEY_sign_init(context.get()), 1);
}

TEST_F(Key, HasNoPrivateHalfToShow) {
  const auto key = held(p256);
  BIGNUM* secret = nullptr;
  EXPECT_NE(EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &secret), 1);
  EXPECT_EQ(secret, nullptr);
  unsigned char* der = nullptr;
  EXPECT_LE(i2d_PrivateKey(key.get(), &der), 0);
}

TEST_F(Key, IsComparedByItsPublicHalf) {
  const auto certificate_key = [](const KeyInfo& info) {
    const Bytes spki = info.public_key.to_spki();
    const unsigned char* octets = spki.data();
    return std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>(
        d2i_PUBKEY(nullptr, &octets, static_cast<long>(spki.size())), &EVP_PKEY_free);
  };
  EXPECT_EQ(EVP_PKEY_eq(certificate_key(p256).get(), held(p256).get()), 1);
  EXPECT_NE(EVP_PKEY_eq(certificate_key(p256).get(), held(make(jose::Algorithm::es256)).get()), 1);
  EXPECT_NE(EVP_PKEY_eq(certificate_key(p384).get(), held(p256).get()), 1);
}

TEST_F(Key, FailsWithTheSignersErrorAndWorksAgain) {
  const auto key = held(p256);
  store->fail_signing_with({Code::hsm_unavailable, "gone", 0});
  EXPECT_TRUE(sign(key.get(), "SHA256", "message").empty());
  store->sign_again();
  EXPECT_FALSE(sign(key.get(), "SHA256", "message").empty());
  EXPECT_EQ(outcomes, (std::vector<std::string>{"hsm_unavailable", "good"}));
}

TEST_F(Key, WaitsNoLongerThanItsPatienceForASignerThatHangs) {
  const auto key = held(p256, std::chrono::milliseconds(20));
  store->hold();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(sign(key.get(), "SHA256", "message").empty());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(outcomes, std::vector<std::string>{"deadline_passed"});
  store->release();
}

TEST_F(Key, IsNotWhatOthersGetWhoFetchAnEcKeyInItsLibrary) {
  const auto others = EVP_PKEY_Q_keygen(library(), library_properties, "EC", "P-256");
  ASSERT_NE(others, nullptr);
  EXPECT_FALSE(sign(others, "SHA256", "message").empty());
  EVP_PKEY_free(others);
  EXPECT_TRUE(outcomes.empty());
}

}  // namespace
}  // namespace mintmark::hsm::tls
