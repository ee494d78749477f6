// Reports of SEV-SNP guests: each check broken alone, and refused for just that.
#include <gtest/gtest.h>

#include "attest/binding.h"
#include "attest/sev_snp/check.h"
#include "attest/sev_snp/format.h"
#include "attest/vocabulary.h"
#include "jose/base64url.h"
#include "support/snp_maker.h"
#include "support/soft_key.h"

namespace mintmark::attest::sev_snp {
namespace {

const Moment now = from_unix(1'800'000'000);
const Sha256 binding = sha256("a ticket's binding");

std::shared_ptr<const x509::Trust> trust_in(const Bytes& root, x509::RootRule rule) {
  x509::Trust::Parts parts;
  parts.anchors.push_back({x509::parse_certificate(root), rule});
  return std::make_shared<const x509::Trust>(*x509::Trust::of(std::move(parts)));
}

class SevSnp : public ::testing::Test {
 protected:
  // RSA keys take long to make.
  static const test::SnpMaker& fresh() {
    static const test::SnpMaker maker;
    return maker;
  }
  Result<Verdict> checked_as(const Json& evidence, Moment at = now) const {
    const auto format = *make_format({trust});
    return format->check({evidence, binding, key.public_key(), at});
  }
  Result<Verdict> checked() const { return checked_as(maker.evidence(binding, key.public_key())); }
  void refused(Code code) const {
    const auto verdict = checked();
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().code, code) << verdict.error().to_string();
  }
  // The report is signed with those octets in it.
  void with(std::size_t at, const Bytes& octets) {
    maker.before_signing = [=](Bytes& report) {
      std::copy(octets.begin(), octets.end(), report.begin() + static_cast<std::ptrdiff_t>(at));
    };
  }

  test::SnpMaker maker = fresh();
  test::SoftKey key;
  std::shared_ptr<const x509::Trust> trust = trust_in(maker.root_der(), x509::RootRule::trust);
};

TEST_F(SevSnp, IsTakenWithItsFacts) {
  const auto verdict = checked();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  const Facts& facts = verdict->facts();
  EXPECT_EQ(facts.format, "sev-snp");
  EXPECT_EQ(facts.key_protection, "unproven");
  EXPECT_EQ(facts.standing, "trusted");
  EXPECT_EQ(facts.manufacturer, "AMD");
  EXPECT_EQ(facts.proves, (std::vector<std::string>{"boot_state", "hardware"}));
  EXPECT_EQ(facts.chain.size(), 3U);
  const Json more = to_json(facts)["facts"];
  EXPECT_EQ(facts.more.at("measurement"), FactValue(to_hex(Bytes(48, 0xAA))));
  EXPECT_EQ(facts.more.at("host_data"), FactValue(to_hex(Bytes(32, 0xBB))));
  EXPECT_EQ(facts.more.at("chip"), FactValue(to_hex(test::SnpMaker::chip_id())));
  EXPECT_EQ(facts.more.at("product"), FactValue(std::string("Genoa")));
  EXPECT_EQ(facts.more.at("tcb"), FactValue(std::string("0a01000000001754")));
  EXPECT_EQ(facts.more.at("security_version"), FactValue(std::int64_t{7}));
  EXPECT_EQ(facts.more.at("vmpl"), FactValue(std::int64_t{0}));
  EXPECT_EQ(facts.more.count("signer_measurement"), 0U);
  EXPECT_FALSE(verdict->boot());
  EXPECT_EQ(verdict->device_key(), key.public_key());
  EXPECT_EQ(verdict->identity(),
            to_hex(hash_fields({as_bytes("sev-snp"), as_bytes(facts.root), Bytes(32, 0xCC)})));
  for (const auto& [name, value] : facts.more) EXPECT_NE(fact_named(name), nullptr) << name;
}

TEST_F(SevSnp, SaysWhatNobodyLookedAt) {
  const auto verdict = checked();
  ASSERT_TRUE(verdict);
  const auto words = std::get<std::vector<std::string>>(verdict->facts().more.at("not_evaluated"));
  EXPECT_TRUE(std::is_sorted(words.begin(), words.end()));
  for (const char* word : {"revocation", "minimum_tcb", "id_key", "platform_info"})
    EXPECT_EQ(std::count(words.begin(), words.end(), word), 1) << word;
}

TEST_F(SevSnp, IsTakenInEveryVersionOfEveryProductAndByEitherKey) {
  for (const char* product : {"Milan-B0", "Genoa", "Siena", "Turin-B1"}) {
    for (const std::uint32_t version : {2U, 3U, 5U}) {
      for (const bool vlek : {false, true}) {
        SCOPED_TRACE(product);
        SCOPED_TRACE(version);
        maker.version = version;
        const std::string line = std::string(product).substr(0, std::string(product).find('-'));
        maker.key_options = {
            .vlek = vlek, .product = product, .issued_as = line == "Siena" ? "Genoa" : line};
        maker.before_signing = [&](Bytes& report) {
          if (line == "Milan" && version >= 3) report[0x189] = 0x01;
          if (line == "Siena" && version >= 3) report[0x189] = 0xA0;
        };
        const auto verdict = checked();
        EXPECT_TRUE(verdict) << verdict.error().to_string();
      }
    }
  }
}

TEST_F(SevSnp, IsTakenWithTheHostsTable) {
  maker.with_table = true;
  EXPECT_TRUE(checked());
}

TEST_F(SevSnp, UnderARootInReviewProvesNothing) {
  trust = trust_in(maker.root_der(), x509::RootRule::review);
  const auto verdict = checked();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->facts().standing, "review");
  EXPECT_TRUE(verdict->facts().proves.empty());
}

// Whoever has an authority may sign reports with any guest's id.
class SnpReportId : public SevSnp {
 protected:
  static const test::SnpMaker& other() {
    static const test::SnpMaker maker("ARK-Other");
    return maker;
  }
  // nothing: a root is not known.
  using Rule = std::optional<x509::RootRule>;
  std::string identity(const test::SnpMaker& of, Rule own, Rule others) {
    static const test::SnpMaker third("ARK-Third");
    x509::Trust::Parts parts;
    parts.unknown = x509::UnknownRoots::review;
    for (const auto& [root, rule] :
         {std::pair{third.root_der(), Rule(x509::RootRule::trust)},
          std::pair{maker.root_der(), own}, std::pair{other().root_der(), others}}) {
      if (rule) parts.anchors.push_back({x509::parse_certificate(root), *rule});
    }
    trust = std::make_shared<const x509::Trust>(*x509::Trust::of(std::move(parts)));
    const auto verdict = checked_as(of.evidence(binding, key.public_key()));
    EXPECT_TRUE(verdict) << verdict.error().to_string();
    return verdict ? verdict->identity() : "";
  }
};

TEST_F(SnpReportId, UnderTwoAuthoritiesIsTwoDevicesUnderReviewToo) {
  const auto trusted = x509::RootRule::trust;
  const auto review = x509::RootRule::review;
  const std::string known = identity(maker, trusted, trusted);
  EXPECT_NE(identity(other(), trusted, trusted), known);
  EXPECT_NE(identity(other(), trusted, review), known);
  EXPECT_NE(identity(other(), trusted, std::nullopt), known);
  EXPECT_NE(identity(other(), review, review), identity(maker, review, review));
  EXPECT_NE(identity(other(), std::nullopt, std::nullopt),
            identity(maker, std::nullopt, std::nullopt));
}

TEST_F(SnpReportId, IsTheSameDeviceWhetherItsRootIsTrustedOrReviewed) {
  EXPECT_EQ(identity(maker, x509::RootRule::trust, std::nullopt),
            identity(maker, x509::RootRule::review, std::nullopt));
}

TEST_F(SevSnp, OfAMaskedChipIsTakenAndNamesNone) {
  with(0x1A0, Bytes(64));
  const auto verdict = checked();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->facts().more.at("chip"), FactValue(std::string()));
}

