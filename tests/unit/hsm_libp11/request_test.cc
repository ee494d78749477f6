// Requests signed by keys in memory, read back by OpenSSL.
#include "hsm/libp11/request.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "support/issued_certificate.h"

namespace mintmark::hsm::libp11 {
namespace {

Bytes spki_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  Bytes spki(der, der + size);
  OPENSSL_free(der);
  return spki;
}

RequestSpec named(const std::string& subject, std::vector<std::string> dns = {},
                  std::vector<std::string> addresses = {}) {
  return {subject, std::move(dns), std::move(addresses)};
}

using Request = std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)>;

Request read(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  return {PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr), &X509_REQ_free};
}

int names_in(X509_REQ* request) {
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request);
  auto* names = static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr));
  const int count = names == nullptr ? 0 : sk_GENERAL_NAME_num(names);
  GENERAL_NAMES_free(names);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  return count;
}

TEST(CertificateRequest, IsSignedByTheHashOfItsKeysSize) {
  const std::vector<std::pair<const char*, int>> kinds{{"P-256", NID_ecdsa_with_SHA256},
                                                       {"P-384", NID_ecdsa_with_SHA384},
                                                       {"P-521", NID_ecdsa_with_SHA512},
                                                       {"RSA", NID_sha256WithRSAEncryption}};
  for (const auto& [kind, signature] : kinds) {
    const std::shared_ptr<EVP_PKEY> key(
        std::string(kind) == "RSA" ? EVP_RSA_gen(2048) : EVP_EC_gen(kind), &EVP_PKEY_free);
    const auto pem = sign_request(key.get(), spki_of(key.get()), named("/CN=a"));
    ASSERT_TRUE(pem) << kind << pem.error().to_string();
    const Request request = read(*pem);
    ASSERT_NE(request, nullptr);
    EXPECT_EQ(X509_REQ_verify(request.get(), key.get()), 1);
    EXPECT_EQ(X509_REQ_get_signature_nid(request.get()), signature) << kind;
    EXPECT_EQ(names_in(request.get()), 0);
  }
}

TEST(CertificateRequest, HasEveryNameThatWasAskedFor) {
  const auto key = test::new_pair("P-256");
  const auto pem = sign_request(key.get(), spki_of(key.get()),
                                {.subject = "/O=Ä/CN=a",
                                 .dns = {"issuer.example", "*.issuer.example"},
                                 .addresses = {"192.0.2.7", "2001:db8::7"}});
  ASSERT_TRUE(pem) << pem.error().to_string();
  EXPECT_EQ(names_in(read(*pem).get()), 4);
}

TEST(CertificateRequest, ForAnotherPublicKeyThanTheOneThatSignsIsNotGiven) {
  const auto request = sign_request(test::new_pair("P-256").get(),
                                    spki_of(test::new_pair("P-256").get()), named("/CN=a"));
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().code, Code::hsm_signature_wrong);
}

TEST(CertificateRequest, ForNoPublicKeyIsNotGiven) {
  const auto key = test::new_pair("P-256");
  for (const Bytes& spki : {Bytes(), Bytes(91, 0x30)}) {
    const auto request = sign_request(key.get(), spki, named("/CN=a"));
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().code, Code::hsm_tool_failed);
  }
}

TEST(CertificateRequest, ByAKeyThatDoesNotSignSoIsNotGiven) {
  const std::shared_ptr<EVP_PKEY> agrees(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"),
                                         &EVP_PKEY_free);
  const auto request =
      sign_request(agrees.get(), spki_of(test::new_pair("P-256").get()), named("/CN=a"));
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().code, Code::hsm_tool_failed);
}

TEST(CertificateRequest, WithANameThatIsNoGoodIsRefusedBeforeAndAtSigning) {
  const auto key = test::new_pair("P-256");
  for (const RequestSpec& spec :
       {named(""), named("/TEA=a"), named("/C=Germany"), named("/CN=" + std::string(65, 'a')),
        named("/CN=a", {"a b"}), named("/CN=a", {"a", ""}), named("/CN=a", {}, {"192.0.2"}),
        named("/CN=a", {}, {"issuer.example"})}) {
    const auto good = check(spec);
    ASSERT_FALSE(good) << spec.subject;
    EXPECT_EQ(good.error().code, Code::invalid_argument);
    const auto request = sign_request(key.get(), spki_of(key.get()), spec);
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().code, Code::invalid_argument);
  }
}

}  // namespace
}  // namespace mintmark::hsm::libp11
