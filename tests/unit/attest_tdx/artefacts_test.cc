// Quotes of real platforms and what Intel published of some, judged as tdx/cases.json says, with
// every field that it expects; then with each check broken. Nothing here knows a file by its name.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "attest/tdx/check.h"
#include "attest/tdx/tcb.h"
#include "support/guest_entries.h"

namespace mintmark::test {
namespace {

namespace tdx = attest::tdx;
namespace x509 = attest::x509;
using attest::offline::Judgement;
using attest::offline::Question;
using attest::offline::to_json;

const std::string topic = "tdx";

/// The quote of an entry, read, and how many octets of its file it takes.
struct Evidence {
  Bytes octets;
  tdx::Quote quote;
  std::size_t size = 0;
  std::size_t chain_at = 0;  ///< Where the PEM text begins.
};

std::optional<Evidence> evidence_of(const GuestEntry& entry) {
  for (const Bytes& file : entry.files) {
    auto quote = tdx::read_quote(file);
    if (!quote) continue;
    const std::size_t size = file.size() - quote->trailing;
    const std::size_t at = as_text(file).find("-----BEGIN ");
    return Evidence{file, std::move(*quote), size, at};
  }
  return std::nullopt;
}

Question question_of(const GuestEntry& entry, const x509::Trust& trust) {
  Question question;
  question.format = "tdx";
  question.files = entry.files;
  question.roots = &trust;
  const auto evidence = evidence_of(entry);
  question.at =
      moment_for(evidence ? evidence->quote.pck_chain : std::vector<Bytes>{}, anchor_files(topic));
  return question;
}

// All that entries give as a reference: collateral, reports of TDs.
std::vector<Bytes> reference_files() {
  std::vector<Bytes> all;
  for (const GuestEntry& entry : guest_entries(topic)) {
    if (entry.answer == "reference") all.insert(all.end(), entry.files.begin(), entry.files.end());
  }
  return all;
}

tdx::Collateral reference_collateral() {
  std::vector<Bytes> files = reference_files();
  std::erase_if(files, [](const Bytes& file) { return tdx::looks_like_td_report(file); });
  auto collateral = tdx::read_collateral(files);
  EXPECT_TRUE(collateral) << collateral.error().to_string();
  return collateral ? std::move(*collateral) : tdx::Collateral{};
}

class TdxArtefacts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  }
  // Calls `look` with every quote that is to be accepted and a good question of it alone.
  template <typename Look>
  void for_each_good(Look look) {
    std::size_t count = 0;
    const auto trust = trust_of(anchor_files(topic));
    for (const GuestEntry& entry : guest_entries(topic)) {
      if (entry.answer != "accept") continue;
      SCOPED_TRACE(entry.id);
      const auto evidence = evidence_of(entry);
      ASSERT_TRUE(evidence);
      Question question = question_of(entry, trust);
      question.files = {evidence->octets};
      ASSERT_EQ(judged_guest(question).verdict, Judgement::Verdict::accept);
      look(*evidence, question);
      ++count;
    }
    test::expect_some(count);
  }
  static void expect_refused(const Question& question, const std::set<Code>& codes) {
    const Judgement judgement = judged_guest(question);
    ASSERT_EQ(judgement.verdict, Judgement::Verdict::reject);
    EXPECT_FALSE(judgement.crypto_good);
    EXPECT_EQ(codes.count(judgement.refusal->code), 1U) << judgement.refusal->to_string();
  }
};

TEST_F(TdxArtefacts, GetTheAnswersOfTheirEntriesWithEveryFieldThatTheyExpect) {
  const auto trust = trust_of(anchor_files(topic));
  for (const GuestEntry& entry : guest_entries(topic)) {
    if (entry.answer == "anchor") continue;
    SCOPED_TRACE(entry.id);
    const Question question = question_of(entry, trust);
    const Json answer = to_json(judged_guest(question));
    EXPECT_EQ(answer, to_json(judged_guest(question)));
    if (entry.answer == "either") continue;
    EXPECT_EQ(answer["verdict"], entry.answer == "reference" ? "parse" : entry.answer) << answer;
    EXPECT_EQ(answer.value("crypto", ""), entry.expect.value("crypto", ""));
    expect_facts(entry.expect, answer["facts"],
                 {"answer", "crypto", "verdict", "notes", "because"});
  }
}

TEST_F(TdxArtefacts, AnchorsAreAuthoritiesThatSignThemselves) {
  for (const std::string& file : anchor_files(topic)) {
    const auto all = x509::certificates_in(data_file(file));
    ASSERT_FALSE(all.empty()) << file;
    for (const auto& certificate : all) {
      EXPECT_TRUE(x509::is_authority(certificate.get()));
      EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(certificate.get())), 1);
    }
  }
}

