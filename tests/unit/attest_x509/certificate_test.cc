// Keys of strangers' certificates: which are taken to be verified with.
#include "attest/x509/certificate.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <stdexcept>

#include "attest/x509/bundle.h"
#include "attest/x509/chain.h"
#include "attest/x509/device_identity.h"
#include "attest/x509/trust.h"
#include "support/identity_maker.h"

namespace mintmark::attest::x509 {
namespace {

/// SubjectPublicKeyInfo of a key that nobody has the other half of, each of its numbers random:
/// their sizes are all that matters.
Bytes spki(const char* kind, const std::vector<std::pair<const char*, int>>& bits_of) {
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  std::vector<std::unique_ptr<BIGNUM, decltype(&BN_free)>> numbers;
  for (const auto& [name, bits] : bits_of) {
    numbers.emplace_back(BN_new(), &BN_free);
    BN_rand(numbers.back().get(), bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
    OSSL_PARAM_BLD_push_BN(builder, name, numbers.back().get());
  }
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context);
  EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
  std::uint8_t* octets = nullptr;
  const int length = key == nullptr ? 0 : i2d_PUBKEY(key, &octets);
  Bytes der(octets, octets + std::max(length, 0));
  OPENSSL_free(octets);
  EVP_PKEY_free(key);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  if (der.empty()) throw std::runtime_error("OpenSSL cannot make a test's key");
  return der;
}

Bytes rsa(int bits, int exponent_bits = 17) {
  return spki("RSA", {{OSSL_PKEY_PARAM_RSA_N, bits}, {OSSL_PKEY_PARAM_RSA_E, exponent_bits}});
}

Bytes dsa(int bits) {
  return spki("DSA", {{OSSL_PKEY_PARAM_FFC_P, bits},
                      {OSSL_PKEY_PARAM_FFC_Q, 256},
                      {OSSL_PKEY_PARAM_FFC_G, bits - 1},
                      {OSSL_PKEY_PARAM_PUB_KEY, bits - 1}});
}

class KeysOfCertificates : public ::testing::Test {
 protected:
  [[nodiscard]] bool bounded(const Bytes& of) const {
    const Certificate certificate = parse_certificate(maker.certify(of));
    EXPECT_TRUE(certificate && X509_get0_pubkey(certificate.get()) != nullptr);
    return has_bounded_key(certificate.get());
  }
  test::IdentityMaker maker;
};

TEST_F(KeysOfCertificates, OfRsaUpTo4096BitsAreTaken) {
  for (const int bits : {2048, 3072, 4096}) EXPECT_TRUE(bounded(rsa(bits))) << bits;
  EXPECT_TRUE(bounded(rsa(4096, 32)));
}

TEST_F(KeysOfCertificates, OfEllipticCurvesAreTaken) {
  EXPECT_TRUE(bounded(test::IdentityDevice(maker).spki()));
  for (const auto algorithm : {jose::Algorithm::es384, jose::Algorithm::ed25519})
    EXPECT_TRUE(bounded(test::IdentityDevice(maker, test::IdentityOptions{}, algorithm).spki()));
}

TEST_F(KeysOfCertificates, OfLongerRsaOrALongExponentAreRefused) {
  EXPECT_FALSE(bounded(rsa(4097)));
  EXPECT_FALSE(bounded(rsa(16'384)));
  EXPECT_FALSE(bounded(rsa(2048, 33)));
}

// OpenSSL verifies with DSA keys of 10,000 bits, for seconds.
TEST_F(KeysOfCertificates, OfDsaAreRefusedWhateverTheirSize) {
  for (const int bits : {1024, 2048, 10'000}) EXPECT_FALSE(bounded(dsa(bits))) << bits;
}

TEST_F(KeysOfCertificates, OfDsaAreRefusedWhereTheyAreOfferedBeforeAnythingIsVerified) {
  const auto offered = parse_offered({maker.certify(dsa(10'000))}, Code::certificate_chain_invalid,
                                     Code::certificate_key_unsupported);
  ASSERT_FALSE(offered);
  EXPECT_EQ(offered.error().code, Code::certificate_key_unsupported);
}

// Neither the signature nor the root is good: had either been looked at, it were the reason.
TEST_F(KeysOfCertificates, OfDsaAreRefusedInALeafBeforeAnythingIsVerified) {
  const test::IdentityMaker other;
  std::vector<Certificate> roots;
  roots.push_back(parse_certificate(other.root()));
  const Trust trust = Trust::from_certificates(std::move(roots), {}).value();
  for (const Bytes& key : {dsa(2048), dsa(10'000), rsa(4097)}) {
    Bytes leaf = maker.certify(key);
    leaf.back() ^= 1U;
    const auto identity = check_device_identity(leaf, {}, trust, from_unix(1'800'000'000));
    ASSERT_FALSE(identity);
    EXPECT_EQ(identity.error().code, Code::certificate_key_unsupported);
  }
}

TEST(Bundles, AreTakenWholeOrNotAtAll) {
  const test::IdentityMaker maker;
  const std::string pem(as_text(maker.root_pem()));
  const auto read = [](const std::string& text) {
    return der_of_all(as_bytes(text), most_offered);
  };
  const auto two = read(pem + "text between\n" + pem);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two.front(), maker.root());
  EXPECT_TRUE(read("").empty());
  EXPECT_TRUE(read("nothing").empty());
  EXPECT_TRUE(read(pem + pem.substr(0, pem.size() / 2)).empty());
  std::string too_many;
  for (std::size_t i = 0; i <= most_offered; ++i) too_many += pem;
  EXPECT_TRUE(read(too_many).empty());
}

TEST(CertificateFiles, MayBeArraysOfPemAsGooglePublishesItsRoots) {
  const test::IdentityMaker maker;
  const Bytes root_pem = maker.root_pem();
  const std::string root(as_text(root_pem));
  const auto count = [](const Json& array) {
    const std::string text = "\n " + array.dump(2);
    return certificates_in(as_bytes(text)).size();
  };
  const Bytes authority = maker.authority_pem();
  EXPECT_EQ(count({root, as_text(authority)}), 2U);
  EXPECT_EQ(count({root, "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"}), 0U);
  EXPECT_EQ(count({root, 7}), 0U);
  EXPECT_EQ(count(Json::array({Json::array({root})})), 0U);
  EXPECT_EQ(count(Json::array()), 0U);
  EXPECT_TRUE(certificates_in(as_bytes("[\"" + root)).empty());
}

}  // namespace
}  // namespace mintmark::attest::x509
