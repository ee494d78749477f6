// Documents of real hardware, judged as the topic's cases.json says, with every field that it
// expects; then each again with every check broken. Nothing here knows a file by its name.
#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>

#include "attest/nitro/document.h"
#include "attest/offline/judge.h"
#include "support/test_data.h"

namespace mintmark::test {
namespace {

using attest::offline::Judgement;
using attest::offline::Question;
using Answer = Judgement::Verdict;
namespace nitro = attest::nitro;
namespace x509 = attest::x509;

const int quiet = setenv("TSS2_LOG", "all+NONE", 1);

// For people, or held elsewhere in this file.
const std::set<std::string> words = {"answer", "crypto", "because",           "verdict",
                                     "notes",  "sha256", "upstream_mutations"};

// One file is not what its entry says: two digits of module_id stand in the wrong order (its
// certificates have them right), so that its signature does not verify. With the two exchanged all
// holds that the entry says, the signature over every octet included. Known by its digest: one that
// is right is left alone.
constexpr const char* transcribed_wrongly =
    "90f3c0664e17b45518fe97c1f8a36ddd00c45d27e96b3d5ea69559cd1e75bfc2";
constexpr std::size_t wrong_digit = 35;

Bytes restored(Bytes file) {
  if (to_hex(sha256(file)) == transcribed_wrongly)
    std::swap(file[wrong_digit], file[wrong_digit + 1]);
  return file;
}

std::vector<Bytes> contents(const Json& entry) {
  std::vector<Bytes> files;
  for (const Json& name : entry.at("files"))
    files.push_back(restored(data_file(name.get<std::string>())));
  return files;
}

std::vector<Json> entries(const std::function<bool(const Json& expect)>& wanted) {
  std::vector<Json> found;
  for_each_entry("nitro", [&](const Json& entry) {
    if (wanted(entry.at("expect"))) found.push_back(entry);
  });
  return found;
}

bool is_evidence(const Json& expect) {
  return expect.at("answer") != "anchor" && expect.at("answer") != "reference";
}
bool is_positive(const Json& expect) {
  return expect.at("answer") == "accept" || expect.value("crypto", "") == "accept";
}

x509::Trust trust() {
  std::vector<x509::Certificate> anchors;
  for (const Json& entry : entries([](const Json& expect) { return expect["answer"] == "anchor"; }))
    for (const Bytes& file : contents(entry)) {
      for (auto& certificate : x509::certificates_in(file))
        anchors.push_back(std::move(certificate));
    }
  return x509::Trust::from_certificates(std::move(anchors), {}).value();
}

Question question_of(const Json& entry, const x509::Trust* roots) {
  const Json& expect = entry.at("expect");
  Question question;
  question.format = "nitro";
  question.files = contents(entry);
  question.roots = roots;
  question.at = from_unix(expect.value("timestamp_ms", std::int64_t{0}) / 1000);
  if (expect.contains("nonce_hex") && expect["nonce_hex"].is_string())
    question.challenge = from_hex(expect["nonce_hex"].get<std::string>()).value();
  return question;
}

Json judged(const Question& question) {
  return attest::offline::to_json(attest::offline::judge(question).value());
}

// The key is told in words: a point, and what stands beside the document.
void expect_public_key(const Json& facts, const Question& question) {
  const Bytes key = from_hex(facts["public_key_hex"].get<std::string>()).value();
  EXPECT_EQ(key[0], 4);
  EXPECT_NE(std::find(question.files.begin(), question.files.end(), key), question.files.end());
}

void expect_fields(const Json& expect, const Json& facts, const Question& question) {
  for (const auto& [name, value] : expect.items()) {
    if (words.count(name) != 0) continue;
    if (name == "public_key") {
      expect_public_key(facts, question);
      continue;
    }
    ASSERT_TRUE(facts.contains(name)) << "this test does not know \"" << name << "\"";
    EXPECT_EQ(facts[name], value) << name;
  }
}

class NitroArtefacts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
    test::expect_some(entries([](const Json&) { return true; }).size());
    roots = trust();
  }
  // Of the document itself, wherever it stands among the files.
  static Bytes& document_of(Question& question) {
    return *std::find_if(question.files.begin(), question.files.end(),
                         [](const Bytes& file) { return nitro::parse(file).has_value(); });
  }
  void for_each_positive(const std::function<void(const Question&)>& body) {
    const auto positive = entries(is_positive);
    for (const Json& entry : positive)
      judge_apart(entry.at("id"), [&] { body(question_of(entry, &*roots)); });
    expect_some(positive.size());
  }
  static void expect_refused(const Question& question, const std::set<std::string>& codes) {
    const Json answer = judged(question);
    EXPECT_EQ(answer["verdict"], "reject");
    EXPECT_FALSE(answer.contains("crypto")) << answer["code"];
    if (!codes.empty()) {
      EXPECT_EQ(codes.count(answer.value("code", "")), 1U) << answer["code"];
    }
  }
  std::optional<x509::Trust> roots;
};

