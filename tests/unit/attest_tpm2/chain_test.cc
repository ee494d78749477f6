// The way from an EK certificate to a root: who may stand in it, and how far it may be.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <memory>
#include <utility>

#include "attest/tpm2/endorsement.h"
#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {
namespace {

const Moment now = from_unix(1'800'000'000);

using Key = std::shared_ptr<EVP_PKEY>;
using Extensions = std::vector<std::pair<int, const char*>>;

const Extensions of_a_ca = {{NID_basic_constraints, "critical,CA:TRUE"},
                            {NID_key_usage, "critical,keyCertSign"}};
const Extensions of_an_ek = {{NID_basic_constraints, "critical,CA:FALSE"},
                             {NID_key_usage, "critical,keyAgreement"},
                             {NID_ext_key_usage, "2.23.133.8.1"}};

Key own(EVP_PKEY* key) { return {key, &EVP_PKEY_free}; }
Key p256() { return own(EVP_EC_gen("P-256")); }

struct Issued {
  std::shared_ptr<X509> certificate;
  Key key;

  [[nodiscard]] Bytes der() const {
    std::uint8_t* octets = nullptr;
    const int length = i2d_X509(certificate.get(), &octets);
    Bytes out(octets, octets + length);
    OPENSSL_free(octets);
    return out;
  }
};

struct Plan {
  std::string subject;
  Extensions extensions;
  Moment not_after = from_unix(2'000'000'000);
  const EVP_MD* hash = EVP_sha256();
};

void name(X509_NAME* to, const std::string& text) {
  X509_NAME_add_entry_by_NID(to, NID_commonName, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
}

/// Signed by the issuer, or by itself where there is none.
Issued issue(const Plan& plan, const Issued* issuer, Key key = p256()) {
  Issued made{{X509_new(), &X509_free}, std::move(key)};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
  ASN1_TIME_set(X509_getm_notBefore(certificate), 1'700'000'000);
  ASN1_TIME_set(X509_getm_notAfter(certificate), static_cast<time_t>(to_unix(plan.not_after)));
  X509_set_pubkey(certificate, made.key.get());
  name(X509_get_subject_name(certificate), plan.subject);
  const Issued& by = issuer == nullptr ? made : *issuer;
  X509_set_issuer_name(certificate, X509_get_subject_name(by.certificate.get()));
  for (const auto& [nid, value] : plan.extensions) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  if (X509_sign(certificate, by.key.get(), plan.hash) <= 0) throw std::runtime_error("sign");
  return made;
}

EkTrust trust_in(const Issued& root) {
  std::vector<Certificate> roots;
  roots.emplace_back(X509_dup(root.certificate.get()));
  return *EkTrust::from_certificates(std::move(roots), {});
}

/// A public key that nobody has the other half of: its size is all that matters.
Key rsa_public(int bits, const char* exponent_hex) {
  BIGNUM* n = BN_new();
  BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
  BIGNUM* e = nullptr;
  BN_hex2bn(&e, exponent_hex);
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context);
  EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  BN_free(n);
  BN_free(e);
  if (key == nullptr) throw std::runtime_error("rsa");
  return own(key);
}

class ChainTest : public ::testing::Test {
 protected:
  Error refusal(const Issued& ek, const std::vector<Bytes>& chain) {
    const auto checked = check_endorsement(ek.der(), chain, trust_in(root), now);
    EXPECT_FALSE(checked);
    return checked ? Error{} : checked.error();
  }
  /// A CA beneath `issuer`, and the EK certificate that it gives.
  Error refusal_with(const Issued& ca) { return refusal(issue({"EK", of_an_ek}, &ca), {ca.der()}); }
  Issued root = issue({"Root", of_a_ca}, nullptr);
};

// The refusal is the first one that this chain's leaf, which names no TPM, meets after its chain.
TEST_F(ChainTest, OfGoodCertificatesIsFollowedToItsRoot) {
  const Issued ca = issue({"Issuer", of_a_ca}, &root);
  EXPECT_EQ(refusal_with(ca).code, Code::ek_names_missing);
}

TEST_F(ChainTest, WhoseRootTheDeviceBringsAlongIsRefusedAndThatRootNamed) {
  const Issued own_root = issue({"Own root", of_a_ca}, nullptr);
  const Issued ca = issue({"Own issuer", of_a_ca}, &own_root);
  const Error error = refusal(issue({"EK", of_an_ek}, &ca), {ca.der(), own_root.der()});
  EXPECT_EQ(error.code, Code::ek_untrusted_root);
  EXPECT_NE(error.detail.find("CN=Own root"), std::string::npos) << error.detail;
}

TEST_F(ChainTest, WhoseRootHasTheNameOfOursAndAnotherKeyIsRefused) {
  const Issued twin = issue({"Root", of_a_ca}, nullptr);
  EXPECT_EQ(refusal(issue({"EK", of_an_ek}, &twin), {twin.der()}).code, Code::ek_signature);
}

TEST_F(ChainTest, OfASelfSignedEkCertificateIsRefused) {
  EXPECT_EQ(refusal(issue({"EK", of_an_ek}, nullptr), {}).code, Code::ek_untrusted_root);
}

TEST_F(ChainTest, WhoseNamesAreHostileTextIsRefusedInOneShortLine) {
  const Issued ca = issue({"Issuer\n\x1b[2J" + std::string(60, 'x'), of_a_ca}, nullptr);
  const Error error = refusal(issue({"EK", of_an_ek}, &ca), {});
  EXPECT_EQ(error.code, Code::ek_untrusted_root);
  EXPECT_EQ(error.detail.find_first_of("\n\x1b"), std::string::npos) << error.detail;
}

TEST_F(ChainTest, ThroughACertificateThatIsNoCaIsRefused) {
  const Issued no_ca = issue(
      {"Another EK",
       {{NID_basic_constraints, "critical,CA:FALSE"}, {NID_key_usage, "critical,keyCertSign"}}},
      &root);
  EXPECT_EQ(refusal_with(no_ca).code, Code::ek_chain_invalid);
}

TEST_F(ChainTest, ThroughACaThatMayNotSignCertificatesIsRefused) {
  const Issued ca =
      issue({"Issuer",
             {{NID_basic_constraints, "critical,CA:TRUE"}, {NID_key_usage, "critical,cRLSign"}}},
            &root);
  EXPECT_EQ(refusal_with(ca).code, Code::ek_chain_invalid);
}

TEST_F(ChainTest, BeyondAPathLengthIsRefused) {
  const Issued last = issue({"Last",
                             {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                              {NID_key_usage, "critical,keyCertSign"}}},
                            &root);
  const Issued beyond = issue({"Beyond", of_a_ca}, &last);
  EXPECT_EQ(refusal(issue({"EK", of_an_ek}, &beyond), {beyond.der(), last.der()}).code,
            Code::ek_chain_invalid);
}

TEST_F(ChainTest, OfMoreCertificatesThanAnyMakerHasIsRefused) {
  Issued ca = root;
  std::vector<Bytes> chain;
  for (int i = 0; i < 8; ++i) {
    ca = issue({"CA " + std::to_string(i), of_a_ca}, &ca);
    chain.push_back(ca.der());
  }
  EXPECT_EQ(refusal(issue({"EK", of_an_ek}, &ca), chain).code, Code::ek_chain_invalid);
}

// An EK certificate is made once, in a factory (docs/adr/0020).
TEST_F(ChainTest, ThroughACaThatHasExpiredSinceItSignedIsFollowed) {
  const Issued ca = issue({"Old issuer", of_a_ca, now - std::chrono::hours(1)}, &root);
  EXPECT_EQ(refusal_with(ca).code, Code::ek_names_missing);
}

TEST_F(ChainTest, ThroughACaThatHadExpiredWhenItSignedIsRefusedAndThatCaNamed) {
  const Issued ca = issue({"Old issuer", of_a_ca, from_unix(1'699'999'999)}, &root);
  const Error error = refusal_with(ca);
  EXPECT_EQ(error.code, Code::ek_expired);
  EXPECT_NE(error.detail.find("CN=Old issuer"), std::string::npos) << error.detail;
}

TEST_F(ChainTest, SignedOverSha1IsRefused) {
  const Issued ca = issue({"Issuer", of_a_ca, from_unix(2'000'000'000), EVP_sha1()}, &root);
  EXPECT_EQ(refusal_with(ca).code, Code::ek_chain_invalid);
}

TEST_F(ChainTest, ThroughAWeakRsaKeyIsRefused) {
  const Issued ca = issue({"Issuer", of_a_ca}, &root, own(EVP_RSA_gen(1024)));
  EXPECT_EQ(refusal_with(ca).code, Code::ek_chain_invalid);
}

TEST_F(ChainTest, WithAnEnormousKeyIsRefusedBeforeAnyArithmetic) {
  const Issued ek = issue({"EK", of_an_ek}, &root);
  for (const Key& key : {rsa_public(8192, "10001"), rsa_public(2048, "10000000000000001")}) {
    const Issued large = issue({"Large", of_a_ca}, &root, key);
    const Error error = refusal(ek, {large.der()});
    EXPECT_EQ(error.code, Code::ek_chain_invalid);
    EXPECT_NE(error.detail.find("too large"), std::string::npos) << error.detail;
  }
}

TEST_F(ChainTest, OfAnEkOfAnotherExponentIsRefused) {
  const Issued ek = issue({"EK", of_an_ek}, &root, rsa_public(2048, "3"));
  EXPECT_EQ(refusal(ek, {}).code, Code::ek_key_unsupported);
}

TEST_F(ChainTest, WithAnExtensionTwiceIsRefused) {
  Extensions twice = of_an_ek;
  twice.emplace_back(NID_key_usage, "critical,keyAgreement");
  EXPECT_EQ(refusal(issue({"EK", twice}, &root), {}).code, Code::ek_certificate_malformed);
}

TEST_F(ChainTest, WithBrokenOctetsOfferedIsRefused) {
  EXPECT_EQ(refusal(issue({"EK", of_an_ek}, &root), {Bytes(40, 0x30)}).code,
            Code::ek_certificate_malformed);
}

// Makers publish "roots" that another CA signed: the operator's word is enough.
TEST(Anchor, ThatIsNotSelfSignedEndsAChainAndGivesTheFactsItsName) {
  const test::TestAuthority authority;
  const Bytes anchor = authority.intermediate_der();
  const std::uint8_t* at = anchor.data();
  std::vector<Certificate> anchors;
  anchors.emplace_back(d2i_X509(nullptr, &at, static_cast<long>(anchor.size())));
  const EkTrust trust = *EkTrust::from_certificates(std::move(anchors), {});
  const test::TestTpm tpm(authority);
  const auto checked = check_endorsement(tpm.presented().ek_certificate, {}, trust, now);
  ASSERT_TRUE(checked) << checked.error().to_string();
  EXPECT_EQ(checked->chain.root, to_hex(sha256(anchor)));
  EXPECT_EQ(checked->chain.root_subject, "CN=Test TPM issuer");
  EXPECT_EQ(checked->certificate, to_hex(sha256(tpm.presented().ek_certificate)));
}

}  // namespace
}  // namespace mintmark::attest::tpm2
