// Attestation certificates of a YubiHSM on a chain of our own making: what holds, and each thing
// that does not. The extensions' octets are as a device of firmware 2.4.1 has them.
#include "attest/vendor/yubihsm.h"

#include <gtest/gtest.h>

#include "attest/x509/certificate.h"
#include "jose/base64url.h"
#include "jose/key.h"
#include "support/yubihsm_chain.h"

namespace mintmark::attest::vendor {
namespace {

#define EXPECT_CODE(actual, expected) \
  EXPECT_EQ(facts_of(actual).name, facts_of(Code::expected).name)

using namespace test::vendor;

class YubihsmAttestation : public testing::Test {
 protected:
  YubihsmAttestation() {
    own.subject = "YubiHSM Attestation id:0x0003";
    own.key = key_.get();
    own.extensions = good_extensions();
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
    anchors.push_back(x509::parse_certificate(issue(root, root.subject, root.key)));
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
  device.extensions = own.extensions;  // All else of the chain is as it should be.
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

}  // namespace
}  // namespace mintmark::attest::vendor
