// Format "x509": what a device with an identity certificate shows, each check broken alone.
#include "attest/x509/format.h"

#include <gtest/gtest.h>

#include <openssl/pem.h>

#include "attest/vocabulary.h"
#include "jose/base64url.h"
#include "support/identity_maker.h"
#include "support/openssl_pair.h"
#include "support/soft_key.h"

namespace mintmark::attest::x509 {
namespace {

using jose::Algorithm;
using test::IdentityDevice;
using test::IdentityOptions;
using test::PssParameters;

const Moment now = from_unix(1'800'000'000);

Trust::Parts parts_of(const test::IdentityMaker& maker, RootRule rule = RootRule::trust) {
  Trust::Parts parts;
  parts.anchors.push_back({parse_certificate(maker.root()), rule});
  return parts;
}

class X509Format : public ::testing::Test {
 protected:
  X509Format() { trusting(parts_of(maker)); }
  void trusting(Trust::Parts parts) {
    format = make_format(
        {std::make_shared<const Trust>(std::move(Trust::of(std::move(parts)).value()))});
  }
  Result<Verdict> checked(const Json& evidence, Moment at = now) const {
    return format->check(
        {.evidence = evidence, .binding = binding, .key = token.public_key(), .at = at});
  }
  Result<Verdict> checked(const IdentityDevice& device) const {
    return checked(device.evidence(binding, token.public_key()));
  }
  Facts facts_of(const IdentityDevice& device) const {
    const auto verdict = checked(device);
    EXPECT_TRUE(verdict) << verdict.error().to_string();
    return verdict ? verdict->facts() : Facts{};
  }
  Code refusal(const Json& evidence, Moment at = now) const {
    const auto verdict = checked(evidence, at);
    EXPECT_FALSE(verdict);
    return verdict ? Code::internal : verdict.error().code;
  }
  Code refusal(const IdentityOptions& options) const {
    return refusal(IdentityDevice(maker, options).evidence(binding, token.public_key()));
  }
  Json good() const { return IdentityDevice(maker).evidence(binding, token.public_key()); }
  Json with(const char* member, const Json& value) const {
    Json evidence = good();
    evidence[member] = value;
    return evidence;
  }

  test::IdentityMaker maker;
  test::SoftKey token;
  Sha256 binding = sha256("a binding");
  std::unique_ptr<Format> format;
};

using Words = std::vector<std::string>;

TEST_F(X509Format, TellsWhatTheCertificateSaysOfTheDevice) {
  const IdentityDevice device(maker);
  const auto verdict = checked(device);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->identity(), to_hex(sha256(device.spki())));
  EXPECT_EQ(verdict->device_key().thumbprint(), token.jkt());
  EXPECT_EQ(verdict->at(), now);
  EXPECT_FALSE(verdict->boot());
  const Facts& facts = verdict->facts();
  EXPECT_EQ(facts.format, format->name());
  EXPECT_EQ(facts.standing, "trusted");
  EXPECT_EQ(facts.root, to_hex(sha256(maker.root())));
  EXPECT_EQ(facts.root_subject, "CN=Test Maker root");
  ASSERT_EQ(facts.chain.size(), 3U);
  EXPECT_EQ(facts.chain[0].sha256, to_hex(sha256(device.certificate())));
  EXPECT_EQ(facts.manufacturer, "Test Maker");
  EXPECT_EQ(facts.model, "");
  EXPECT_EQ(facts.more.at("hardware_module"), FactValue("2.23.133.1.2:GW7:0001"));
  EXPECT_EQ(facts.more.at("policies"), FactValue(Words{"2.23.133.11.1.1", "2.23.133.11.1.2"}));
  for (const auto& [name, value] : facts.more) EXPECT_NE(fact_named(name), nullptr) << name;
}

TEST_F(X509Format, ASecondKeyIsAttestedByNoCertificate) {
  const Facts facts = facts_of(IdentityDevice(maker));
  EXPECT_EQ(facts.key_protection, "unproven");
  EXPECT_EQ(facts.proves, Words{"hardware"});
}

class X509OwnKey : public X509Format {
 protected:
  // The token's key is the certificate's.
  Facts facts_with(const IdentityOptions& options) const {
    const auto pair = test::make_openssl_pair(Algorithm::es256);
    const IdentityDevice device(maker, pair, Algorithm::es256, options);
    const auto key = jose::PublicKey::from_spki(device.spki()).value();
    const Json evidence = device.evidence(binding, key);
    const auto verdict =
        format->check({.evidence = evidence, .binding = binding, .key = key, .at = now});
    EXPECT_TRUE(verdict) << verdict.error().to_string();
    return verdict ? verdict->facts() : Facts{};
  }
};

TEST_F(X509OwnKey, OfATpmThatItCannotLeaveIsInHardware) {
  const Facts facts = facts_with({});
  EXPECT_EQ(facts.key_protection, "hardware");
  EXPECT_EQ(facts.proves, (Words{"hardware", "token_key"}));
}

TEST_F(X509OwnKey, ThatIsNotSaidToBeFixedOrResidentIsUnproven) {
  IdentityOptions options;
  for (const Words& policies : {Words{"2.23.133.11.1.1"}, Words{"2.23.133.11.1.2"}, Words{},
                                Words{"2.23.133.11.1.1", "2.23.133.11.1.3"}}) {
    options.policies = policies;
    const Facts facts = facts_with(options);
    EXPECT_EQ(facts.key_protection, "unproven");
    EXPECT_EQ(facts.proves, Words{"hardware"});
  }
}

TEST_F(X509OwnKey, ThatNobodyCallsHardwareProvesNothing) {
  IdentityOptions options;
  options.policies = {"2.23.133.11.1.2", "2.5.29.32.0"};
  options.module_type = "";
  const Facts facts = facts_with(options);
  EXPECT_EQ(facts.key_protection, "unproven");
  EXPECT_TRUE(facts.proves.empty());
  EXPECT_EQ(facts.manufacturer, "") << "whose organisation that is, nobody says";
  EXPECT_EQ(facts.more.count("hardware_module"), 0U);
}

TEST_F(X509OwnKey, OfARootUnderReviewProvesNothing) {
  trusting(parts_of(maker, RootRule::review));
  const Facts facts = facts_with({});
  EXPECT_EQ(facts.standing, "review");
  EXPECT_EQ(facts.key_protection, "unproven");
  EXPECT_TRUE(facts.proves.empty());
}

TEST_F(X509OwnKey, OfAnUnknownRootProvesNothingWhereThoseAreReviewed) {
  const test::IdentityMaker other;
  auto parts = parts_of(other);
  parts.unknown = UnknownRoots::review;
  trusting(std::move(parts));
  const Facts facts = facts_with({});
  EXPECT_EQ(facts.root, unknown_root);
  EXPECT_EQ(facts.key_protection, "unproven");
  EXPECT_TRUE(facts.proves.empty());
}

TEST_F(X509Format, TakesEachAlgorithmThatFitsItsKey) {
  for (const Algorithm algorithm : jose::all_algorithms) {
    const auto verdict = checked(IdentityDevice(maker, IdentityOptions{}, algorithm));
    EXPECT_TRUE(verdict) << jose::name_of(algorithm) << verdict.error().to_string();
  }
  for (const auto parameters : {PssParameters::none, PssParameters::sha256}) {
    const auto verdict =
        checked(IdentityDevice(maker, test::make_pss_pair(parameters), Algorithm::ps256));
    EXPECT_TRUE(verdict) << verdict.error().to_string();
  }
}

TEST_F(X509Format, AnAlgorithmThatDoesNotFitTheKeyIsRefused) {
  for (const char* alg : {"ES384", "RS256", "PS256", "Ed25519", "EdDSA", "none", "HS256", "es256"})
    EXPECT_EQ(refusal(with("alg", alg)), Code::x509_signature_scheme) << alg;
  const IdentityDevice pss(maker, test::make_pss_pair(PssParameters::sha256), Algorithm::ps256);
  Json evidence = pss.evidence(binding, token.public_key());
  evidence["alg"] = "RS256";
  EXPECT_EQ(refusal(evidence), Code::x509_signature_scheme);
  evidence = IdentityDevice(maker, IdentityOptions{}, Algorithm::rs256)
                 .evidence(binding, token.public_key());
  evidence["alg"] = "ES256";
  EXPECT_EQ(refusal(evidence), Code::x509_signature_scheme);
  evidence["alg"] = "PS256";  // The key may; this signature is none.
  EXPECT_EQ(refusal(evidence), Code::x509_possession);
}

TEST_F(X509Format, AKeyWhoseParametersAllowNoPs256IsRefused) {
  for (const auto parameters : {PssParameters::sha384, PssParameters::long_salt}) {
    const auto pair = test::make_pss_pair(parameters);
    const IdentityDevice maybe(maker, IdentityOptions{}, Algorithm::ps256);
    Json evidence = maybe.evidence(binding, token.public_key());
    unsigned char* der = nullptr;
    const int length = i2d_PUBKEY(pair.get(), &der);
    ASSERT_GT(length, 0);
    const Bytes spki(der, der + length);
    OPENSSL_free(der);
    evidence["certificate"] = jose::base64url(maker.certify(spki));
    EXPECT_EQ(refusal(evidence), Code::x509_signature_scheme);
  }
}

TEST_F(X509Format, AP521KeySignsByNoAlgorithmOfOurs) {
  const std::shared_ptr<EVP_PKEY> pair(EVP_EC_gen("P-521"), &EVP_PKEY_free);
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(pair.get(), &der);
  ASSERT_GT(length, 0);
  const Bytes spki(der, der + length);
  OPENSSL_free(der);
  EXPECT_EQ(refusal(with("certificate", jose::base64url(maker.certify(spki)))),
            Code::x509_signature_scheme);
}

TEST_F(X509Format, ASignatureOverAnythingElseIsNoPossession) {
  const IdentityDevice device(maker);
  const Sha256 other = sha256("another binding");
  EXPECT_EQ(refusal(device.evidence(other, token.public_key())), Code::x509_possession);
  for (const Bytes& octets : {Bytes{}, Bytes(binding.begin(), binding.end() - 1),
                              to_bytes(sha256(BytesView(binding))), Bytes(32)})
    EXPECT_EQ(refusal(with("signature", jose::base64url(device.sign(octets)))),
              Code::x509_possession);
}

TEST_F(X509Format, ASignatureByAnotherKeyIsNoPossession) {
  const IdentityDevice other(maker);
  EXPECT_EQ(refusal(with("signature", jose::base64url(other.sign(binding)))),
            Code::x509_possession);
  EXPECT_EQ(refusal(with("signature", jose::base64url(token.sign(binding)))),
            Code::x509_possession);
  EXPECT_EQ(refusal(with("certificate", jose::base64url(other.certificate()))),
            Code::x509_possession);
}

TEST_F(X509Format, ASignatureCutOrLongerOrWithABitFlippedIsNoPossession) {
  const IdentityDevice device(maker);
  const Bytes whole = device.sign(binding);
  const auto with_signature = [&](const Bytes& signature) {
    Json evidence = device.evidence(binding, token.public_key());
    evidence["signature"] = jose::base64url(signature);
    return refusal(evidence);
  };
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto end = whole.begin() + static_cast<std::ptrdiff_t>(length);
    EXPECT_EQ(with_signature({whole.begin(), end}), Code::x509_possession);
    Bytes flipped = whole;
    flipped[length] ^= 4U;
    EXPECT_EQ(with_signature(flipped), Code::x509_possession);
  }
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_EQ(with_signature(longer), Code::x509_possession);
  EXPECT_EQ(with_signature(jose::signature_to_der(Algorithm::es256, whole).value()),
            Code::x509_possession);
}

TEST_F(X509Format, EvidenceThatIsNotWholeIsRefusedByItsMember) {
  for (const char* member : {"certificate", "alg", "signature"}) {
    Json evidence = good();
    evidence.erase(member);
    const auto verdict = checked(evidence);
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().code, Code::evidence_member);
    EXPECT_NE(verdict.error().detail.find(std::string("evidence.\"") + member), std::string::npos)
        << verdict.error().detail;
    EXPECT_EQ(refusal(with(member, 7)), Code::evidence_member);
    EXPECT_EQ(refusal(with(member, "\xC3\xA4 =")), Code::evidence_member);
  }
  EXPECT_EQ(refusal(with("chain", "text")), Code::evidence_member);
  EXPECT_EQ(refusal(with("chain", Json::array({7}))), Code::evidence_member);
  EXPECT_EQ(refusal(with("chain", Json(Words(most_offered + 1, "AAAA")))), Code::evidence_member);
}

