// Keys of a test's own authority: one that is as it must be, and each check broken alone.
#include <gtest/gtest.h>

#include <functional>

#include "attest/android_key/format.h"
#include "attest/vocabulary.h"
#include "support/android_chain.h"
#include "support/soft_key.h"

namespace mintmark::test {
namespace {

using attest::Facts;
using attest::android_key::make_format;
using attest::android_key::Options;

constexpr std::int64_t now = 1'800'000'000;
const Sha256 binding = sha256("a binding");

class AndroidKeys : public ::testing::Test {
 protected:
  [[nodiscard]] Options options() const {
    Options all;
    all.trust = maker.authority.trust();
    return all;
  }
  [[nodiscard]] Result<attest::Verdict> judge(const Json& evidence, const Options& by,
                                              std::int64_t at = now) const {
    auto format = make_format(by);
    if (!format) return pass_on(format);
    return (*format)->check({evidence, binding, key.public_key(), from_unix(at)});
  }
  [[nodiscard]] Json evidence() const { return maker.evidence(binding, key.public_key()); }
  [[nodiscard]] Code refusal(const Json& shown, const Options& by, std::int64_t at = now) const {
    const auto verdict = judge(shown, by, at);
    return verdict ? Code::internal : verdict.error().code;
  }
  [[nodiscard]] Code refusal(std::int64_t at = now) const {
    return refusal(evidence(), options(), at);
  }
  [[nodiscard]] Facts facts(const Options& by) const {
    const auto verdict = judge(evidence(), by);
    EXPECT_TRUE(verdict) << verdict.error().to_string();
    return verdict ? verdict->facts() : Facts{};
  }
  [[nodiscard]] Facts facts() const { return facts(options()); }
  Json& hardware() { return maker.device.description["hardwareEnforced"]; }
  Json& software() { return maker.device.description["softwareEnforced"]; }
  void say(const char* level) {
    maker.device.description["attestationSecurityLevel"] = level;
    maker.device.description["keyMintSecurityLevel"] = level;
  }

