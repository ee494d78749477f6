// Evidence of real hardware, judged as each topic's cases.json says, with every field that it
// expects; nothing here knows a file by its name.
#include <gtest/gtest.h>

#include <set>

#include "support/artefacts.h"

namespace mintmark::test {
namespace {

using attest::offline::to_json;

// What an entry's `expect` may hold: words for people, what is held elsewhere in this file, and the
// rest, which are names of facts.
const std::set<std::string> words = {"answer",        "crypto",          "because",
                                     "verdict",       "notes",           "openssl",
                                     "expired_after", "issuer_in_store", "ak_cert_chain"};
const std::set<std::string> held_below = {"must_be_rejected_as_EK", "must_be_rejected_as_AK",
                                          "openssl_partial_chain"};

// Lists of usages stand in one text or in several.
std::string joined(const Json& texts) {
  if (!texts.is_array()) return texts.dump();
  std::string all;
  for (const Json& text : texts) all += (all.empty() ? "" : ", ") + text.get<std::string>();
  return all;
}

void expect_certificate(const Json& expected, const Json& facts) {
  ASSERT_TRUE(facts.contains("cert"));
  for (const auto& [name, value] : expected.items()) {
    ASSERT_TRUE(facts["cert"].contains(name)) << "this test does not know cert." << name;
    EXPECT_EQ(joined(facts["cert"][name]), joined(value)) << name;
  }
}

void expect_fields(const Artefact& artefact, const Json& facts) {
  for (const auto& [name, value] : artefact.expect.items()) {
    if (words.count(name) != 0 || held_below.count(name) != 0) continue;
    if (name == "cert") {
      expect_certificate(value, facts);
      continue;
    }
    ASSERT_TRUE(facts.contains(name)) << "this test does not know \"" << name << "\"";
    EXPECT_EQ(facts[name], value) << name;
  }
}

class Answers : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

TEST_P(Answers, AreThoseOfTheEntriesWithEveryFieldThatTheyExpect) {
  std::size_t count = 0;
  for (const Artefact& artefact : artefacts_of(GetParam())) {
    SCOPED_TRACE(artefact.id);
    const auto trust = artefact.trust();
    const Json answer = to_json(judged(question_of(artefact, trust ? &*trust : nullptr)));
    ++count;
    if (artefact.answer() == "either") continue;
    EXPECT_EQ(answer["verdict"], artefact.answer()) << answer;
    EXPECT_EQ(answer.value("crypto", ""), artefact.expect.value("crypto", ""));
    EXPECT_EQ(answer.contains("code"), artefact.answer() == "reject");
    expect_fields(artefact, answer["facts"]);
  }
  test::expect_some(count);
}

TEST_P(Answers, AreTheSameASecondTime) {
  for (const Artefact& artefact : artefacts_of(GetParam())) {
    const auto trust = artefact.trust();
    const auto question = question_of(artefact, trust ? &*trust : nullptr);
    EXPECT_EQ(to_json(judged(question)), to_json(judged(question))) << artefact.id;
  }
}

INSTANTIATE_TEST_SUITE_P(OfEveryTopic, Answers, ::testing::ValuesIn(evidence_topics));

// An EK's certificate is no AK's, an AK's no EK's, and an authority's neither.
TEST(CertificateArtefacts, AreTakenForWhatTheyAreForAlone) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t count = 0;
  for (const Artefact& artefact : artefacts_of("tpm_ek_certs")) {
    SCOPED_TRACE(artefact.id);
    const auto trust = artefact.trust();
    auto question = question_of(artefact, trust ? &*trust : nullptr);
    for (const auto& [format, member] : {std::pair{"tpm2-ek", "must_be_rejected_as_EK"},
                                         std::pair{"tpm2-ak", "must_be_rejected_as_AK"}}) {
      if (!artefact.expect.contains(member) || !trust) continue;
      question.format = format;
      const Json answer = to_json(judged(question));
      EXPECT_EQ(answer["verdict"] == "reject", artefact.expect[member].get<bool>())
          << format << answer;
      ++count;
    }
  }
  test::expect_some(count);
}

TEST(CertificateArtefacts, ChainToTheirMakersAsOpenSslSays) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  for (const Artefact& artefact : artefacts_of("tpm_ek_certs")) {
    if (!artefact.expect.contains("openssl_partial_chain")) continue;
    const auto trust = artefact.trust();
    const bool chained = trust && judged(question_of(artefact, &*trust)).verdict ==
                                      attest::offline::Judgement::Verdict::accept;
    EXPECT_EQ(chained, artefact.expect["openssl_partial_chain"].get<bool>()) << artefact.id;
  }
}

// Text around PEM, cross-signed roots, names out of DER's order: all of it stands in these files.
TEST(AnchorArtefacts, AreAllRead) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t read = 0;
  for (const std::string& topic : evidence_topics) {
    for_each_entry(topic, [&read](const Json& entry) {
      if (entry.at("expect").at("answer") != "anchor") return;
      for (const Json& name : entry.at("files")) {
        EXPECT_FALSE(attest::x509::certificates_in(data_file(name.get<std::string>())).empty())
            << name;
        ++read;
      }
    });
  }
  test::expect_some(read);
}

// Known answers have tests of their own (test_attest_tpm2_artefacts), for the checks they name.
TEST(KnownAnswerArtefacts, AreOfAKindThatATestHolds) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  for (const std::string& topic : evidence_topics) {
    for_each_entry(topic, [](const Json& entry) {
      const Json& expect = entry.at("expect");
      if (expect.at("answer") != "known-answer") return;
      const auto check = expect.at("check").get<std::string>();
      EXPECT_TRUE(check.rfind("OAEP(", 0) == 0 || check.rfind("KDFe(", 0) == 0) << check;
    });
  }
}

}  // namespace
}  // namespace mintmark::test
