// Attestation certificates of a YubiHSM on a chain of our own making: what holds, and each thing
// that does not. The extensions' octets are as a device of firmware 2.4.1 has them.
#include "attest/vendor/yubihsm.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <map>
#include <memory>
#include <optional>

#include "attest/vendor/pem.h"
#include "jose/base64url.h"
#include "jose/key.h"

namespace mintmark::attest::vendor {
namespace {

#define EXPECT_CODE(actual, expected) \
  EXPECT_EQ(facts_of(actual).name, facts_of(Code::expected).name)

using Pair = std::shared_ptr<EVP_PKEY>;
Pair new_pair() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

Bytes spki_of(EVP_PKEY* pair) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_PUBKEY(pair, &octets);
  Bytes spki(octets, octets + length);
  OPENSSL_free(octets);
  return spki;
}

using Extensions = std::map<unsigned, Bytes>;

struct Certificate {
  std::string subject;
  EVP_PKEY* key = nullptr;
  bool ca = false;
  Extensions extensions;
  std::optional<unsigned> twice;  ///< This one stands twice.
  std::int64_t not_after = 2'000'000'000;
};

void add_extension(X509* certificate, unsigned last, const Bytes& octets) {
  const std::string oid = "1.3.6.1.4.1.41482.4." + std::to_string(last);
  const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> object(
      OBJ_txt2obj(oid.c_str(), 1), &ASN1_OBJECT_free);
  const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> value(
      ASN1_OCTET_STRING_new(), &ASN1_OCTET_STRING_free);
  ASN1_OCTET_STRING_set(value.get(), octets.data(), static_cast<int>(octets.size()));
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 0, value.get()), &X509_EXTENSION_free);
  X509_add_ext(certificate, extension.get(), -1);
}

Bytes issue(const Certificate& of, const std::string& issuer, EVP_PKEY* by) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 7);
  const auto name = [](X509_NAME* to, const std::string& text) {
    X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
  };
  name(X509_get_subject_name(certificate.get()), of.subject);
  name(X509_get_issuer_name(certificate.get()), issuer);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), 1'500'000'000);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), of.not_after);
  X509_set_pubkey(certificate.get(), of.key);
  if (of.ca) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> basic(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE"),
        &X509_EXTENSION_free);
    X509_add_ext(certificate.get(), basic.get(), -1);
  }
  for (const auto& [last, octets] : of.extensions) {
    add_extension(certificate.get(), last, octets);
    if (of.twice == last) add_extension(certificate.get(), last, octets);
  }
  X509_sign(certificate.get(), by, EVP_sha256());
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509(certificate.get(), &octets);
  Bytes der(octets, octets + length);
  OPENSSL_free(octets);
  return der;
}

class YubihsmAttestation : public testing::Test {
 protected:
  YubihsmAttestation() {
    own.subject = "YubiHSM Attestation id:0x0003";
    own.key = key_.get();
    own.extensions = {{1, {4, 3, 2, 4, 1}},
                      {2, {2, 4, 2, 11, 217, 253}},
                      {3, {3, 2, 0, 1}},
                      {4, {3, 3, 0, 0, 1}},
                      {5, {3, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0x80}},
                      {6, {2, 1, 3}},
                      {9, {12, 0}}};
    device.subject = "YubiHSM Attestation (34331133)";
    device.key = device_.get();
    device.ca = true;
  }

  [[nodiscard]] Json facts() const {
    Json chain = Json::array({jose::base64url(issue(own, device.subject, device_.get())),
                              jose::base64url(issue(device, "Vendor Root", root_.get()))});
    return {{"kid", kid}, {"certificates", std::move(chain)}};
  }
  [[nodiscard]] tpm2::EkTrust roots(EVP_PKEY* key = nullptr) const {
    Certificate root{"Vendor Root", key == nullptr ? root_.get() : key, true, {}, {}};
    std::vector<tpm2::Certificate> anchors;
    anchors.push_back(certificate_in(issue(root, root.subject, root.key)).value());
    return tpm2::EkTrust::from_certificates(std::move(anchors), {}).value();
  }
  [[nodiscard]] Result<Statement> judge(const Json& shown) const {
    return verify_yubihsm(shown, kid, roots(), now);
  }
  [[nodiscard]] Code refusal(const Json& shown) const {
    const auto statement = judge(shown);
    return statement ? Code::not_found : statement.error().code;
  }
  /// With this octets in place of an extension's.
  [[nodiscard]] Code with(unsigned last, Bytes octets) {
    const Extensions good = own.extensions;
    own.extensions[last] = std::move(octets);
    const Code code = refusal(facts());
    own.extensions = good;
    return code;
  }

  Certificate own, device;
  Moment now = from_unix(1'800'000'000);

 private:
  Pair key_ = new_pair(), device_ = new_pair(), root_ = new_pair();

 protected:
  std::string kid = jose::PublicKey::from_spki(spki_of(key_.get())).value().thumbprint();
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }
};

TEST_F(YubihsmAttestation, ThatHoldsNamesTheDevice) {
  const auto statement = judge(facts());
  ASSERT_TRUE(statement) << statement.error().to_string();
  EXPECT_EQ(statement->hardware, "YubiHSM 2, serial 34331133, firmware 2.4.1");
  EXPECT_EQ(statement->root.size(), 64U);
  EXPECT_EQ(verifier_of("yubihsm-attestation"), &verify_yubihsm);
  EXPECT_EQ(verifier_of("other"), nullptr);
}

TEST_F(YubihsmAttestation, OfAnotherKeyIsRefused) {
  const Pair other = new_pair();
  own.key = other.get();
  EXPECT_CODE(refusal(facts()), vendor_attestation_key);
}