TEST_F(SevSnp, TellsTheAuthorsKeyAndALowerLevel) {
  maker.before_signing = [](Bytes& report) {
    report[0x48] |= 1U;
    report[0x110] = 0x5A;
    report[0x30] = 3;
  };
  const auto verdict = checked();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->facts().more.at("vmpl"), FactValue(std::int64_t{3}));
  EXPECT_EQ(std::get<std::string>(verdict->facts().more.at("signer_measurement")).substr(0, 4),
            "5a00");
}

TEST_F(SevSnp, WithoutMembersOrWithWrongOnesIsRefused) {
  for (const char* json :
       {"{}", R"({"report": 7})", R"({"report": "=="})",
        R"({"report": "AA", "certificates": "AA"})", R"({"report": "AA", "certificates": ["=="]})",
        R"({"report": "AA", "auxblob": ["AA"]})",
        R"({"report":"AA","certificates":["","","","","","","","",""]})"}) {
    const auto verdict = checked_as(Json::parse(json));
    ASSERT_FALSE(verdict) << json;
    EXPECT_EQ(verdict.error().code, Code::evidence_member) << json;
  }
}

TEST_F(SevSnp, OfAnotherSizeIsRefused) {
  maker.after_signing = [](Bytes& report) { report.push_back(0); };
  refused(Code::snp_report_malformed);
  maker.after_signing = [](Bytes& report) { report.pop_back(); };
  refused(Code::snp_report_malformed);
}

TEST_F(SevSnp, WithOctetsBehindTheSignatureIsRefused) {
  maker.after_signing = [](Bytes& report) { report.back() = 1; };
  refused(Code::snp_report_malformed);
}

TEST_F(SevSnp, OfAVersionThatIsNotKnownIsRefused) {
  for (const std::uint32_t version : {0U, 1U, 6U, 0xFFFFFFFFU}) {
    maker.version = version;
    refused(Code::snp_version);
  }
}

TEST_F(SevSnp, SignedByAnotherAlgorithmIsRefused) {
  with(0x34, {2});
  refused(Code::snp_signature_algorithm);
}

