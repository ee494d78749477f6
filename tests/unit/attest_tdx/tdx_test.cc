// Quotes of TDs: each check broken alone, and refused for just that.
#include <gtest/gtest.h>

#include "attest/offline/judge.h"
#include "attest/tdx/check.h"
#include "attest/tdx/format.h"
#include "attest/vocabulary.h"
#include "jose/base64url.h"
#include "support/soft_key.h"
#include "support/tdx_maker.h"

namespace mintmark::attest::tdx {
namespace {

const Moment now = from_unix(1'800'000'000);
const Sha256 binding = sha256("a ticket's binding");
constexpr std::size_t body_at = 48;
constexpr std::size_t attributes_at = body_at + 120;
constexpr std::size_t report_data_at = body_at + 520;
constexpr std::size_t signature_at = body_at + 584 + 4;

class Tdx : public ::testing::Test {
 protected:
  Result<Verdict> checked_as(const Json& evidence, Moment at = now) const {
    x509::Trust::Parts parts;
    parts.anchors.push_back({x509::parse_certificate(maker.root_der()), rule});
    const auto trust = std::make_shared<const x509::Trust>(*x509::Trust::of(std::move(parts)));
    const auto format = *make_format({.trust = trust, .collateral = {}});
    return format->check({evidence, binding, key.public_key(), at});
  }
  Result<Verdict> checked() const { return checked_as(maker.evidence(binding, key.public_key())); }
  void refused(Code code) const {
    const auto verdict = checked();
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().code, code) << verdict.error().to_string();
  }
  // Header and body are signed with those octets in them.
  void with(std::size_t at, const Bytes& octets) {
    maker.before_signing = [=](Bytes& quote) {
      std::copy(octets.begin(), octets.end(), quote.begin() + static_cast<std::ptrdiff_t>(at));
    };
  }
  void with_qe(std::size_t at, std::uint8_t octet) {
    maker.before_qe_signing = [=](Bytes& report) { report[at] = octet; };
  }
  void with_flipped(std::size_t at) {
    maker.after_signing = [at](Bytes& quote) { quote.at(at) ^= 1U; };
  }

  test::TdxMaker maker;
  test::SoftKey key;
  x509::RootRule rule = x509::RootRule::trust;
};

TEST_F(Tdx, IsTakenWithItsFacts) {
  const auto verdict = checked();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  const Facts& facts = verdict->facts();
  EXPECT_EQ(facts.format, "tdx");
  EXPECT_EQ(facts.key_protection, "unproven");
  EXPECT_EQ(facts.standing, "trusted");
  EXPECT_EQ(facts.manufacturer, "Intel");
  EXPECT_EQ(facts.proves, (std::vector<std::string>{"boot_state", "hardware"}));
  EXPECT_EQ(facts.chain.size(), 3U);
  EXPECT_EQ(facts.more.at("measurement"), FactValue(to_hex(Bytes(48, 0x22))));
  EXPECT_EQ(facts.more.at("signer_measurement"), FactValue(std::string(96, '0')));
  EXPECT_EQ(facts.more.at("tcb"), FactValue(std::string("06010300000000000000000000000000")));
  EXPECT_EQ(facts.more.at("tcb_status"), FactValue(std::string("not_evaluated")));
  EXPECT_EQ(facts.more.at("rtmrs"),
            FactValue(std::vector<std::string>{to_hex(Bytes(48, 0x30)), to_hex(Bytes(48, 0x31)),
                                               to_hex(Bytes(48, 0x32)), to_hex(Bytes(48, 0x33))}));
  EXPECT_TRUE(facts.pcrs.empty());
  EXPECT_EQ(verdict->identity(), to_hex(sha256("tdx " + key.jkt())));
  EXPECT_EQ(verdict->device_key(), key.public_key());
  for (const auto& [name, value] : facts.more) EXPECT_NE(fact_named(name), nullptr) << name;
}

TEST_F(Tdx, WithoutCollateralSaysThatNobodyLookedAtIt) {
  const auto verdict = checked();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->facts().more.at("not_evaluated"),
            FactValue(std::vector<std::string>{"pck_crl", "qe_identity", "root_crl", "tcb_info",
                                               "xfam"}));
}

TEST_F(Tdx, IsTakenInBothVersionsAndBothBodies) {
  maker.version = 5;
  EXPECT_TRUE(checked());
  maker.tdx_15 = true;
  const auto verdict = checked();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  const auto words = std::get<std::vector<std::string>>(verdict->facts().more.at("not_evaluated"));
  EXPECT_EQ(std::count(words.begin(), words.end(), "service_td"), 1);
  EXPECT_EQ(std::count(words.begin(), words.end(), "tee_tcb_svn_2"), 1);
}

TEST_F(Tdx, UnderARootInReviewProvesNothing) {
  rule = x509::RootRule::review;
  const auto verdict = checked();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->facts().standing, "review");
  EXPECT_TRUE(verdict->facts().proves.empty());
}

