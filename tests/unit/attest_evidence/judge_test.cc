// Evidence of one key, of each kind: whose word it is, and when that is enough.
#include "attest/evidence/judge.h"

#include <openssl/x509v3.h>

#include "attest/x509/trust.h"
#include "key_evidence_fixture.h"

namespace mintmark::attest::evidence {
namespace {

#define EXPECT_CODE(actual, expected) \
  EXPECT_EQ(facts_of(actual).name, facts_of(Code::expected).name)

class EvidenceJudge : public tpm2::KeyEvidenceTest {
 protected:
  [[nodiscard]] Row of_tpm(const Json& facts) const {
    return {kid(), "access_token", "tpm2-certify", facts};
  }
  [[nodiscard]] Result<Finding> judged(const Row& row) const {
    const auto trust = authority.trust(false);
    return evidence::judge(row, tpm2::evidence_issuer, &trust, from_unix(1'800'000'000));
  }
  [[nodiscard]] Code code(const Row& row) const {
    const auto finding = judged(row);
    return finding ? Code::not_found : finding.error().code;
  }
};

TEST_F(EvidenceJudge, TakesATpmsAkForTheIssuersClaimUntilItIsActivated) {
  const auto finding = judged(of_tpm(evidence()));
  ASSERT_TRUE(finding) << finding.error().to_string();
  EXPECT_EQ(finding->level(), Level::claim);
  EXPECT_TRUE(check_level(*finding, Level::claim));
  for (const Level level : {Level::vendor, Level::tpm})
    EXPECT_CODE(check_level(*finding, level).error().code, evidence_ak_claimed);
  ASSERT_TRUE(finding->to_activate());
  const Bytes secret = tpm2::activation_secret();
  const auto confirmed = after_activation(*finding->to_activate(), secret, secret);
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->level(), Level::tpm);
  EXPECT_FALSE(confirmed->to_activate());
  EXPECT_TRUE(check_level(*confirmed, Level::tpm));
  EXPECT_TRUE(check_level(*confirmed, Level::vendor));
}

TEST_F(EvidenceJudge, TakesNoOtherSecretForAnActivation) {
  const auto finding = judged(of_tpm(evidence()));
  ASSERT_TRUE(finding);
  Bytes secret = tpm2::activation_secret();
  const Bytes sealed = secret;
  secret.back() ^= 1U;
  for (const Bytes& answer : {secret, Bytes(), random_bytes(32)}) {
    const auto confirmed = after_activation(*finding->to_activate(), sealed, answer);
    ASSERT_FALSE(confirmed);
    EXPECT_CODE(confirmed.error().code, activation_secret_wrong);
  }
  EXPECT_FALSE(after_activation(*finding->to_activate(), {}, {}));
}

TEST_F(EvidenceJudge, RefusesAnotherKeysEvidenceBesideAKid) {
  Row row = of_tpm(evidence());
  row.kid = test::SoftKey().jkt();
  EXPECT_CODE(code(row), evidence_kid);
}

TEST_F(EvidenceJudge, RefusesWhatTheJudgeOfTpmsRefuses) {
  Json facts = evidence();
  facts["counter"]["value"] = 7U;
  EXPECT_CODE(code(of_tpm(facts)), evidence_counter_value);
  bound_issuer = "https://other.example";
  EXPECT_CODE(code(of_tpm(evidence())), certify_binding);
}

TEST_F(EvidenceJudge, RefusesNoEvidenceAndKindsThatNobodyKnows) {
  EXPECT_CODE(code({kid(), "access_token", "", nullptr}), evidence_missing);
  EXPECT_CODE(code({kid(), "access_token", "trust-me", evidence()}), evidence_kind_unknown);
}

TEST_F(EvidenceJudge, JudgesNoChainWithoutRoots) {
  for (const char* kind : {"tpm2-certify", "yubihsm-attestation"}) {
    const auto finding = evidence::judge({kid(), "access_token", kind, evidence()},
                                         tpm2::evidence_issuer, nullptr, from_unix(1'800'000'000));
    ASSERT_FALSE(finding);
    EXPECT_CODE(finding.error().code, evidence_roots_missing);
  }
}

TEST_F(EvidenceJudge, TakesAModulesWordForAClaimAndNeedsNoRoots) {
  const test::SoftKey in_token;
  Json facts = {{"jwk", in_token.public_key().to_jwk()},
                {"private_key",
                 {{"CKA_LOCAL", true},
                  {"CKA_SENSITIVE", true},
                  {"CKA_ALWAYS_SENSITIVE", true},
                  {"CKA_EXTRACTABLE", false},
                  {"CKA_NEVER_EXTRACTABLE", true}}}};
  const auto finding = evidence::judge({in_token.jkt(), "access_token", "pkcs11-attributes", facts},
                                       tpm2::evidence_issuer, nullptr, from_unix(1'800'000'000));
  ASSERT_TRUE(finding) << finding.error().to_string();
  EXPECT_NE(finding->words().find("the module's claim"), std::string::npos);
  EXPECT_TRUE(check_level(*finding, Level::claim));
  for (const Level level : {Level::vendor, Level::tpm})
    EXPECT_CODE(check_level(*finding, level).error().code, evidence_claim_alone);
}

TEST_F(EvidenceJudge, AsksVendorsVerifiersByTheirKind) {
  EXPECT_CODE(code({kid(), "access_token", "yubihsm-attestation", Json::object()}),
              vendor_attestation_malformed);
}

TEST_F(EvidenceJudge, RefusesAnAkCertificateThatIsNone) {
  Json facts = evidence();
  for (const Json& certificate : {Json(7), Json("!"), Json("AAAA"),
                                  // Another key's: the EK's own.
                                  facts["ek"][0]["certificate"]}) {
    facts["ak_certificate"] = certificate;
    EXPECT_CODE(code(of_tpm(facts)), evidence_ak_certificate) << certificate;
  }
}

/// Certifies AKs under a root of its own.
class AkAuthority {
 public:
  Bytes root() const { return issue(pair_.get(), "critical,CA:TRUE", ""); }
  Bytes certify(const test::SoftKey& ak, const std::string& usage) const {
    const Bytes spki = ak.public_key().to_spki();
    const std::uint8_t* at = spki.data();
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())), &EVP_PKEY_free);
    return issue(key.get(), "CA:FALSE", usage);
  }

 private:
  Bytes issue(EVP_PKEY* key, const std::string& basic, const std::string& usage) const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), 1'600'000'000);
    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), 2'100'000'000);
    for (X509_NAME* name :
         {X509_get_subject_name(certificate.get()), X509_get_issuer_name(certificate.get())})
      X509_NAME_add_entry_by_NID(
          name, NID_commonName, MBSTRING_UTF8,
          reinterpret_cast<const unsigned char*>(
              name == X509_get_issuer_name(certificate.get()) || key == pair_.get() ? "CA" : "AK"),
          -1, -1, 0);
    X509_set_pubkey(certificate.get(), key);
    add(certificate.get(), NID_basic_constraints, basic);
    if (!usage.empty()) add(certificate.get(), NID_ext_key_usage, usage);
    X509_sign(certificate.get(), pair_.get(), EVP_sha256());
    std::uint8_t* octets = nullptr;
    const int length = i2d_X509(certificate.get(), &octets);
    Bytes der(octets, octets + length);
    OPENSSL_free(octets);
    return der;
  }
  static void add(X509* certificate, int nid, const std::string& value) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()), &X509_EXTENSION_free);
    X509_add_ext(certificate, extension.get(), -1);
  }
  std::shared_ptr<EVP_PKEY> pair_{EVP_EC_gen("P-256"), &EVP_PKEY_free};
};