TEST_F(YubihsmAttestation, OfAnImportedKeyIsRefused) {
  EXPECT_CODE(with(3, {3, 2, 0, 0x02}), vendor_attestation_imported);
  EXPECT_CODE(with(3, {3, 2, 0, 0x11}), vendor_attestation_imported);  // Generated, then imported.
  EXPECT_CODE(with(3, {3, 2, 0, 0x00}), vendor_attestation_imported);
}

TEST_F(YubihsmAttestation, OfAKeyThatMayBeCopiedOutIsRefused) {
  EXPECT_CODE(with(5, {3, 9, 0, 0, 0, 0, 0, 0, 1, 0, 0x80}), vendor_attestation_exportable);
  EXPECT_CODE(with(5, {3, 9, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}),
              vendor_attestation_exportable);
}

TEST_F(YubihsmAttestation, ThatLeavesAnythingUnsaidIsRefused) {
  const Extensions good = own.extensions;
  for (const auto& [last, octets] : good) {
    own.extensions.erase(last);
    EXPECT_CODE(refusal(facts()), vendor_attestation_extension) << last;
    own.extensions = good;
    own.twice = last;
    EXPECT_NE(refusal(facts()), Code::not_found) << last;
    own.twice.reset();
  }
}

TEST_F(YubihsmAttestation, WithAnExtensionOfAnotherShapeIsRefused) {
  EXPECT_CODE(with(1, {4, 2, 2, 4}), vendor_attestation_extension);
  EXPECT_CODE(with(2, {2, 1, 0x80}), vendor_attestation_extension);
  EXPECT_CODE(with(2, {2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0}), vendor_attestation_extension);
  EXPECT_CODE(with(3, {4, 2, 0, 1}), vendor_attestation_extension);
  EXPECT_CODE(with(3, {3, 2, 1, 1}), vendor_attestation_extension);
  EXPECT_CODE(with(3, {3, 3, 0, 1}), vendor_attestation_extension);
  EXPECT_CODE(with(4, {3, 2, 0, 1}), vendor_attestation_extension);
  EXPECT_CODE(with(5, {3, 2, 0, 1}), vendor_attestation_extension);
  EXPECT_CODE(with(6, {}), vendor_attestation_extension);
  EXPECT_CODE(with(9, {4, 0}), vendor_attestation_extension);
}

TEST_F(YubihsmAttestation, ThatLeadsToNoTrustedRootIsRefused) {
  const Pair other = new_pair();
  const auto statement = verify_yubihsm(facts(), kid, roots(other.get()), now);
  ASSERT_FALSE(statement);
  EXPECT_CODE(statement.error().code, vendor_attestation_chain);
}

TEST_F(YubihsmAttestation, ByADeviceThatIsNoAuthorityIsRefused) {
  device.ca = false;
  EXPECT_CODE(refusal(facts()), vendor_attestation_chain);
}

// A key in a YubiHSM may sign whatever it is asked to, also what looks like an attestation.
TEST_F(YubihsmAttestation, SignedByAnAttestedKeyIsRefused) {
  const Pair attested = new_pair();
  device.key = attested.get();
  device.extensions = own.extensions;
  EXPECT_CODE(refusal(facts()), vendor_attestation_chain);
}

TEST_F(YubihsmAttestation, IsJudgedAtTheMomentGiven) {
  own.not_after = 1'700'000'000;
  EXPECT_CODE(refusal(facts()), vendor_attestation_expired);
  now = from_unix(1'600'000'000);
  EXPECT_TRUE(judge(facts()));
  now = from_unix(1'400'000'000);
  EXPECT_CODE(refusal(facts()), vendor_attestation_expired);
}

TEST_F(YubihsmAttestation, WithADamagedSignatureIsRefused) {
  Json shown = facts();
  Bytes der = jose::from_base64url(shown["certificates"][0].get<std::string>()).value();
  der.back() ^= 1U;
  shown["certificates"][0] = jose::base64url(der);
  EXPECT_CODE(refusal(shown), vendor_attestation_chain);
}

TEST_F(YubihsmAttestation, ThatCannotBeReadIsRefused) {
  const Json good = facts();
  for (const Json& shown :
       {Json(), Json::array(), Json::object(), Json{{"certificates", Json::array()}},
        Json{{"certificates", "x"}}, Json{{"certificates", {7}}}, Json{{"certificates", {"!"}}},
        Json{{"certificates", {"AAAA"}}},
        Json{{"certificates", std::vector<Json>(9, good["certificates"][0])}}})
    EXPECT_CODE(refusal(shown), vendor_attestation_malformed) << shown.dump();
}

TEST(CertificatesInPem, AreAllOrNone) {
  const Pair pair = new_pair();
  const Bytes der = issue({"A", pair.get(), true, {}, {}}, "A", pair.get());
  std::string base64(4 * ((der.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), der.data(),
                  static_cast<int>(der.size()));
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t i = 0; i < base64.size(); i += 64) pem += base64.substr(i, 64) + "\n";
  pem += "-----END CERTIFICATE-----\n";
  const auto two = certificates_in_pem(pem + "text between\n" + pem);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->size(), 2U);
  EXPECT_EQ(two->front(), der);
  EXPECT_FALSE(certificates_in_pem(""));
  EXPECT_FALSE(certificates_in_pem("nothing"));
  EXPECT_FALSE(certificates_in_pem(pem + pem.substr(0, pem.size() / 2)));
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += pem;
  EXPECT_FALSE(certificates_in_pem(nine));
}

}  // namespace
}  // namespace mintmark::attest::vendor