TEST_F(NitroArtefacts, AreAnsweredAsTheirEntriesSayWithEveryFieldThatTheyExpect) {
  const auto all = entries(is_evidence);
  for (const Json& entry : all) {
    judge_apart(entry.at("id"), [&] {
      const Json& expect = entry["expect"];
      const Question question = question_of(entry, &*roots);
      const Json answer = judged(question);
      EXPECT_EQ(answer, judged(question));
      if (expect["answer"] == "either") return;
      EXPECT_EQ(answer["verdict"], expect["answer"]) << answer;
      EXPECT_EQ(answer.value("crypto", ""), expect.value("crypto", ""));
      expect_fields(expect, answer["facts"], question);
    });
  }
  expect_some(all.size());
}

TEST_F(NitroArtefacts, ThatAreAnchorsAreReadAndAreWhatTheyAreSaidToBe) {
  const auto anchors = entries([](const Json& expect) { return expect["answer"] == "anchor"; });
  for (const Json& entry : anchors) {
    std::set<std::string> digests;
    for (const Bytes& file : contents(entry)) {
      for (const auto& certificate : x509::certificates_in(file))
        digests.insert(x509::digest_of(certificate.get()));
    }
    EXPECT_FALSE(digests.empty());
    if (entry["expect"].contains("sha256")) {
      EXPECT_EQ(digests.count(entry["expect"]["sha256"].get<std::string>()), 1U);
    }
  }
  expect_some(anchors.size());
}

TEST_F(NitroArtefacts, ThatWereTranscribedWronglyAreRefusedAsTheyLie) {
  const auto positive = entries(is_positive);
  for (const Json& entry : positive) {
    Question question = question_of(entry, &*roots);
    const Bytes right = document_of(question);
    for (const Json& name : entry["files"]) {
      Bytes file = data_file(name.get<std::string>());
      if (restored(file) == file) continue;
      document_of(question) = std::move(file);
      expect_refused(question, {"nitro_signature"});
    }
    EXPECT_NE(to_hex(sha256(right)), transcribed_wrongly);
  }
  expect_some(positive.size());
}

// A folder need not have references. Each that it names is read.
TEST_F(NitroArtefacts, ThatAreReferencesAreThere) {
  std::size_t named = 0;
  std::size_t read = 0;
  for (const Json& entry :
       entries([](const Json& expect) { return expect["answer"] == "reference"; })) {
    SCOPED_TRACE(entry["id"].get<std::string>());
    EXPECT_FALSE(entry.at("files").empty());
    named += entry["files"].size();
    for (const Bytes& file : contents(entry)) read += file.empty() ? 0U : 1U;
  }
  EXPECT_EQ(read, named);
  RecordProperty("references", static_cast<int>(read));
}