TEST_F(X509Format, WithoutAChainIsTakenWhereTheIssuerKnowsTheAuthority) {
  Json evidence = good();
  evidence.erase("chain");
  EXPECT_EQ(refusal(evidence), Code::certificate_untrusted_root);
  auto parts = parts_of(maker);
  parts.intermediates.push_back(parse_certificate(maker.authority()));
  trusting(std::move(parts));
  EXPECT_TRUE(checked(evidence));
}

TEST_F(X509Format, OfAnotherMakerIsRefusedEvenWithItsRootInTheChain) {
  const test::IdentityMaker other;
  Json evidence = IdentityDevice(other).evidence(binding, token.public_key());
  EXPECT_EQ(refusal(evidence), Code::certificate_untrusted_root);
  evidence["chain"].push_back(jose::base64url(other.root()));
  EXPECT_EQ(refusal(evidence), Code::certificate_untrusted_root);
}

TEST_F(X509Format, BreaksOnEachCheckOfTheCertificate) {
  IdentityOptions options;
  options.common_name = options.module_type = "";
  EXPECT_EQ(refusal(options), Code::certificate_names);
  options = {};
  options.basic_constraints = "critical,CA:TRUE";
  EXPECT_EQ(refusal(options), Code::certificate_is_ca);
  options = {};
  options.key_usage = "critical,keyEncipherment";
  EXPECT_EQ(refusal(options), Code::certificate_usage);
  options = {};
  options.unknown_critical = true;
  EXPECT_EQ(refusal(options), Code::certificate_unhandled_critical);
  options = {};
  options.not_before = now + std::chrono::seconds(1);
  EXPECT_EQ(refusal(options), Code::certificate_not_yet_valid);
  options = {};
  options.not_after = now - std::chrono::seconds(1);
  EXPECT_EQ(refusal(options), Code::certificate_expired);
  EXPECT_EQ(refusal(with("certificate", "AAAA")), Code::certificate_chain_invalid);
}

