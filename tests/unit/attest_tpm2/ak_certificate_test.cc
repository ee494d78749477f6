// An AK that an attestation authority certified: each check broken alone, and refused for just
// that.
#include "attest/tpm2/ak_certificate.h"

#include <gtest/gtest.h>

#include "attest/tpm2/binding.h"
#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {
namespace {

const Moment now = from_unix(1'800'000'000);

class AkCertificateTest : public ::testing::Test {
 protected:
  Presented presented(const test::AkCertificateOptions& options = {}) const {
    Presented presented = tpm.presented();
    presented.ek_certificate.clear();
    presented.ak_certificate = authority.certify_ak(tpm.ak, options);
    return presented;
  }
  Code refusal(const Presented& given, const Authorities& whom, Moment at = now) {
    const auto candidate = check_candidate(given, whom, at);
    EXPECT_FALSE(candidate);
    return candidate ? Code::internal : candidate.error().code;
  }
  Code refusal(const test::AkCertificateOptions& options, Moment at = now) {
    return refusal(presented(options), trust, at);
  }

  test::TestAuthority authority;
  test::TestAuthority of_eks;
  test::TestTpm tpm{of_eks};
  x509::Trust ek_trust = of_eks.trust();
  x509::Trust ak_trust = authority.trust();
  Authorities trust{ek_trust, &ak_trust};
};

TEST_F(AkCertificateTest, StandsInThePlaceOfActivation) {
  const auto candidate = check_candidate(presented(), trust, now);
  ASSERT_TRUE(candidate) << candidate.error().to_string();
  EXPECT_EQ(candidate->endorsement(), nullptr);
  EXPECT_FALSE(make_challenge(*candidate, Bytes(32, 1))) << "there is nobody to seal for";
  const PcrSelection asked{"sha256", {0, 7}};
  const Sha256 binding = binding_of("https://issuer.example", "ticket", candidate->spki(),
                                    candidate->ak_name(), candidate->device_name());
  const auto verdict =
      check_answer(*candidate, tpm.answer(binding, asked), random_bytes(32), binding, asked, now);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->identity(), to_hex(sha256(candidate->spki())));
  EXPECT_EQ(verdict->facts().key_protection, "hardware");
  EXPECT_EQ(verdict->facts().standing, "trusted");
  EXPECT_EQ(verdict->facts().ek_certificate, "");
  EXPECT_EQ(verdict->facts().ak_certificate.size(), 64U);
  EXPECT_EQ(verdict->facts().root, authority.root_fingerprint());
}

TEST_F(AkCertificateTest, IsRefusedWhereNoSuchAuthorityIsNamed) {
  EXPECT_EQ(refusal(presented(), ek_trust), Code::ak_certificate_refused);
}

TEST_F(AkCertificateTest, BesideAnEkCertificateIsRefused) {
  Presented both = presented();
  both.ek_certificate = tpm.presented().ek_certificate;
  EXPECT_EQ(refusal(both, trust), Code::ak_certificate_refused);
}

TEST_F(AkCertificateTest, ByAnAuthorityOfEksIsRefused) {
  Presented given = presented();
  given.ak_certificate = of_eks.certify_ak(tpm.ak);
  EXPECT_EQ(refusal(given, trust), Code::ak_untrusted_root);
  given.ak_chain = {of_eks.intermediate_der()};
  EXPECT_EQ(refusal(given, trust), Code::ak_untrusted_root);
}

TEST_F(AkCertificateTest, UnderAListThatSaysNothingIsTheOperatorsTrouble) {
  auto parts = authority.parts(x509::RootRule::trust);
  parts.check_crls = true;
  parts.crls.push_back(authority.crl({}, now - std::chrono::seconds(1)));
  const auto expired = x509::Trust::of(std::move(parts));
  ASSERT_TRUE(expired);
  EXPECT_EQ(refusal(presented(), Authorities(ek_trust, &*expired)), Code::ek_crl);
}

TEST_F(AkCertificateTest, OfAnotherKeyIsRefused) {
  const test::TestTpm other(of_eks);
  Presented given = presented();
  given.ak_certificate = authority.certify_ak(other.ak);
  EXPECT_EQ(refusal(given, trust), Code::ak_certificate_key);
}

TEST_F(AkCertificateTest, OfAnAkThatIsNotRestrictedIsRefused) {
  tpm.ak.objectAttributes &= ~TPMA_OBJECT_RESTRICTED;
  EXPECT_EQ(refusal(presented(), trust), Code::ak_not_restricted);
}

TEST_F(AkCertificateTest, OfACaIsRefused) {
  test::AkCertificateOptions options;
  options.basic_constraints = "critical,CA:TRUE";
  options.key_usage = "critical,digitalSignature,keyCertSign";
  EXPECT_EQ(refusal(options), Code::ak_certificate_is_ca);
}

TEST_F(AkCertificateTest, ForAnotherUseIsRefused) {
  for (const char* usage :
       {static_cast<const char*>(nullptr), "critical,keyEncipherment", "critical,keyAgreement"}) {
    test::AkCertificateOptions options;
    options.key_usage = usage;
    EXPECT_EQ(refusal(options), Code::ak_certificate_usage);
  }
  test::AkCertificateOptions options;
  options.extended_key_usage = "serverAuth,clientAuth";
  EXPECT_EQ(refusal(options), Code::ak_certificate_usage);
  options.extended_key_usage = nullptr;
  EXPECT_TRUE(check_candidate(presented(options), trust, now)) << "none is no other";
}

TEST_F(AkCertificateTest, BeforeAndAfterItsLifeIsRefused) {
  EXPECT_EQ(refusal({}, from_unix(1'699'999'999)), Code::certificate_not_yet_valid);
  EXPECT_EQ(refusal({}, from_unix(2'000'000'001)), Code::certificate_expired);
}

TEST_F(AkCertificateTest, CutAnywhereOrWithAnyOctetChangedIsRefused) {
  const Presented good = presented();
  for (std::size_t i = 0; i < good.ak_certificate.size(); ++i) {
    Presented bad = good;
    bad.ak_certificate.resize(i);
    EXPECT_FALSE(check_candidate(bad, trust, now)) << i;
    bad = good;
    bad.ak_certificate[i] ^= 0x10U;
    EXPECT_FALSE(check_candidate(bad, trust, now)) << i;
  }
}

TEST_F(AkCertificateTest, IsPartOfWhatATicketIsGivenFor) {
  const auto one = check_candidate(presented(), trust, now);
  const auto other = check_candidate(presented(), trust, now);  // Signed anew.
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->hash(), other->hash());
}

}  // namespace
}  // namespace mintmark::attest::tpm2