TEST_F(TdxArtefacts, OfReportsThatOneTdHadAreRead) {
  for (const Bytes& file : reference_files()) {
    if (!tdx::looks_like_td_report(file)) continue;
    const auto read = tdx::read_td_report(file);
    ASSERT_TRUE(read);
    EXPECT_FALSE(tdx::is_zero(read->report.mr_td));
    EXPECT_FALSE(tdx::is_zero(read->report.mr_seam));
  }
}

TEST_F(TdxArtefacts, OfCollateralAreReadAndKnowIntelsModuleAndQuotingEnclave) {
  if (reference_files().empty()) GTEST_SKIP() << "no reference";
  const tdx::Collateral collateral = reference_collateral();
  EXPECT_FALSE(collateral.tcb_infos.empty() && collateral.qe_identities.empty());
  for (const tdx::TcbInfo& info : collateral.tcb_infos) {
    EXPECT_FALSE(info.levels.empty());
    EXPECT_LT(info.issued, info.next_update);
    EXPECT_EQ(info.signer.has_value(), !collateral.signers.empty());
  }
  for_each_good([&](const Evidence& evidence, const Question&) {
    for (const tdx::QeIdentity& identity : collateral.qe_identities) {
      EXPECT_TRUE(tdx::check_qe(evidence.quote.qe, identity));
      EXPECT_TRUE(tdx::standing_of(evidence.quote.qe, identity));
    }
  });
}

TEST_F(TdxArtefacts, AreMatchedWithTheLevelsOfTheirPlatform) {
  const tdx::Collateral collateral = reference_collateral();
  for_each_good([&](const Evidence& evidence, const Question&) {
    const auto leaf = x509::parse_certificate(evidence.quote.pck_chain[0]);
    tdx::Pck pck = *tdx::read_pck(leaf.get());
    const tdx::TcbInfo* info = collateral.tcb_info_of(pck.fmspc, pck.pce_id);
    if (info == nullptr) return;
    tdx::TdReport report = evidence.quote.report;
    EXPECT_TRUE(tdx::check_module(report, *info));
    const auto standing = tdx::standing_of(report, pck, *info);
    if (!standing) {
      EXPECT_EQ(standing.error().code, Code::tdx_tcb_level);
    }
    RecordProperty(to_hex(pck.fmspc),
                   standing ? tdx::name_of(standing->status) : standing.error().detail);
    pck.components.fill(0xFF);
    pck.pce_svn = 0xFFFF;
    const std::uint8_t version = report.tee_tcb_svn[1];
    report.tee_tcb_svn.fill(0xFF);
    report.tee_tcb_svn[1] = version;
    const auto best = tdx::standing_of(report, pck, *info);
    ASSERT_TRUE(best);
    EXPECT_EQ(best->status, info->levels.front().standing.status);
    pck.components.fill(0);
    pck.pce_svn = 0;
    EXPECT_EQ(tdx::standing_of(report, pck, *info).error().code, Code::tdx_tcb_level);
  });
}

TEST_F(TdxArtefacts, BesideTheReferencesCollateralAreTakenAndSayWhatOfItDoesNotCount) {
  if (reference_files().empty()) GTEST_SKIP() << "no reference";
  for_each_good([&](const Evidence& evidence, Question question) {
    question.files = reference_files();
    std::erase_if(question.files,
                  [](const Bytes& file) { return tdx::looks_like_td_report(file); });
    question.files.push_back(evidence.octets);
    const Judgement judgement = judged_guest(question);
    if (judgement.verdict != Judgement::Verdict::accept) {
      // By what Intel says of the platform and by nothing else.
      EXPECT_TRUE(judgement.crypto_good) << judgement.refusal->to_string();
      EXPECT_TRUE(judgement.refusal->code == Code::tdx_tcb_level ||
                  judgement.refusal->code == Code::tdx_tcb_revoked)
          << judgement.refusal->to_string();
      return;
    }
    EXPECT_EQ(judgement.facts["tcb_status"] == "not_evaluated",
              judgement.facts["not_evaluated"].dump().find("\"tcb_info") != std::string::npos);
  });
}

TEST_F(TdxArtefacts, AreReadWithoutRootsAndJudgedByNone) {
  for_each_good([](const Evidence&, Question question) {
    question.roots = nullptr;
    const Judgement judgement = judged_guest(question);
    EXPECT_EQ(judgement.verdict, Judgement::Verdict::parse);
    EXPECT_EQ(judgement.facts["quote_signature_valid"], true);
  });
}

TEST_F(TdxArtefacts, WithAnyBitTurnedOutsideTheTextOfTheChainAreRefused) {
  for_each_good([](const Evidence& evidence, Question question) {
    ASSERT_LT(evidence.chain_at, evidence.size);
    for (std::size_t i = 0; i < evidence.chain_at; ++i) {
      SCOPED_TRACE(i);
      question.files[0] = flipped(evidence.octets, i);
      expect_refused(question,
                     {Code::tdx_version, Code::tdx_key_type, Code::tdx_tee_type, Code::tdx_vendor,
                      Code::tdx_signature, Code::tdx_quote_malformed, Code::tdx_qe_report_data,
                      Code::tdx_qe_report_signature, Code::tdx_certification_data});
    }
  });
}