TEST_F(Tdx, WithoutAQuoteIsRefused) {
  for (const char* json : {"{}", R"({"quote": 7})", R"({"quote": "=="})"}) {
    const auto verdict = checked_as(Json::parse(json));
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().code, Code::evidence_member) << json;
  }
}

TEST_F(Tdx, CutAnywhereIsRefused) {
  const Bytes good = maker.quote(binding);
  for (std::size_t length = 0; length < good.size(); length += 7) {
    const Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
    const auto read = read_quote(cut);
    ASSERT_FALSE(read) << length;
    EXPECT_EQ(read.error().code, Code::tdx_quote_malformed) << length;
  }
}

TEST_F(Tdx, WithOctetsBehindItIsTakenUpToABound) {
  const std::size_t size = maker.quote(binding).size();
  maker.after_signing = [](Bytes& quote) { quote.resize(quote.size() + 100, 0xEE); };
  EXPECT_TRUE(checked());
  maker.after_signing = [](Bytes& quote) { quote.resize(quote.size() + most_trailing + 1); };
  refused(Code::tdx_quote_malformed);
  maker.after_signing = [](Bytes& quote) { quote.resize(longest_quote + 1); };
  refused(Code::tdx_quote_malformed);
  EXPECT_LT(size, longest_quote);
}

TEST_F(Tdx, WithSizesThatDoNotFitIsRefused) {
  // Of the signature data, one more and one less; of version 5's body.
  maker.after_signing = [](Bytes& quote) { quote[signature_at - 4] += 1; };
  refused(Code::tdx_quote_malformed);
  maker.after_signing = [](Bytes& quote) { quote[signature_at - 1] = 0xFF; };
  refused(Code::tdx_quote_malformed);
  maker.version = 5;
  maker.after_signing = nullptr;
  with(48, {1});
  refused(Code::tdx_quote_malformed);
  with(50, {0x89});
  refused(Code::tdx_quote_malformed);
}

TEST_F(Tdx, OfAnotherVersionIsRefused) {
  with(0, {3});
  refused(Code::tdx_version);
  with(0, {6});
  refused(Code::tdx_version);
}

TEST_F(Tdx, OfAnotherKindOfEnclaveIsRefused) {
  with(4, {0});
  refused(Code::tdx_tee_type);
}

TEST_F(Tdx, SignedByAnotherKindOfKeyIsRefused) {
  with(2, {3});
  refused(Code::tdx_key_type);
}

TEST_F(Tdx, OfAnotherVendorIsRefused) {
  with(12, {0x94});
  refused(Code::tdx_vendor);
}

TEST_F(Tdx, CertifiedInAnotherWayIsRefused) {
  maker.outer_type = 5;
  refused(Code::tdx_certification_data);
  maker.outer_type = 6;
  maker.inner_type = 3;
  refused(Code::tdx_certification_data);
}