TEST_F(NitroArtefacts, OfAnotherRootOrWithoutOneAreNotAccepted) {
  for_each_positive([&](const Question& good) {
    Question question = good;
    question.roots = nullptr;
    EXPECT_EQ(judged(question)["verdict"], "parse");
    // Its own intermediate, self-made: no anchor here. A root inside the bundle is nobody's word.
    auto document = nitro::parse(document_of(question));
    std::vector<x509::Certificate> others;
    EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
    X509* root = X509_new();
    X509_set_subject_name(
        root, X509_get_subject_name(x509::parse_certificate(document->cabundle[0]).get()));
    X509_set_issuer_name(root, X509_get_subject_name(root));
    X509_gmtime_adj(X509_getm_notBefore(root), -1'000'000'000);
    X509_gmtime_adj(X509_getm_notAfter(root), 1'000'000'000);
    X509_set_pubkey(root, key);
    X509_sign(root, key, EVP_sha384());
    EVP_PKEY_free(key);
    others.emplace_back(root);
    const auto other = x509::Trust::from_certificates(std::move(others), {}).value();
    question.roots = &other;
    expect_refused(question, {"certificate_untrusted_root", "certificate_signature"});
  });
}

TEST_F(NitroArtefacts, WithAnotherNonceAreRefused) {
  for_each_positive([&](const Question& good) {
    Question question = good;
    const Bytes own = nitro::parse(document_of(question))->nonce.value_or(Bytes{});
    std::vector<Bytes> others = {Bytes(32, 0x5A)};
    if (!own.empty()) {
      others.emplace_back();
      others.emplace_back(own.begin(), own.end() - 1);
      others.push_back(own);
      others.back().push_back(0);
      others.push_back(own);
      others.back()[0] ^= 1U;
    }
    for (const Bytes& other : others) {
      question.challenge = other;
      expect_refused(question, {"nitro_nonce"});
    }
  });
}

TEST_F(NitroArtefacts, WithABitFlippedAnywhereAreRefused) {
  for_each_positive([&](const Question& good) {
    const std::size_t size = document_of(const_cast<Question&>(good)).size();
    for (std::size_t at = 0; at < size; at += at + 100 < size ? 127 : 7) {
      Question question = good;
      question.challenge.reset();
      document_of(question)[at] ^= 0x10U;
      expect_refused(question, {});
    }
  });
}

TEST_F(NitroArtefacts, WithABitFlippedInTheSignatureOrSignedPartAreRefusedForIt) {
  for_each_positive([&](const Question& good) {
    Question question = good;
    Bytes& document = document_of(question);
    for (const std::size_t from_end : {1UL, 20UL, 48UL, 70UL, 96UL}) {
      document[document.size() - from_end] ^= 1U;
      expect_refused(question, {"nitro_signature"});
      document[document.size() - from_end] ^= 1U;
    }
    const auto parsed = nitro::parse(document);
    const std::string& module = parsed->module_id;
    const auto found = std::search(document.begin(), document.end(), module.begin(), module.end());
    ASSERT_NE(found, document.end());
    *found ^= 1U;
    expect_refused(question, {"nitro_signature"});
  });
}

TEST_F(NitroArtefacts, TruncatedOrWithAnOctetAppendedAreRefused) {
  for_each_positive([&](const Question& good) {
    Question question = good;
    Bytes& document = document_of(question);
    const Bytes whole = document;
    for (std::size_t length = 0; length < whole.size(); length += length < 64 ? 1 : 97) {
      document.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      expect_refused(question, {});
    }
    document = whole;
    document.push_back(0);
    expect_refused(question, {"cbor_trailing"});
  });
}

// The chain is right at the document's own time: what refuses is today's rule.
TEST_F(NitroArtefacts, BeforeAndAfterTheirCertificatesLifeAreRefused) {
  for_each_positive([&](const Question& good) {
    for (const auto& [hours, code] : {std::pair{-24 * 365, "certificate_not_yet_valid"},
                                      std::pair{24, "certificate_expired"}}) {
      Question question = good;
      question.allowed = {"debug"};
      question.at += std::chrono::hours(hours);
      const Json answer = judged(question);
      EXPECT_EQ(answer["verdict"], "reject");
      EXPECT_EQ(answer.value("code", ""), code);
    }
  });
}

TEST_F(NitroArtefacts, WithAnythingBesideTheDocumentChangedAreRefused) {
  std::size_t beside = 0;
  std::size_t changed = 0;
  for_each_positive([&](const Question& good) {
    beside += good.files.size() - 1;
    for (std::size_t i = 0; i < good.files.size(); ++i) {
      if (nitro::parse(good.files[i])) continue;
      ++changed;
      const std::size_t step = std::max<std::size_t>(1, good.files[i].size() / 40);
      for (std::size_t at = 0; at < good.files[i].size(); at += step) {
        Question question = good;
        question.files[i][at] ^= 1U;
        expect_refused(question, {});
      }
      Question question = good;
      question.files[i].push_back(0x55);
      expect_refused(question, {});
    }
  });
  EXPECT_EQ(changed, beside);
}

// Another machine's document with this one's quote, or key.
TEST_F(NitroArtefacts, WithTheDocumentOfAnotherMachineAreRefused) {
  std::set<Bytes> documents;
  std::size_t with_more = 0;
  std::size_t exchanged = 0;
  for_each_positive([&](const Question& good) {
    Question copy = good;
    documents.insert(document_of(copy));
    with_more += good.files.size() > 1 ? 1U : 0U;
    for_each_positive([&](const Question& other) {
      Question question = good;
      Question source = other;
      if (document_of(source) == document_of(question) || question.files.size() < 2) return;
      ++exchanged;
      document_of(question) = document_of(source);
      question.challenge = source.challenge;
      expect_refused(question, {"evidence_files", "nitro_public_key"});
    });
  });
  // Where a document has something beside it, each of the other documents was tried with that.
  EXPECT_GE(exchanged, with_more * (documents.size() - 1));
}

}  // namespace
}  // namespace mintmark::test
