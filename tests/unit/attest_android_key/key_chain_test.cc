// What a chain may hold beside those certificates that lead to the root: nothing, for whoever
// submits it could make them, and rules are read from their names.
#include "attest/android_key/key_chain.h"

#include <gtest/gtest.h>

#include "attest/android_key/attestation.h"
#include "support/android_chain.h"
#include "support/soft_key.h"

namespace mintmark::test {
namespace {

using namespace attest::android_key;
using attest::x509::Trust;
using Chain = std::vector<Bytes>;
using Name = std::vector<std::pair<const char*, std::string>>;

constexpr std::int64_t now = 1'800'000'000;

class ChainsOfKeys : public ::testing::Test {
 protected:
  [[nodiscard]] Result<Attested> judge(const Chain& certificates, const Trust& trust) const {
    auto chain = parse_key_chain(certificates);
    if (!chain) return pass_on(chain);
    Terms terms;
    terms.trust = &trust;
    terms.at = from_unix(now);
    return check_attestation(*chain, terms);
  }
  [[nodiscard]] Code refusal(const Chain& certificates, const Trust& trust) const {
    const auto attested = judge(certificates, trust);
    return attested ? Code::internal : attested.error().code;
  }
  [[nodiscard]] Code refusal(const Chain& certificates) const {
    return refusal(certificates, *maker.authority.trust());
  }
  [[nodiscard]] Chain plain() const { return maker.authority.chain(maker.device, spki); }
  [[nodiscard]] Chain with(const Bytes& last) const {
    Chain chain = plain();
    chain.push_back(last);
    return chain;
  }
  [[nodiscard]] Chain below(const Name& above) const {
    return maker.authority.stacked_chain(maker.device, spki, above);
  }

  AndroidMaker maker;
  Bytes spki = SoftKey().public_key().to_spki();
};

TEST_F(ChainsOfKeys, AreGoodWithNothingAboveTheRoot) {
  for (const bool factory : {false, true}) {
    maker.device.factory = factory;
    EXPECT_TRUE(judge(plain(), *maker.authority.trust()));
  }
}

TEST_F(ChainsOfKeys, WithCertificatesAboveTheRootAreRefused) {
  for (const bool factory : {false, true}) {
    maker.device.factory = factory;
    EXPECT_EQ(refusal(below({{"CN", "Somebody else"}})), Code::android_chain_malformed);
    EXPECT_EQ(refusal(with(maker.authority.root_der())), Code::android_chain_malformed);
    EXPECT_EQ(refusal(with(maker.authority.renewed_root_der())), Code::android_chain_malformed);
  }
}

TEST_F(ChainsOfKeys, AreNoStrongBoxsByANameAboveTheRoot) {
  for (const bool factory : {false, true}) {
    maker.device.factory = factory;
    maker.device.description["attestationSecurityLevel"] = "STRONG_BOX";
    maker.device.description["keyMintSecurityLevel"] = "STRONG_BOX";
    EXPECT_EQ(refusal(plain()), Code::android_security_levels);
    for (const Name& name : {Name{{"CN", "StrongBox"}}, Name{{"O", "some StrongBox of mine"}},
                             Name{{"CN", "StrongBox"}, {"serialNumber", "1"}}})
      EXPECT_EQ(refusal(below(name)), Code::android_chain_malformed);
  }
}

// A factory's authorities are taken when they have expired, and when they are marked as none.
TEST_F(ChainsOfKeys, AreNoFactorysByANumberAboveTheRoot) {
  const Name numbered = {{"CN", "Somebody"}, {"serialNumber", "1"}};
  maker.device.provisioning_info = 99;
  maker.device.batch_is_authority = false;
  EXPECT_EQ(refusal(plain()), Code::certificate_chain_invalid);
  EXPECT_EQ(refusal(below(numbered)), Code::android_chain_malformed);
  EXPECT_EQ(refusal(with(maker.authority.root_der())), Code::android_chain_malformed)
      << "the root's own name has a number";
  maker.device.batch_is_authority = true;
  maker.device.authorities_until = now - 1;
  EXPECT_EQ(refusal(plain()), Code::certificate_expired);
  EXPECT_EQ(refusal(below(numbered)), Code::android_chain_malformed);
  EXPECT_EQ(refusal(with(maker.authority.root_der())), Code::android_chain_malformed);
}

TEST_F(ChainsOfKeys, AreRefusedWhereAnAuthorityBelowTheRootIsTrustedInItsPlace) {
  const Chain chain = plain();
  for (const std::size_t place : {1U, 2U, 3U})
    EXPECT_EQ(refusal(chain, *trust_in({chain[place]})), Code::android_chain_malformed) << place;
}

// --- the submitted beside the verified ---

class VerifiedChains : public ChainsOfKeys {
 protected:
  [[nodiscard]] static attest::x509::Chain verified(const Chain& certificates) {
    attest::x509::Chain chain;
    for (const Bytes& der : certificates) chain.links.push_back({"", "", to_hex(sha256(der))});
    chain.root = chain.links.back().sha256;
    return chain;
  }
  [[nodiscard]] static bool same(const Chain& submitted, const attest::x509::Chain& verified,
                                 const Trust& trust) {
    const auto checked = check_verified(parse_key_chain(submitted).value(), verified, trust);
    EXPECT_TRUE(checked || checked.error().code == Code::android_chain_malformed);
    return checked.has_value();
  }
  [[nodiscard]] bool same(const Chain& submitted, const attest::x509::Chain& verified) const {
    return same(submitted, verified, *maker.authority.trust());
  }
};

TEST_F(VerifiedChains, AreTheSubmittedOnesCertificateForCertificate) {
  const Chain chain = plain();
  EXPECT_TRUE(same(chain, verified(chain)));
  for (std::size_t place = 0; place + 1 < chain.size(); ++place) {
    Chain other = chain;
    other[place].back() ^= 1U;
    EXPECT_FALSE(same(chain, verified(other))) << place;
    other.erase(other.begin() + static_cast<std::ptrdiff_t>(place));
    EXPECT_FALSE(same(chain, verified(other))) << place;
    EXPECT_FALSE(same(other, verified(chain))) << place;
  }
}

TEST_F(VerifiedChains, MayEndInAnotherCertificateOfTheAnchorsNameAndKey) {
  Chain chain = plain();
  const auto by_the_root = verified(chain);
  chain.back() = maker.authority.renewed_root_der();
  EXPECT_TRUE(same(chain, by_the_root));
  chain.back() = maker.authority.renewed_root_der("another name");
  EXPECT_FALSE(same(chain, by_the_root));
  // Some signatures can be made to verify by a second key: the name is not enough.
  chain.back() = AndroidAuthority(AndroidAuthority::Keys::p256, maker.authority.name()).root_der();
  EXPECT_FALSE(same(chain, by_the_root));
}

TEST_F(VerifiedChains, OfARootThatNobodyKnowsEndInThatVeryCertificate) {
  const auto others = AndroidAuthority().trust();
  Chain chain = plain();
  auto unknown = verified(chain);
  unknown.root = attest::x509::unknown_root;
  EXPECT_TRUE(same(chain, unknown, *others));
  chain.back() = maker.authority.renewed_root_der();
  EXPECT_FALSE(same(chain, unknown, *others));
}

}  // namespace
}  // namespace mintmark::test