TEST_F(Tdx, WithMoreOrLessThanAChainInsideIsRefused) {
  maker.after_inner = {0};
  refused(Code::tdx_certification_data);
  maker.after_inner.clear();
  maker.without_chain = true;
  refused(Code::tdx_certification_data);
  maker.without_chain = false;
  maker.after_chain = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  refused(Code::tdx_certification_data);
  maker.after_chain = std::string("\n\0", 2);
  EXPECT_TRUE(checked());
}

TEST_F(Tdx, WithAWrongSignatureIsRefused) {
  with_flipped(signature_at);
  refused(Code::tdx_signature);
  with_flipped(signature_at + 63);
  refused(Code::tdx_signature);
  with_flipped(body_at + 200);  // What was signed.
  refused(Code::tdx_signature);
  with_flipped(30);  // The header's last field.
  refused(Code::tdx_signature);
}

TEST_F(Tdx, OfAnotherAttestationKeyIsRefused) {
  with_flipped(signature_at + 64);
  refused(Code::tdx_qe_report_data);
}

TEST_F(Tdx, WithAWrongSignatureOnTheQuotingEnclavesReportIsRefused) {
  with_flipped(signature_at + 128 + 6 + 384);
  refused(Code::tdx_qe_report_signature);
  with_flipped(signature_at + 128 + 6 + 10);
  refused(Code::tdx_qe_report_signature);
}

TEST_F(Tdx, WhoseQuotingEnclaveVouchesForAnotherKeyIsRefused) {
  with_qe(320, 0);
  maker.before_qe_signing = [](Bytes& report) { report[320] ^= 1U; };
  refused(Code::tdx_qe_report_data);
  with_qe(320 + 32, 1);
  refused(Code::tdx_qe_report_data);
  maker.before_qe_signing = nullptr;
  with_flipped(signature_at + 128 + 6 + 384 + 64 + 2);  // Its own data.
  refused(Code::tdx_qe_report_data);
}

TEST_F(Tdx, OfAQuotingEnclaveThatIsNotIntelsIsRefused) {
  with_qe(128, 0);  // MRSIGNER
  refused(Code::tdx_qe_identity);
  with_qe(256, 1);  // ISVPRODID: the one that quotes SGX enclaves.
  refused(Code::tdx_qe_identity);
  with_qe(48, 0x17);  // ATTRIBUTES: DEBUG
  refused(Code::tdx_qe_identity);
}

TEST_F(Tdx, OfAModuleThatIsNotIntelsIsRefused) {
  with(body_at + 64, {1});
  refused(Code::tdx_module);
  with(body_at + 112, {1});
  refused(Code::tdx_module);
}

TEST_F(Tdx, WhosePckCertificateSaysNoPlatformIsRefused) {
  maker.pck_extension = [] { return Bytes{}; };
  refused(Code::tdx_pck_certificate);
  maker.pck_extension = [] { return Bytes{0x30, 0x00}; };
  refused(Code::tdx_pck_certificate);
  maker.pck_extension = [] { return Bytes{0x04, 0x01, 0x00}; };
  refused(Code::tdx_pck_certificate);
  maker.pck_extension = [] { return test::TdxMaker::sgx_extension(256); };
  refused(Code::tdx_pck_certificate);
  maker.pck_extension = [] { return test::TdxMaker::sgx_extension(5, 0x10000); };
  refused(Code::tdx_pck_certificate);
  maker.pck_extension = [] {
    Bytes extension = test::TdxMaker::sgx_extension();
    extension.push_back(0);
    return extension;
  };
  refused(Code::tdx_pck_certificate);
  maker.pck_extension = nullptr;
  maker.more_extensions = {{"1.2.840.113741.1.13.1", test::TdxMaker::sgx_extension()}};
  refused(Code::tdx_pck_certificate);
}

TEST_F(Tdx, WhosePckCertificateIsAnAuthoritysOrOfAnotherCurveIsRefused) {
  maker.pck_ca = true;
  refused(Code::tdx_pck_certificate);
  maker.pck_ca = false;
  maker.pck_curve = "P-384";
  refused(Code::tdx_pck_certificate);
}

