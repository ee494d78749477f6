// Certificates of signing keys, and the host's table of them: what is refused, and why.
#include <gtest/gtest.h>

#include "attest/offline/judge.h"
#include "attest/sev_snp/check.h"
#include "support/snp_maker.h"

namespace mintmark::attest::sev_snp {
namespace {

const Moment now = from_unix(1'800'000'000);

class SnpCertificates : public ::testing::Test {
 protected:
  static const test::SnpMaker& fresh() {
    static const test::SnpMaker maker;
    return maker;
  }
  Result<Checked> checked(const std::vector<Bytes>& certificates) const {
    std::vector<x509::Certificate> roots;
    roots.push_back(x509::parse_certificate(maker.root_der()));
    const auto trust = *x509::Trust::from_certificates(std::move(roots), {});
    return check_report(maker.report({}), certificates, trust, now);
  }
  void refused(Code code) const {
    const auto one = checked(maker.certificates());
    ASSERT_FALSE(one);
    EXPECT_EQ(one.error().code, code) << one.error().to_string();
  }
  test::SnpMaker maker = fresh();
};

TEST_F(SnpCertificates, MustBeThere) {
  EXPECT_EQ(checked({}).error().code, Code::snp_key_certificate_missing);
  EXPECT_EQ(checked({maker.certificates()[1]}).error().code, Code::snp_key_certificate_missing);
  EXPECT_EQ(checked({maker.certificates()[0]}).error().code, Code::certificate_untrusted_root);
}

TEST_F(SnpCertificates, MayComeTwiceButNotOfTwoKeys) {
  auto all = maker.certificates();
  all.push_back(all[0]);
  EXPECT_TRUE(checked(all));
  maker.key_options.product = "Genoa-B1";
  all.push_back(maker.certificates()[0]);
  EXPECT_EQ(checked(all).error().code, Code::snp_certificates_malformed);
}

TEST_F(SnpCertificates, OfTheOtherKindBesideTheRightOneAreNoHarm) {
  auto all = maker.certificates();
  maker.key_options.vlek = true;
  all.push_back(maker.certificates()[0]);
  maker.key_options.vlek = false;
  EXPECT_TRUE(checked(all));
}

TEST_F(SnpCertificates, ThatAreNoneOrTooManyAreRefused) {
  auto all = maker.certificates();
  all.push_back({0x30, 0x00});
  EXPECT_EQ(checked(all).error().code, Code::snp_certificates_malformed);
  all = std::vector<Bytes>(most_certificates + 1, maker.certificates()[0]);
  EXPECT_EQ(checked(all).error().code, Code::snp_certificates_malformed);
}

TEST_F(SnpCertificates, WithAKeyThatCostsTooMuchAreRefused) {
  const auto wide = test::new_pair("RSA-wide");
  const auto costly = test::issue({.subject = {{"CN", "costly"}}, .key = wide}, {nullptr, wide});
  auto all = maker.certificates();
  all.push_back(test::der_of(costly.get()));
  EXPECT_EQ(checked(all).error().code, Code::snp_certificates_malformed);
}

TEST_F(SnpCertificates, OfAReportThatNoKeySignedAreNotEvenLookedFor) {
  maker.before_signing = [](Bytes& report) { report[0x48] = 7U << 2U; };
  EXPECT_EQ(checked({}).error().code, Code::snp_signing_key);
}

TEST_F(SnpCertificates, WithoutOneOfAmdsExtensionsAreRefused) {
  for (const char* which : {"3.1", "3.2", "3.3", "3.8"}) {
    maker.key_options.changed = {{which, {}}};
    refused(Code::snp_key_certificate);
  }
  maker.key_options.product = maker.key_options.issued_as = "Turin";
  maker.key_options.changed = {{"3.9", {}}};
  refused(Code::snp_key_certificate);
}

TEST_F(SnpCertificates, WithoutALevelThatNobodyUsesAreTaken) {
  maker.key_options.changed = {{"3.4", {}}, {"3.7", {}}};
  EXPECT_TRUE(checked(maker.certificates()));
}

TEST_F(SnpCertificates, WithAnExtensionThatIsNoneOfAmdsAreRefused) {
  const Bytes trailing = {0x02, 0x01, 0x0A, 0x00};
  for (const Bytes& bad : {Bytes{0x04, 0x01, 0x0A}, Bytes{0x0A}, trailing, Bytes{0x02, 0x01, 0xFF},
                           test::der_integer(0x100)}) {
    maker.key_options.changed = {{"3.1", bad}};
    refused(Code::snp_key_certificate);
    maker.key_options.changed = {{"3.4", bad}};
    refused(Code::snp_key_certificate);
  }
  maker.key_options.changed = {{"2", {0x04, 0x01, 0x41}}};
  refused(Code::snp_key_certificate);
  maker.key_options.changed = {{"4", Bytes(63, 1)}};
  refused(Code::snp_key_certificate);
}

TEST_F(SnpCertificates, WithAnExtensionThatStandsTwiceAreRefused) {
  for (const auto& [which, content] : {std::pair<std::string, Bytes>{"3.1", test::der_integer(10)},
                                       {"3.4", test::der_integer(0)},
                                       {"2", test::der_text("Genoa")},
                                       {"4", test::SnpMaker::chip_id()}}) {
    SCOPED_TRACE(which);
    maker.key_options.more = {{which, content}};
    refused(Code::snp_key_certificate);
  }
}

TEST_F(SnpCertificates, WithChipAndProviderOrNeitherAreRefused) {
  maker.key_options.more = {{"5", test::der_text("cloud")}};
  refused(Code::snp_key_certificate);
  maker.key_options.more = {};
  maker.key_options.changed = {{"4", {}}};
  refused(Code::snp_key_certificate);
}

TEST_F(SnpCertificates, MayHaveTheChipAsAnOctetString) {
  maker.key_options.changed = {{"4", test::der_octets(test::SnpMaker::chip_id())}};
  EXPECT_TRUE(checked(maker.certificates()));
}

TEST_F(SnpCertificates, OfAnotherChipOrTcbAreRefused) {
  Bytes other = test::SnpMaker::chip_id();
  other[40] ^= 1U;
  maker.key_options.changed = {{"4", other}};
  refused(Code::snp_chip_id);
  maker.key_options.changed = {{"3.4", test::der_integer(1)}};
  refused(Code::snp_tcb);
  maker.key_options.changed = {{"3.8", test::der_integer(200)}};
  refused(Code::snp_tcb);
}

TEST_F(SnpCertificates, OfAProductThatIsNotKnownAreRefused) {
  maker.key_options.changed = {{"2", test::der_text("Venice")}};
  refused(Code::snp_product);
}

TEST_F(SnpCertificates, WithOtherNamesThanAmdsAreRefused) {
  maker.key_options.common_name = "SEV-VLEK";
  refused(Code::snp_key_certificate);
  maker.key_options.common_name.reset();
  maker.key_options.issued_as = "Milan";
  refused(Code::snp_key_certificate);
  maker.key_options.issued_as = "VLEK-Genoa";
  refused(Code::snp_key_certificate);
}

TEST_F(SnpCertificates, OfAnotherCurveOrAnAuthorityAreRefused) {
  maker.key_options.curve = "P-256";
  refused(Code::snp_key_certificate);
  maker.key_options.curve = "P-384";
  maker.key_options.ca = true;
  refused(Code::snp_key_certificate);
}

TEST_F(SnpCertificates, ComeInATableInItsOrder) {
  const auto all = maker.certificates();
  Bytes table = maker.table(all);
  EXPECT_EQ(*certificates_in_table(table), all);
  EXPECT_TRUE(looks_like_table(table));
  table.resize(8192);
  EXPECT_EQ(*certificates_in_table(table), all);
}

TEST_F(SnpCertificates, InATableMayBePemAndBesideOthersThatNobodyKnows) {
  const auto all = maker.certificates();
  const std::string pem = test::pem_text_of(x509::parse_certificate(all[0]).get());
  Bytes table(3 * 24);
  const Bytes good = maker.table(maker.certificates());
  std::copy(good.begin(), good.begin() + 24, table.begin() + 24);
  table[0] = 0xEC;  // A GUID that is not known, with nothing behind it.
  table[16] = 72;
  table[24 + 16] = 72;
  table[24 + 20] = static_cast<std::uint8_t>(pem.size());
  table[24 + 21] = static_cast<std::uint8_t>(pem.size() >> 8U);
  table.insert(table.end(), pem.begin(), pem.end());
  const auto found = certificates_in_table(table);
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(*found, std::vector<Bytes>{all[0]});
}

TEST_F(SnpCertificates, InADamagedTableAreRefused) {
  const Bytes good = maker.table(maker.certificates());
  const auto code = [](const Bytes& table) {
    const auto found = certificates_in_table(table);
    return found ? Code::internal : found.error().code;
  };
  const auto broken = [&](std::size_t at, std::uint8_t octet) {
    Bytes table = good;
    table[at] = octet;
    return code(table);
  };
  EXPECT_EQ(code({}), Code::snp_certificates_malformed);
  EXPECT_EQ(broken(16 + 3, 0x7F), Code::snp_certificates_malformed);  // Offset.
  EXPECT_EQ(broken(20 + 3, 0xFF), Code::snp_certificates_malformed);  // Length.
  EXPECT_EQ(broken(48, 1), Code::snp_certificates_malformed);         // No end.
  EXPECT_EQ(broken(72, 0), Code::snp_certificates_malformed);         // No certificate.
  EXPECT_EQ(code(Bytes(longest_table + 24)), Code::snp_certificates_malformed);
  Bytes endless;
  for (int i = 0; i < 40; ++i) endless.insert(endless.end(), 24, 0x11);
  for (std::size_t i = 0; i < endless.size(); i += 24) {
    std::fill_n(endless.begin() + static_cast<std::ptrdiff_t>(i) + 16, 8, std::uint8_t{0});
  }
  EXPECT_EQ(code(endless), Code::snp_certificates_malformed);
  for (std::size_t length = 0; length < good.size(); length += 5)
    EXPECT_EQ(code(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length))),
              Code::snp_certificates_malformed);
}

TEST_F(SnpCertificates, OfflineAreSortedByContentAndTheReportMustBeOne) {
  const auto all = maker.certificates();
  offline::Question question;
  question.format = "sev-snp";
  question.at = now;
  question.files = {maker.table(maker.certificates()), maker.report({})};
  EXPECT_EQ(offline::judge(question)->verdict, offline::Judgement::Verdict::parse);
  question.files = {all[1], maker.report({}), all[0], maker.report({})};
  EXPECT_EQ(offline::judge(question)->refusal->code, Code::evidence_files);
  question.files = {all[1], all[0]};
  EXPECT_EQ(offline::judge(question)->refusal->code, Code::evidence_files);
}

}  // namespace
}  // namespace mintmark::attest::sev_snp