  AndroidMaker maker;
  SoftKey key;
};

using Words = std::vector<std::string>;

TEST_F(AndroidKeys, ThatATeeMadeOnAVerifiedDeviceAreProvenWithAllThatIsTold) {
  const auto verdict = judge(evidence(), options());
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  const Facts& told = verdict->facts();
  EXPECT_EQ(told.format, "android-key");
  EXPECT_EQ(told.key_protection, "hardware");
  EXPECT_EQ(told.proves, (Words{"application", "boot_state", "hardware", "token_key"}));
  EXPECT_EQ(told.standing, "trusted");
  EXPECT_EQ(told.chain.size(), 5U);
  EXPECT_EQ(told.manufacturer, "Example");
  EXPECT_EQ(told.model, "Handset 1");
  EXPECT_EQ(verdict->identity(), to_hex(sha256(key.public_key().to_spki())));
  EXPECT_EQ(verdict->device_key(), key.public_key());
  EXPECT_FALSE(verdict->boot());
  const std::map<std::string, attest::FactValue> more = {
      {"application", Words{"package:org.example.agent"}},
      {"application_signer",
       Words{"5555555555555555555555555555555555555555555555555555555555555555"}},
      {"boot_locked", true},
      {"boot_patch_level", std::int64_t{20240806}},
      {"boot_state", std::string("verified")},
      {"os_patch_level", std::int64_t{202408}},
      {"os_version", std::int64_t{140000}},
      {"security_level", std::string("trusted_environment")},
      {"vendor_patch_level", std::int64_t{20240805}},
      {"verified_boot_key",
       std::string("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")}};
  EXPECT_EQ(told.more, more);
  for (const auto& [name, value] : told.more) EXPECT_NE(attest::fact_named(name), nullptr) << name;
}

TEST_F(AndroidKeys, OfAFactoryAndOfAStrongBoxAreProven) {
  maker.device.factory = true;
  EXPECT_EQ(facts().key_protection, "hardware");
  EXPECT_EQ(facts().chain.size(), 4U);
  maker.device.level = "StrongBox";
  say("STRONG_BOX");
  EXPECT_EQ(facts().more.at("security_level"), attest::FactValue(std::string("strongbox")));
  maker.device.factory = false;
  EXPECT_EQ(facts().key_protection, "hardware");
}

TEST_F(AndroidKeys, ThatAreRsaAreProvenForEitherAlgorithm) {
  for (const auto algorithm : {jose::Algorithm::rs256, jose::Algorithm::ps256}) {
    key = SoftKey(algorithm);
    EXPECT_EQ(facts().key_protection, "hardware");
  }
}

// --- the evidence ---

TEST_F(AndroidKeys, WithoutAChainOrWithOneThatIsNoneAreRefused) {
  EXPECT_EQ(refusal(Json::object(), options()), Code::evidence_member);
  EXPECT_EQ(refusal({{"chain", "x"}}, options()), Code::evidence_member);
  EXPECT_EQ(refusal({{"chain", {"=="}}}, options()), Code::evidence_member);
  EXPECT_EQ(refusal({{"chain", Json::array()}}, options()), Code::android_chain_malformed);
  EXPECT_EQ(refusal(chain_evidence(std::vector<Bytes>(9, Bytes{1})), options()),
            Code::evidence_member);
  EXPECT_EQ(refusal(chain_evidence({Bytes{1}, Bytes{2}}), options()),
            Code::android_chain_malformed);
}

TEST_F(AndroidKeys, WithSomethingBehindACertificateAreRefused) {
  for (const std::uint8_t octet : Bytes{0x00, 0xFF, 0x01}) {
    auto chain = maker.chain(binding, key.public_key());
    chain[2].push_back(octet);
    EXPECT_EQ(refusal(chain_evidence(chain), options()), Code::android_chain_malformed);
  }
}

TEST_F(AndroidKeys, OutOfOrderOrWithACertificateMissingAreRefused) {
  const auto good = maker.chain(binding, key.public_key());
  for (std::size_t place = 1; place < good.size(); ++place) {
    auto chain = good;
    chain.erase(chain.begin() + static_cast<std::ptrdiff_t>(place));
    EXPECT_EQ(refusal(chain_evidence(chain), options()), Code::android_chain_malformed) << place;
    chain = good;
    std::swap(chain[place], chain[place == 1 ? 2 : 1]);
    EXPECT_NE(refusal(chain_evidence(chain), options()), Code::internal) << place;
  }
  EXPECT_EQ(refusal(chain_evidence({good[0]}), options()), Code::android_chain_malformed);
}

TEST_F(AndroidKeys, WithASignatureBrokenAreRefusedForIt) {
  for (std::size_t place = 0; place < 5; ++place) {
    auto chain = maker.chain(binding, key.public_key());
    chain[place].back() ^= 1U;
    EXPECT_EQ(refusal(chain_evidence(chain), options()), Code::certificate_signature) << place;
  }
}

TEST_F(AndroidKeys, WithoutTheExtensionAreRefused) {
  maker.device.attested = false;
  EXPECT_EQ(refusal(), Code::android_extension_missing);
}

TEST_F(AndroidKeys, WithAnExtensionThatIsNoneAreRefused) {
  maker.device.extension = Bytes{0x04, 0x04, 0x04, 0x02, 0x05, 0x00};
  EXPECT_EQ(refusal(), Code::android_extension_malformed);
  maker.device.extension.reset();
  maker.device.extension_twice = true;
  EXPECT_EQ(refusal(), Code::android_extension_malformed);
}

TEST_F(AndroidKeys, OfAVersionThatNobodyKnowsAreRefused) {
  maker.device.description["attestationVersion"] = "7";
  EXPECT_EQ(refusal(), Code::android_version_unknown);
}

// Who holds an attested key signs a certificate with it, for a key that no hardware has.
TEST_F(AndroidKeys, ThatAnAttestedKeyCertifiedAreRefused) {
  for (const bool factory : {false, true}) {
    maker.device.factory = factory;
    const auto chain =
        maker.authority.extended_chain(maker.bound_to(binding), key.public_key().to_spki());
    EXPECT_EQ(refusal(chain_evidence(chain), options()), Code::android_extension_misplaced);
  }
}

TEST_F(AndroidKeys, WithTheExtensionInAnAuthorityAreRefused) {
  for (const std::size_t place : {1U, 2U, 3U}) {
    maker.device.attested_too = place;
    EXPECT_EQ(refusal(), Code::android_extension_misplaced) << place;
    maker.device.attested = false;
    EXPECT_EQ(refusal(), Code::android_extension_misplaced) << place;
    maker.device.attested = true;
  }
}

TEST_F(AndroidKeys, WithProvisioningInformationElsewhereAreRefused) {
  for (const std::size_t place : {0U, 2U, 3U}) {
    maker.device.provisioning_info = place;
    EXPECT_EQ(refusal(), Code::android_provisioning) << place;
  }
}

// --- binding, root, time ---

TEST_F(AndroidKeys, ForAnotherChallengeAnEmptyOneOrAPrefixAreRefused) {
  const std::string whole = "VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVU=";
  for (const char* challenge : {"", "AAAA", whole.c_str()}) {
    maker.device.description["attestationChallenge"] = challenge;
    const auto chain = maker.authority.chain(maker.device, key.public_key().to_spki());
    EXPECT_EQ(refusal(chain_evidence(chain), options()), Code::android_challenge);
  }
}

TEST_F(AndroidKeys, OfAnotherAuthorityAreRefused) {
  const Json shown = evidence();
  maker.authority = AndroidAuthority();
  EXPECT_EQ(refusal(shown, options()), Code::certificate_untrusted_root);
}

TEST_F(AndroidKeys, OfARootThatOnlyHasTheNameOfAKnownOneAreRefused) {
  const Options known = options();
  maker.authority = AndroidAuthority(AndroidAuthority::Keys::p256, maker.authority.name());
  EXPECT_EQ(refusal(evidence(), known), Code::certificate_signature);
}

TEST_F(AndroidKeys, AreTakenByTheRootsKeyWhicheverCertificateOfItIsKnown) {
  Options renewed;
  renewed.trust = trust_in({maker.authority.renewed_root_der()});
  EXPECT_EQ(facts(renewed).standing, "trusted");
  auto chain = maker.chain(binding, key.public_key());
  chain.back() = maker.authority.renewed_root_der();
  EXPECT_TRUE(judge(chain_evidence(chain), options()));
}

TEST_F(AndroidKeys, ProvisionedRemotelyAreRefusedWhenTheirAuthoritiesHaveExpired) {
  maker.device.authorities_until = now - 1;
  EXPECT_EQ(refusal(), Code::certificate_expired);
}

TEST_F(AndroidKeys, OfAFactoryAreTakenWhenTheirAuthoritiesHaveExpired) {
  maker.device.factory = true;
  maker.device.authorities_until = now - 1;
  EXPECT_EQ(facts().key_protection, "hardware");
  // By its own word the same chain came from a server, so it should have been renewed.
  maker.device.provisioning_info = 1;
  EXPECT_EQ(refusal(), Code::certificate_expired);
}

TEST_F(AndroidKeys, OfAuthoritiesThatAreNotAliveYetAreRefused) {
  for (const bool factory : {false, true}) {
    maker.device.factory = factory;
    maker.device.authorities_from = now + 60;
    EXPECT_EQ(refusal(), Code::certificate_not_yet_valid);
  }
}

TEST_F(AndroidKeys, WhoseOwnCertificateIsNotAliveAreRefused) {
  for (const bool factory : {false, true}) {
    maker.device.factory = factory;
    maker.device.leaf_from = now + 60;
    EXPECT_EQ(refusal(), Code::certificate_not_yet_valid);
    maker.device.leaf_from = 0;
    maker.device.leaf_until = now - 60;
    EXPECT_EQ(refusal(), Code::certificate_expired);
    maker.device.leaf_until = now + 60;
  }
}

// As Sony's of 2016.
TEST_F(AndroidKeys, OfABatchCertificateThatIsNoAuthoritysAreTakenFromAFactoryAlone) {
  maker.device.batch_is_authority = false;
  EXPECT_EQ(refusal(), Code::certificate_chain_invalid);
  maker.device.factory = true;
  EXPECT_EQ(facts().key_protection, "hardware");
}

TEST_F(AndroidKeys, OfARootUnderReviewAreGoodAndProveNothing) {
  attest::x509::Trust::Parts parts;
  parts.anchors.push_back({attest::x509::parse_certificate(maker.authority.root_der()),
                           attest::x509::RootRule::review});
  Options review;
  review.trust =
      std::make_shared<const attest::x509::Trust>(*attest::x509::Trust::of(std::move(parts)));
  const Facts told = facts(review);
  EXPECT_EQ(told.standing, "review");
  EXPECT_EQ(told.key_protection, "unproven");
  EXPECT_EQ(told.proves, Words{});
}

// --- what the description says ---

TEST_F(AndroidKeys, HeldBySoftwareAreRefused) {
  say("SOFTWARE");
  EXPECT_EQ(refusal(), Code::android_software);
  say("TRUSTED_ENVIRONMENT");
  maker.device.description["attestationSecurityLevel"] = "SOFTWARE";
  EXPECT_EQ(refusal(), Code::android_software);
  say("TRUSTED_ENVIRONMENT");
  maker.device.description["keyMintSecurityLevel"] = "SOFTWARE";
  EXPECT_EQ(refusal(), Code::android_software);
}

TEST_F(AndroidKeys, OfLevelsThatContradictAreRefused) {
  maker.device.description["keyMintSecurityLevel"] = "STRONG_BOX";
  EXPECT_EQ(refusal(), Code::android_security_levels);
  say("STRONG_BOX");
  EXPECT_EQ(refusal(), Code::android_security_levels) << "the chain says TEE";
  maker.device.level = "";
  EXPECT_EQ(refusal(), Code::android_security_levels) << "the chain says nothing";
  maker.device.level = "StrongBox";
  say("TRUSTED_ENVIRONMENT");
  EXPECT_EQ(refusal(), Code::android_security_levels) << "the chain says StrongBox";
}

TEST_F(AndroidKeys, OfAnotherOriginOrOneThatSoftwareTellsAreRefused) {
  for (const char* origin : {"DERIVED", "IMPORTED", "SECURELY_IMPORTED", "77"}) {
    hardware()["origin"] = origin;
    EXPECT_EQ(refusal(), Code::android_key_origin) << origin;
  }
  hardware().erase("origin");
  software()["origin"] = "GENERATED";
  EXPECT_EQ(refusal(), Code::android_key_origin);
}

TEST_F(AndroidKeys, ThatMayNotSignAreRefused) {
  hardware()["purposes"] = {"3", "7"};
  EXPECT_EQ(refusal(), Code::android_key_purpose);
  hardware().erase("purposes");
  software()["purposes"] = {"2"};
  EXPECT_EQ(refusal(), Code::android_key_purpose);
}

TEST_F(AndroidKeys, OtherThanTheTokensAreRefused) {
  const Json shown = evidence();
  key = SoftKey();
  EXPECT_EQ(refusal(shown, options()), Code::attested_key_mismatch);
  key = SoftKey(jose::Algorithm::rs256);
  EXPECT_NE(refusal(shown, options()), Code::internal);
}

// What the owner signed is verified too, and may be a system that names any application.
TEST_F(AndroidKeys, ProveTheBootOfALockedDeviceAndAnApplicationOfTheMakersSystemAlone) {
  const Words least = {"hardware", "token_key"};
  const std::map<std::string, Words> of_locked = {
      {"VERIFIED", {"application", "boot_state", "hardware", "token_key"}},
      {"SELF_SIGNED", {"boot_state", "hardware", "token_key"}},
      {"UNVERIFIED", least},
      {"FAILED", least}};
  for (const auto& [state, words] : of_locked) {
    for (const bool locked : {true, false}) {
      hardware()["rootOfTrust"]["verifiedBootState"] = state;
      hardware()["rootOfTrust"]["deviceLocked"] = locked;
      const Facts told = facts();
      EXPECT_EQ(told.proves, locked ? words : least) << state << locked;
      EXPECT_EQ(told.more.at("boot_locked"), attest::FactValue(locked));
      EXPECT_EQ(told.more.count("application"), 1U) << "told, proven or not";
    }
  }
}

TEST_F(AndroidKeys, WhoseBootSoftwareAloneTellsProveNone) {
  hardware()["rootOfTrust"]["verifiedBootState"] = "FAILED";
  EXPECT_EQ(facts().more.at("boot_state"), attest::FactValue(std::string("failed")));
  software()["rootOfTrust"] = good_key_description()["hardwareEnforced"]["rootOfTrust"];
  hardware().erase("rootOfTrust");
  EXPECT_EQ(facts().more.count("boot_state"), 0U) << "software's word";
  EXPECT_EQ(facts().proves, (Words{"hardware", "token_key"}));
}

TEST_F(AndroidKeys, ThatSayNotWhoAskedForThemProveNoApplication) {
  software().erase("attestationApplicationId");
  EXPECT_EQ(facts().proves, (Words{"boot_state", "hardware", "token_key"}));
  EXPECT_EQ(facts().more.count("application"), 0U);
  EXPECT_EQ(facts().more.count("application_signer"), 0U);
}

// --- revocation ---

TEST_F(AndroidKeys, WhoseChainIsRevokedOrSuspendedAreRefused) {
  Options listed = options();
  for (const char* serial : {"6681152659205225093", "5cb838f1fe157a85"}) {
    listed.revocation_list =
        R"({"entries": {")" + std::string(serial) + R"(": {"status": "REVOKED"}}})";
    EXPECT_EQ(refusal(evidence(), listed), Code::android_revoked);
    listed.revocation_list =
        R"({"entries": {")" + std::string(serial) + R"(": {"status": "SUSPENDED"}}})";
    EXPECT_EQ(refusal(evidence(), listed), Code::android_suspended);
  }
  maker.device.batch_serial = "5cb838f1fe157a86";
  EXPECT_TRUE(judge(evidence(), listed));
}

TEST_F(AndroidKeys, AreNotJudgedByAListThatCannotBeRead) {
  Options listed = options();
  listed.revocation_list = "{}";
  const auto format = make_format(listed);
  ASSERT_FALSE(format);
  EXPECT_EQ(format.error().code, Code::android_revocation_list);
}

// --- software, where it is allowed ---

class SoftwareKeys : public AndroidKeys {
 protected:
  SoftwareKeys() { say("SOFTWARE"); }
  [[nodiscard]] Options allowing() const {
    Options all;
    all.trust = AndroidAuthority().trust();
    all.software = maker.authority.trust();
    return all;
  }
};

TEST_F(SoftwareKeys, AreTakenWhereTheirRootIsNamedAndProveNothing) {
  const Facts told = facts(allowing());
  EXPECT_EQ(told.key_protection, "unproven");
  EXPECT_EQ(told.proves, Words{});
  EXPECT_EQ(told.more.at("security_level"), attest::FactValue(std::string("software")));
}

TEST_F(SoftwareKeys, ThatClaimHardwareAreSoftwareAllTheSame) {
  say("TRUSTED_ENVIRONMENT");
  const Facts told = facts(allowing());
  EXPECT_EQ(told.key_protection, "unproven");
  EXPECT_EQ(told.proves, Words{});
  EXPECT_EQ(told.more.at("security_level"), attest::FactValue(std::string("software")));
}

TEST_F(SoftwareKeys, OfAOldKeystoreWithShortKeysAreTaken) {
  maker.authority = AndroidAuthority(AndroidAuthority::Keys::rsa_1024);
  EXPECT_EQ(facts(allowing()).key_protection, "unproven");
  say("TRUSTED_ENVIRONMENT");
  for (const bool factory : {false, true}) {
    maker.device.factory = factory;
    EXPECT_EQ(refusal(evidence(), options()), Code::certificate_chain_invalid)
        << "short keys vouch for no hardware";
  }
}

TEST_F(SoftwareKeys, MayHaveTheirWordInWhatSoftwareEnforces) {
  for (const char* member : {"origin", "purposes"}) {
    software()[member] = hardware()[member];
    hardware().erase(member);
  }
  EXPECT_EQ(facts(allowing()).key_protection, "unproven");
}

TEST_F(SoftwareKeys, OfAnotherRootAnotherChallengeOrOriginAreRefused) {
  const Json good = evidence();
  maker.device.description["attestationChallenge"] = "AAAA";
  EXPECT_EQ(refusal(chain_evidence(maker.authority.chain(maker.device, key.public_key().to_spki())),
                    allowing()),
            Code::android_challenge);
  hardware()["origin"] = "IMPORTED";
  EXPECT_EQ(refusal(evidence(), allowing()), Code::android_key_origin);
  maker.authority = AndroidAuthority();
  EXPECT_EQ(refusal(good, allowing()), Code::certificate_untrusted_root);
}

TEST_F(SoftwareKeys, AreNotVouchedForByARootOfHardware) {
  Options both = options();
  both.software = AndroidAuthority().trust();
  EXPECT_EQ(refusal(evidence(), both), Code::certificate_untrusted_root);
}

}  // namespace
}  // namespace mintmark::test