TEST_F(X509Format, ARevokedDeviceIsRefused) {
  const auto with_crl = [&](const std::vector<long>& revoked, Moment until) {
    auto parts = parts_of(maker);
    const Bytes pem = maker.crl_pem(revoked, until);
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
    parts.crls.emplace_back(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
    parts.check_crls = true;
    trusting(std::move(parts));
  };
  with_crl({2, 9}, now + std::chrono::hours(1));
  EXPECT_EQ(refusal(good()), Code::certificate_revoked);
  with_crl({9}, now + std::chrono::hours(1));
  EXPECT_TRUE(checked(good()));
  Json alone = good();
  alone.erase("chain");
  EXPECT_EQ(refusal(alone), Code::certificate_untrusted_root)
      << "what is missing is its authority, not a list";
}

TEST_F(X509Format, ACertificateWithABitFlippedOrCutIsRefused) {
  const IdentityDevice device(maker);
  const Bytes whole = device.certificate();
  Json evidence = device.evidence(binding, token.public_key());
  for (std::size_t at = 0; at < whole.size(); at += 5) {
    Bytes bad = whole;
    bad[at] ^= static_cast<std::uint8_t>(1U << at % 8);
    evidence["certificate"] = jose::base64url(bad);
    EXPECT_FALSE(checked(evidence)) << at;
    evidence["certificate"] = jose::base64url(BytesView(whole).first(at));
    EXPECT_FALSE(checked(evidence)) << at;
  }
}

}  // namespace
}  // namespace mintmark::attest::x509
