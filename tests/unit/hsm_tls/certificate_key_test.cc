#include "hsm/tls/certificate_key.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "support/fake_key_store.h"

namespace mintmark::hsm::tls {
namespace {

Bytes spki_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  Bytes spki(der, der + size);
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  return spki;
}

TEST(CertificateKey, OfP256AndP384IsTaken) {
  for (const char* curve : {"P-256", "P-384"})
    EXPECT_TRUE(certificate_key(spki_of(EVP_EC_gen(curve)))) << curve;
}

TEST(CertificateKey, OfAnotherAlgorithmIsRefused) {
  for (const Bytes& spki :
       {spki_of(EVP_EC_gen("P-521")), spki_of(EVP_EC_gen("secp256k1")), spki_of(EVP_RSA_gen(2048)),
        spki_of(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), Bytes{}}) {
    const auto key = certificate_key(spki);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Code::tls_certificate_unusable);
  }
}

class FindKey : public ::testing::Test {
 protected:
  test::FakeKeyStore store;
  const KeyInfo other = store.make_key(Purpose::tls);
  const KeyInfo wanted = store.make_key(Purpose::tls);
  const KeyInfo token = store.make_key(Purpose::access_token);
};

TEST_F(FindKey, GivesTheTlsKeyWithTheCertificatesPublicKey) {
  const auto found = find_key({other, token, wanted}, wanted.public_key, "main");
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->id, wanted.id);
}

TEST_F(FindKey, SaysWhichPublicKeyIsMissingAndHowToMakeOne) {
  const auto found = find_key({other, token}, wanted.public_key, "main");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::tls_key_missing);
  EXPECT_NE(found.error().detail.find("key store \"main\""), std::string::npos);
  EXPECT_NE(found.error().detail.find(to_hex(sha256(wanted.public_key.to_spki()))),
            std::string::npos);
  EXPECT_NE(found.error().detail.find("mintctl keys generate --purpose tls"), std::string::npos);
}

TEST_F(FindKey, NeverGivesAKeyOfAnotherPurpose) {
  const auto found = find_key({other, token}, token.public_key, "main");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::tls_key_missing);
  EXPECT_NE(found.error().detail.find("a key of purpose access_token has it"), std::string::npos);
}

TEST_F(FindKey, NamesWhyTheKeyIsUnfit) {
  KeyInfo unfit = wanted;
  unfit.unfit = "CKA_SENSITIVE is not true";
  const auto found = find_key({unfit}, wanted.public_key, "main");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::hsm_key_unfit);
  EXPECT_NE(found.error().detail.find("CKA_SENSITIVE is not true"), std::string::npos);
}

}  // namespace
}  // namespace mintmark::hsm::tls
