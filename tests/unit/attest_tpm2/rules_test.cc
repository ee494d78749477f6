// Authorities with a rule each, unknown ones, and revocation.
#include <gtest/gtest.h>

#include "attest/tpm2/endorsement.h"
#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {
namespace {

using x509::RootRule;
using x509::Standing;
using x509::Trust;
using x509::UnknownRoots;

const Moment now = from_unix(1'800'000'000);

class RulesTest : public ::testing::Test {
 protected:
  static Trust trust_of(Trust::Parts parts) { return *Trust::of(std::move(parts)); }
  Trust::Parts reviewing() const {
    auto parts = other.parts(RootRule::trust);
    parts.unknown = UnknownRoots::review;
    return parts;
  }
  Result<Endorsement> checked(const Trust& trust, const test::EkCertificate& certificate = {},
                              Moment at = now) {
    const test::TestTpm tpm(authority, EkKind::ecc_p256, certificate);
    return check_endorsement(tpm.presented().ek_certificate, {authority.intermediate_der()}, trust,
                             at);
  }
  Code refusal(const Trust& trust, const test::EkCertificate& certificate = {}, Moment at = now) {
    const auto endorsement = checked(trust, certificate, at);
    EXPECT_FALSE(endorsement);
    return endorsement ? Code::internal : endorsement.error().code;
  }
  test::TestAuthority authority;
  test::TestAuthority other;
};

TEST_F(RulesTest, ATrustedRootVouches) {
  const auto endorsement = checked(trust_of(authority.parts(RootRule::trust)));
  ASSERT_TRUE(endorsement) << endorsement.error().to_string();
  EXPECT_EQ(endorsement->chain.standing, Standing::trusted);
  EXPECT_EQ(endorsement->chain.links.size(), 3U);
}

TEST_F(RulesTest, ARootUnderReviewIsNamedAndVouchesForNothing) {
  const auto endorsement = checked(trust_of(authority.parts(RootRule::review)));
  ASSERT_TRUE(endorsement) << endorsement.error().to_string();
  EXPECT_EQ(endorsement->chain.standing, Standing::review);
  EXPECT_EQ(endorsement->chain.root, authority.root_fingerprint());
}

TEST_F(RulesTest, ARefusedRootRefusesEvenWhereWhatItSignedIsTrusted) {
  EXPECT_EQ(refusal(trust_of(authority.parts(RootRule::refuse))), Code::ek_root_refused);
  auto parts = authority.parts(RootRule::refuse);
  const Bytes intermediate = authority.intermediate_der();
  parts.anchors.push_back({x509::parse_certificate(intermediate), RootRule::trust});
  EXPECT_EQ(refusal(trust_of(std::move(parts))), Code::ek_root_refused);
}

TEST_F(RulesTest, TheNearestAnchorsRuleDecidesBetweenTrustAndReview) {
  auto parts = authority.parts(RootRule::trust);
  const Bytes intermediate = authority.intermediate_der();
  parts.anchors.push_back({x509::parse_certificate(intermediate), RootRule::review});
  const auto endorsement = checked(trust_of(std::move(parts)));
  ASSERT_TRUE(endorsement);
  EXPECT_EQ(endorsement->chain.standing, Standing::review);
}

TEST_F(RulesTest, OfTwoRulesForOneRootTheStricterHolds) {
  auto parts = authority.parts(RootRule::review);
  auto again = authority.parts(RootRule::trust);
  parts.anchors.push_back(std::move(again.anchors[0]));
  const auto endorsement = checked(trust_of(std::move(parts)));
  ASSERT_TRUE(endorsement);
  EXPECT_EQ(endorsement->chain.standing, Standing::review);
}

TEST_F(RulesTest, AnUnknownAuthorityIsRefusedUnlessAPersonMayLook) {
  auto parts = reviewing();
  parts.unknown = UnknownRoots::refuse;
  EXPECT_EQ(refusal(trust_of(std::move(parts))), Code::ek_untrusted_root);
  const auto endorsement = checked(trust_of(reviewing()));
  ASSERT_TRUE(endorsement) << endorsement.error().to_string();
  EXPECT_EQ(endorsement->chain.standing, Standing::review);
  EXPECT_EQ(endorsement->chain.root, "unknown");
  EXPECT_EQ(endorsement->chain.root_subject, "CN=Test TPM root");
  EXPECT_EQ(endorsement->chain.links.size(), 2U) << "as far as it is known";
}

TEST_F(RulesTest, AnUnknownChainThatIsBrokenIsRefusedForThat) {
  const Trust trust = trust_of(reviewing());
  test::EkCertificate certificate;
  certificate.corrupt_signature = true;
  EXPECT_EQ(refusal(trust, certificate), Code::ek_signature);
  EXPECT_EQ(refusal(trust, {}, from_unix(2'000'000'001)), Code::ek_expired);
  EXPECT_EQ(refusal(trust, {}, from_unix(1'699'999'999)), Code::ek_not_yet_valid);
  certificate = {};
  certificate.unknown_critical = true;
  EXPECT_EQ(refusal(trust, certificate), Code::ek_unhandled_critical);
  certificate = {};
  certificate.is_ca = true;
  EXPECT_EQ(refusal(trust, certificate), Code::ek_is_ca);
  certificate = {};
  certificate.extended_key_usage = false;
  EXPECT_EQ(refusal(trust, certificate), Code::ek_eku);
  certificate = {};
  certificate.names = false;
  EXPECT_EQ(refusal(trust, certificate), Code::ek_names_missing);
}

TEST_F(RulesTest, ARevokedCertificateIsRefused) {
  auto parts = authority.parts(RootRule::trust);
  parts.check_crls = true;
  parts.crls.push_back(authority.crl({1, 2}, from_unix(1'900'000'000)));
  EXPECT_EQ(refusal(trust_of(std::move(parts))), Code::ek_revoked);
  parts = authority.parts(RootRule::trust);
  parts.check_crls = true;
  parts.crls.push_back(authority.crl({3}, from_unix(1'900'000'000)));
  EXPECT_TRUE(checked(trust_of(std::move(parts)))) << "another one is revoked";
}

TEST_F(RulesTest, AnExpiredListSaysNothingAndRefuses) {
  auto parts = authority.parts(RootRule::trust);
  parts.check_crls = true;
  parts.crls.push_back(authority.crl({}, from_unix(1'799'999'999)));
  EXPECT_EQ(refusal(trust_of(std::move(parts))), Code::ek_crl);
}

TEST_F(RulesTest, AMissingListIsNoErrorUnlessListsAreRequired) {
  auto parts = authority.parts(RootRule::trust);
  parts.check_crls = true;
  EXPECT_TRUE(checked(trust_of(std::move(parts))));
  parts = authority.parts(RootRule::trust);
  parts.check_crls = parts.crls_required = true;
  EXPECT_EQ(refusal(trust_of(std::move(parts))), Code::ek_crl);
  parts = authority.parts(RootRule::trust);
  parts.check_crls = parts.crls_required = true;
  parts.crls.push_back(authority.crl({}, from_unix(1'900'000'000)));
  EXPECT_EQ(refusal(trust_of(std::move(parts))), Code::ek_crl) << "the intermediate's is missing";
}

TEST_F(RulesTest, AListThatAnotherAuthoritySignedCountsForNothing) {
  auto parts = authority.parts(RootRule::trust);
  parts.check_crls = true;
  parts.crls.push_back(other.crl({2}, from_unix(1'900'000'000)));  // Of the same name.
  EXPECT_EQ(refusal(trust_of(std::move(parts))), Code::ek_crl);
}

}  // namespace
}  // namespace mintmark::attest::tpm2