TEST_F(TdxArtefacts, WithAnyBitTurnedInTheTextOfTheChainAreRefusedOrHaveTheSameLeaf) {
  for_each_good([](const Evidence& evidence, Question question) {
    for (std::size_t i = evidence.chain_at; i < evidence.size; i += 5) {
      question.files[0] = flipped(evidence.octets, i);
      if (judged_guest(question).verdict == Judgement::Verdict::reject) continue;
      const auto read = tdx::read_quote(question.files[0]);
      ASSERT_TRUE(read);
      EXPECT_EQ(read->pck_chain[0], evidence.quote.pck_chain[0]);
    }
  });
}

TEST_F(TdxArtefacts, CutAnywhereAreRefused) {
  for_each_good([](const Evidence& evidence, Question question) {
    for (std::size_t length = 0; length < evidence.size; ++length) {
      question.files[0] = Bytes(evidence.octets.begin(),
                                evidence.octets.begin() + static_cast<std::ptrdiff_t>(length));
      expect_refused(question, {Code::tdx_quote_malformed});
    }
  });
}

TEST_F(TdxArtefacts, WithOctetsBehindThemSayHowManyAndNothingElse) {
  for_each_good([](const Evidence& evidence, Question question) {
    const Json good = judged_guest(question).facts;
    question.files[0].push_back(0x5A);
    Json longer = judged_guest(question).facts;
    EXPECT_EQ(longer["trailing_bytes"], evidence.quote.trailing + 1);
    longer["trailing_bytes"] = good["trailing_bytes"];
    EXPECT_EQ(longer, good);
    question.files[0].resize(evidence.size + tdx::most_trailing + 1);
    expect_refused(question, {Code::tdx_quote_malformed});
  });
}

TEST_F(TdxArtefacts, WithAnotherChallengeAreRefusedAndWithTheirOwnAreNot) {
  for_each_good([](const Evidence& evidence, Question question) {
    Bytes data = to_bytes(evidence.quote.report.report_data);
    question.challenge = data;
    EXPECT_EQ(judged_guest(question).verdict, Judgement::Verdict::accept);
    question.challenge = flipped(data, 63);
    expect_refused(question, {Code::tdx_report_data});
    question.challenge = Bytes{};
    expect_refused(question, {Code::tdx_report_data});
    question.challenge = Bytes(data.begin(), data.begin() + 4);
    expect_refused(question, {Code::tdx_report_data});
    data.push_back(0);
    question.challenge = data;
    expect_refused(question, {Code::tdx_report_data});
  });
}

TEST_F(TdxArtefacts, OfEachOtherWithTheirPartsExchangedAreRefused) {
  std::vector<Evidence> all;
  for_each_good([&](const Evidence& evidence, const Question&) { all.push_back(evidence); });
  for_each_good([&](const Evidence& evidence, Question question) {
    for (const Evidence& other : all) {
      if (other.octets == evidence.octets || other.chain_at != evidence.chain_at) continue;
      Bytes mixed(evidence.octets.begin(),
                  evidence.octets.begin() + static_cast<std::ptrdiff_t>(evidence.chain_at));
      mixed.insert(mixed.end(), other.octets.begin() + static_cast<std::ptrdiff_t>(other.chain_at),
                   other.octets.end());
      question.files[0] = mixed;
      expect_refused(question, {Code::tdx_qe_report_signature, Code::tdx_quote_malformed});
    }
  });
}

TEST_F(TdxArtefacts, UnderOtherRootsAreRefused) {
  for_each_good([](const Evidence& evidence, Question question) {
    const auto none = *x509::Trust::from_certificates({}, {});
    question.roots = &none;
    expect_refused(question, {Code::certificate_untrusted_root});
    const auto another = trust_of(anchor_files("sev_snp"));
    question.roots = &another;
    expect_refused(question, {Code::certificate_untrusted_root});
    // Without its intermediate no leaf leads to a root.
    const auto trust = trust_of(anchor_files(topic));
    const auto leaf = x509::parse_certificate(evidence.quote.pck_chain[0]);
    const auto alone =
        x509::check_chain(leaf.get(), {}, trust, question.at, x509::ExpiredAuthorities::refuse);
    ASSERT_FALSE(alone);
    EXPECT_EQ(alone.error().fault, x509::ChainFault::untrusted_root);
  });
}

TEST_F(TdxArtefacts, BeforeAndAfterTheirLivesAreRefused) {
  for_each_good([](const Evidence& evidence, Question question) {
    const Lives lives = lives_of(evidence.quote.pck_chain);
    question.at = lives.before;
    expect_refused(question, {Code::certificate_not_yet_valid});
    question.at = lives.after;
    expect_refused(question, {Code::certificate_expired});
  });
}

}  // namespace
}  // namespace mintmark::test
