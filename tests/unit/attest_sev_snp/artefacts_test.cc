// Reports of real processors, judged as sev_snp/cases.json says, with every field that it expects;
// then with each check broken. Nothing here knows a file by its name.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "attest/sev_snp/check.h"
#include "attest/x509/bundle.h"
#include "support/guest_entries.h"

namespace mintmark::test {
namespace {

namespace snp = attest::sev_snp;
namespace x509 = attest::x509;
using attest::offline::Judgement;
using attest::offline::Question;
using attest::offline::to_json;

const std::string topic = "sev_snp";

/// An entry's files by what they are.
struct Evidence {
  Bytes report;
  std::vector<Bytes> certificates;  ///< DER, each once.
  Bytes leaf;
};

Evidence evidence_of(const GuestEntry& entry) {
  Evidence evidence;
  for (const Bytes& file : entry.files) {
    auto found = snp::looks_like_table(file) ? *snp::certificates_in_table(file)
                                             : x509::der_of_all(file, x509::most_offered);
    if (found.empty()) evidence.report = file;
    for (Bytes& one : found) {
      if (snp::is_key_certificate(x509::parse_certificate(one).get())) evidence.leaf = one;
      auto& all = evidence.certificates;
      if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(std::move(one));
    }
  }
  return evidence;
}

bool names_issuers(const std::string& member) { return member.ends_with("_issuer_in"); }

// The anchors that the entry names, else all of the topic.
std::vector<std::string> roots_of(const GuestEntry& entry) {
  const auto anchors = anchor_files(topic);
  std::vector<std::string> named;
  for (const auto& [member, files] : entry.expect.items()) {
    if (!names_issuers(member)) continue;
    for (const std::string& anchor : anchors) {
      for (const Json& file : files)
        if (anchor.ends_with("/" + file.get<std::string>())) named.push_back(anchor);
    }
  }
  return named.empty() ? anchors : named;
}

Question question_of(const GuestEntry& entry, const x509::Trust& trust) {
  Question question;
  question.format = "sev-snp";
  question.files = entry.files;
  question.roots = &trust;
  question.at = moment_for(evidence_of(entry).certificates, roots_of(entry));
  return question;
}

class SevSnpArtefacts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  }
  // Calls `look` with every entry that is to be accepted, its evidence and a good question of
  // report and leaf alone, under the roots that it names.
  template <typename Look>
  void for_each_good(Look look) {
    std::size_t count = 0;
    for (const GuestEntry& entry : guest_entries(topic)) {
      if (entry.answer != "accept") continue;
      SCOPED_TRACE(entry.id);
      const auto trust = trust_of(roots_of(entry));
      const Evidence evidence = evidence_of(entry);
      Question question = question_of(entry, trust);
      question.files = {evidence.report, evidence.leaf};
      ASSERT_EQ(judged_guest(question).verdict, Judgement::Verdict::accept);
      look(entry, evidence, question);
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

TEST_F(SevSnpArtefacts, GetTheAnswersOfTheirEntriesWithEveryFieldThatTheyExpect) {
  const std::vector<std::string> words = {"answer", "crypto", "verdict", "notes", "because"};
  for (const GuestEntry& entry : guest_entries(topic)) {
    if (entry.answer == "anchor") continue;
    SCOPED_TRACE(entry.id);
    const auto trust = trust_of(roots_of(entry));
    const Question question = question_of(entry, trust);
    const Json answer = to_json(judged_guest(question));
    EXPECT_EQ(answer, to_json(judged_guest(question)));
    if (entry.answer == "either") continue;
    EXPECT_EQ(answer["verdict"], entry.answer == "reference" ? "parse" : entry.answer) << answer;
    EXPECT_EQ(answer.value("crypto", ""), entry.expect.value("crypto", ""));
    auto known = words;
    for (const auto& [member, value] : entry.expect.items()) {
      if (names_issuers(member)) known.push_back(member);
    }
    expect_facts(entry.expect, answer["facts"], known);
  }
}

TEST_F(SevSnpArtefacts, AnchorsAreAuthoritiesThatSignThemselvesByPssAsTheirEntrySays) {
  for (const GuestEntry& entry : guest_entries(topic)) {
    if (entry.answer != "anchor") continue;
    std::set<std::string> self_signed;
    for (std::size_t i = 0; i < entry.files.size(); ++i) {
      const auto all = x509::certificates_in(entry.files[i]);
      ASSERT_FALSE(all.empty()) << entry.names[i];
      for (const auto& certificate : all) {
        EXPECT_TRUE(x509::is_authority(certificate.get()));
        EXPECT_TRUE(x509::has_bounded_key(certificate.get()));
        if (X509_verify(certificate.get(), X509_get0_pubkey(certificate.get())) != 1 ||
            X509_get_signature_nid(certificate.get()) != NID_rsassaPss)
          continue;
        self_signed.insert(x509::name_text(X509_get_subject_name(certificate.get())) +
                           entry.names[i].substr(entry.names[i].rfind('/') + 1));
      }
    }
    for (const auto& [name, value] : entry.expect.items()) {
      if (name == "answer" || name == "verdict") continue;
      ASSERT_EQ(name, "ark_self_signed_pss") << "this test does not know " << name;
      for (const auto& [one, held] : value.items())
        EXPECT_EQ(self_signed.count(one) == 1, held.get<bool>()) << one;
    }
  }
}

TEST_F(SevSnpArtefacts, AreReadWithoutRootsAndJudgedByNone) {
  for_each_good([](const GuestEntry& entry, const Evidence&, Question question) {
    question.files = entry.files;
    question.roots = nullptr;
    const Judgement judgement = judged_guest(question);
    EXPECT_EQ(judgement.verdict, Judgement::Verdict::parse);
    EXPECT_EQ(judgement.facts["report_signature_valid"], true);
  });
}

TEST_F(SevSnpArtefacts, OfGuestsThatTheirHostMayDebugAreSaidToBeSoAndRefusedAtEnrolment) {
  for_each_good([](const GuestEntry&, const Evidence& evidence, const Question& question) {
    const auto report = snp::read_report(evidence.report);
    ASSERT_TRUE(report);
    const Judgement judgement = judged_guest(question);
    EXPECT_EQ(judgement.facts["debug"], report->debug());
    EXPECT_EQ(judgement.facts.value("refused_at_enrolment", ""),
              report->debug() ? "snp_debug" : "");
  });
}

TEST_F(SevSnpArtefacts, WithAnyBitOfTheReportTurnedAreRefused) {
  for_each_good([](const GuestEntry&, const Evidence& evidence, Question question) {
    for (std::size_t i = 0; i < evidence.report.size(); ++i) {
      SCOPED_TRACE(i);
      question.files[0] = flipped(evidence.report, i);
      expect_refused(question, {Code::snp_signature, Code::snp_version, Code::snp_signing_key,
                                Code::snp_signature_algorithm, Code::snp_report_malformed});
    }
  });
}

TEST_F(SevSnpArtefacts, WithAnotherCertificateThanTheirsAreRefused) {
  for_each_good([](const GuestEntry&, const Evidence& evidence, Question question) {
    for (std::size_t i = 0; i < evidence.leaf.size(); i += 3) {
      SCOPED_TRACE(i);
      question.files[1] = flipped(evidence.leaf, i);
      EXPECT_EQ(judged_guest(question).verdict, Judgement::Verdict::reject);
    }
    question.files.pop_back();
    expect_refused(question, {Code::snp_key_certificate_missing});
  });
}

TEST_F(SevSnpArtefacts, CutAnywhereOrWithOneOctetMoreAreRefused) {
  for_each_good([](const GuestEntry&, const Evidence& evidence, Question question) {
    for (std::size_t length = 0; length < evidence.report.size(); ++length) {
      question.files[0] = Bytes(evidence.report.begin(),
                                evidence.report.begin() + static_cast<std::ptrdiff_t>(length));
      expect_refused(question, {Code::snp_report_malformed});
    }
    question.files[0] = evidence.report;
    question.files[0].push_back(0);
    expect_refused(question, {Code::snp_report_malformed});
    question.files[0] = evidence.report;
    for (std::size_t length = 8; length < evidence.leaf.size(); length += 11) {
      question.files[1] =
          Bytes(evidence.leaf.begin(), evidence.leaf.begin() + static_cast<std::ptrdiff_t>(length));
      expect_refused(question, {Code::snp_certificates_malformed});
    }
  });
}

TEST_F(SevSnpArtefacts, WithAnotherChallengeAreRefusedAndWithTheirOwnAreNot) {
  for_each_good([](const GuestEntry&, const Evidence& evidence, Question question) {
    Bytes data(evidence.report.begin() + 0x50, evidence.report.begin() + 0x90);
    question.challenge = data;
    EXPECT_EQ(judged_guest(question).verdict, Judgement::Verdict::accept);
    question.challenge = flipped(data, 0);
    expect_refused(question, {Code::snp_report_data});
    question.challenge = Bytes{};
    expect_refused(question, {Code::snp_report_data});
    question.challenge = Bytes(data.begin(), data.begin() + 4);
    expect_refused(question, {Code::snp_report_data});
    data.push_back(0);
    question.challenge = data;
    expect_refused(question, {Code::snp_report_data});
  });
}

TEST_F(SevSnpArtefacts, UnderOtherRootsOrWithoutTheirIntermediateAreRefused) {
  for_each_good([](const GuestEntry& entry, const Evidence&, Question question) {
    const auto own = roots_of(entry);
    const auto alone = trust_of(own, false);
    question.roots = &alone;
    expect_refused(question, {Code::certificate_untrusted_root});
    for (const std::string& other : anchor_files(topic)) {
      if (std::find(own.begin(), own.end(), other) != own.end()) continue;
      const auto trust = trust_of({other});
      question.roots = &trust;
      expect_refused(question, {Code::certificate_untrusted_root, Code::certificate_signature});
    }
    const auto none = *x509::Trust::from_certificates({}, {});
    question.roots = &none;
    expect_refused(question, {Code::certificate_untrusted_root});
  });
}

TEST_F(SevSnpArtefacts, BeforeAndAfterTheirLivesAreRefused) {
  for_each_good([](const GuestEntry&, const Evidence& evidence, Question question) {
    const Lives lives = lives_of({evidence.leaf});
    question.at = lives.before;
    expect_refused(question, {Code::certificate_not_yet_valid});
    question.at = lives.after;
    expect_refused(question, {Code::certificate_expired});
  });
}

}  // namespace
}  // namespace mintmark::test