TEST_F(EvidenceJudge, TakesAnAkThatIsCertifiedForATpms) {
  const AkAuthority aks;
  const auto judged_with = [&](const Bytes& certificate, bool trusted) {
    Json facts = evidence();
    facts["ak_certificate"] = jose::base64url(certificate);
    auto roots = x509::certificates_in(as_bytes(authority.root_pem()));
    if (trusted) roots.push_back(x509::parse_certificate(aks.root()));
    const auto trust = tpm2::EkTrust::from_certificates(std::move(roots), {}).value();
    return evidence::judge(of_tpm(facts), tpm2::evidence_issuer, &trust, from_unix(1'800'000'000));
  };
  const std::string usage = "2.23.133.8.3";
  const auto finding = judged_with(aks.certify(ak_key(), usage), true);
  ASSERT_TRUE(finding) << finding.error().to_string();
  EXPECT_EQ(finding->level(), Level::tpm);
  EXPECT_FALSE(finding->to_activate());

  for (const auto& refused : {judged_with(aks.certify(ak_key(), usage), false),
                              judged_with(aks.certify(ak_key(), "2.23.133.8.1"), true),
                              judged_with(aks.certify(ak_key(), ""), true),
                              judged_with(aks.certify(test::SoftKey(), usage), true)}) {
    ASSERT_FALSE(refused);
    EXPECT_CODE(refused.error().code, evidence_ak_certificate);
  }
}

}  // namespace
}  // namespace mintmark::attest::evidence