TEST_F(Tdx, BoundToAnotherTicketIsRefused) {
  maker.before_signing = [](Bytes& quote) { quote[report_data_at] ^= 1U; };
  refused(Code::tdx_report_data);
}

TEST_F(Tdx, WithMoreThanTheBindingIsRefused) {
  with(report_data_at + 32, {1});
  refused(Code::tdx_report_data);
  with(report_data_at + 63, {1});
  refused(Code::tdx_report_data);
}

TEST_F(Tdx, UnderDebugIsRefused) {
  with(attributes_at, {1});
  refused(Code::tdx_debug);
  with(attributes_at, {0x20});  // PERF_PROF
  refused(Code::tdx_debug);
}

TEST_F(Tdx, WithAReservedAttributeIsRefused) {
  for (const std::size_t at : {1U, 4U, 6U}) {
    with(attributes_at + at, {2});
    refused(Code::tdx_reserved);
  }
}

TEST_F(Tdx, UnderAnotherRootIsRefused) {
  const test::TdxMaker other;
  const auto verdict = checked_as(other.evidence(binding, key.public_key()));
  ASSERT_FALSE(verdict);
  EXPECT_TRUE(verdict.error().code == Code::certificate_untrusted_root ||
              verdict.error().code == Code::certificate_signature);
}

TEST_F(Tdx, UnderARefusedRootIsRefused) {
  rule = x509::RootRule::refuse;
  refused(Code::certificate_untrusted_root);
}

TEST_F(Tdx, BeforeAndAfterItsCertificatesLifeIsRefused) {
  const Json evidence = maker.evidence(binding, key.public_key());
  EXPECT_EQ(checked_as(evidence, from_unix(1'699'999'999)).error().code,
            Code::certificate_not_yet_valid);
  EXPECT_EQ(checked_as(evidence, from_unix(2'000'000'001)).error().code, Code::certificate_expired);
}

TEST_F(Tdx, WithoutRootsThereIsNoFormat) {
  EXPECT_EQ(make_format({}).error().code, Code::config_invalid);
}

TEST_F(Tdx, OwnReportIsReadAndNobodyVouchesForIt) {
  const Bytes whole = maker.local_report();
  const auto read = read_td_report(whole);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->missing, 0U);
  EXPECT_EQ(to_hex(read->report.mr_td), to_hex(Bytes(48, 0x22)));
  EXPECT_EQ(to_hex(read->report.rtmrs[3]), to_hex(Bytes(48, 0x33)));
  EXPECT_EQ(to_hex(read->report.report_data), to_hex(Bytes(64, 0x66)));
  offline::Question question;
  question.format = "tdx";
  question.files = {whole};
  const auto judgement = offline::judge(question);
  EXPECT_EQ(judgement->verdict, offline::Judgement::Verdict::parse);
  EXPECT_EQ(judgement->facts["local_report"]["mr_td"], to_hex(Bytes(48, 0x22)));
  for (const std::size_t at : {0U, 256U, 260U}) {
    Bytes bad = whole;
    bad[at] ^= 0x10U;
    EXPECT_FALSE(read_td_report(bad)) << at;
  }
  EXPECT_FALSE(read_td_report(Bytes(1023)));
}

TEST_F(Tdx, OfflineOneQuoteIsJudged) {
  offline::Question question;
  question.format = "tdx";
  question.files = {maker.quote(binding), maker.quote(binding)};
  EXPECT_EQ(offline::judge(question)->refusal->code, Code::evidence_files);
  question.files.pop_back();
  const auto judgement = offline::judge(question);
  EXPECT_EQ(judgement->verdict, offline::Judgement::Verdict::parse);
  EXPECT_EQ(judgement->facts["quote_signature_valid"], true);
}

}  // namespace
}  // namespace mintmark::attest::tdx