TEST_F(SevSnp, WithAWrongSignatureIsRefused) {
  for (const std::size_t at : {0x2A0U, 0x2A0U + 47U, 0x2A0U + 72U, 0x90U}) {
    maker.after_signing = [at](Bytes& report) { report[at] ^= 1U; };
    refused(Code::snp_signature);
  }
}

TEST_F(SevSnp, WithNumbersThatAreNoneOfP384IsRefused) {
  maker.after_signing = [](Bytes& report) { report[0x2A0 + 60] = 1; };
  refused(Code::snp_signature);
  maker.after_signing = [](Bytes& report) {
    std::fill(report.begin() + 0x2A0, report.end(), std::uint8_t{0});
  };
  refused(Code::snp_signature);
}

TEST_F(SevSnp, ThatSaysAnotherKindOfKeySignedIsRefused) {
  with(0x48, {4});
  refused(Code::snp_signing_key);
  maker.key_options.vlek = true;
  with(0x48, {0});
  refused(Code::snp_signing_key);
}

TEST_F(SevSnp, ThatSaysNoKeySignedIsRefused) {
  with(0x48, {7U << 2U});
  refused(Code::snp_signing_key);
}

TEST_F(SevSnp, OfAnotherProcessorLineThanTheCertificateIsRefused) {
  with(0x188, {0x1A, 0x02});
  refused(Code::snp_product);
}

TEST_F(SevSnp, OfAnotherChipThanTheCertificateIsRefused) {
  with(0x1A0, {0xEE});
  refused(Code::snp_chip_id);
  with(0x1A0 + 63, {0xEE});
  refused(Code::snp_chip_id);
  maker.key_options.product = maker.key_options.issued_as = "Turin";
  with(0x1A0 + 8, {0xEE});
  refused(Code::snp_chip_id);
}

TEST_F(SevSnp, OfAnotherTcbThanTheCertificateIsRefused) {
  for (std::size_t i = 0; i < 8; ++i) {
    with(0x180 + i, {0x21});
    refused(Code::snp_tcb);
  }
}

TEST_F(SevSnp, BoundToAnotherTicketIsRefused) {
  maker.before_signing = [](Bytes& report) { report[0x50] ^= 1U; };
  refused(Code::snp_report_data);
}

TEST_F(SevSnp, WithMoreThanTheBindingIsRefused) {
  for (const std::size_t at : {0x50U + 32U, 0x50U + 63U}) {
    with(at, {1});
    refused(Code::snp_report_data);
  }
}

TEST_F(SevSnp, OfADebuggedGuestIsRefused) {
  with(0x08 + 2, {0x0B});
  refused(Code::snp_debug);
}

TEST_F(SevSnp, ThatAnAgentMayMigrateIsRefused) {
  with(0x08 + 2, {0x07});
  refused(Code::snp_migration_agent);
}

TEST_F(SevSnp, ThatAHostAskedForIsRefused) {
  with(0x30, {0xFF, 0xFF, 0xFF, 0xFF});
  refused(Code::snp_vmpl);
  with(0x30, {4});
  refused(Code::snp_vmpl);
}

TEST_F(SevSnp, WithAReservedFieldSetIsRefused) {
  // Policy bit 17 clear, policy bit 26, flags bit 5, and what stands between fields.
  with(0x08 + 2, {0x01});
  refused(Code::snp_reserved);
  with(0x08 + 3, {0x04});
  refused(Code::snp_reserved);
  with(0x48, {0x20});
  refused(Code::snp_reserved);
  for (const std::size_t at : {0x4CU, 0x18BU, 0x19FU, 0x1EBU, 0x1EFU, 0x1F8U, 0x208U, 0x29FU}) {
    SCOPED_TRACE(at);
    with(at, {1});
    refused(Code::snp_reserved);
  }
  maker.version = 2;
  with(0x188, {0x19});
  refused(Code::snp_reserved);
}

TEST_F(SevSnp, UnderAnotherRootIsRefused) {
  static const test::SnpMaker other;
  trust = trust_in(other.root_der(), x509::RootRule::trust);
  const auto verdict = checked();
  ASSERT_FALSE(verdict);
  // The other test's root has the same name, so its key is tried.
  EXPECT_TRUE(verdict.error().code == Code::certificate_untrusted_root ||
              verdict.error().code == Code::certificate_signature);
}

TEST_F(SevSnp, UnderARefusedRootIsRefused) {
  trust = trust_in(maker.root_der(), x509::RootRule::refuse);
  refused(Code::certificate_untrusted_root);
}

TEST_F(SevSnp, BeforeAndAfterItsCertificatesLifeIsRefused) {
  const Json evidence = maker.evidence(binding, key.public_key());
  EXPECT_EQ(checked_as(evidence, from_unix(1'699'999'999)).error().code,
            Code::certificate_not_yet_valid);
  EXPECT_EQ(checked_as(evidence, from_unix(2'000'000'001)).error().code, Code::certificate_expired);
}

TEST_F(SevSnp, WithoutRootsThereIsNoFormat) {
  EXPECT_EQ(make_format({}).error().code, Code::config_invalid);
}

}  // namespace
}  // namespace mintmark::attest::sev_snp
