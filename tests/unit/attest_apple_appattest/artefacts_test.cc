// Attestations of real devices, by the entries of topic "apple_appattest" alone.
#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "support/certified_topic.h"

namespace mintmark::test {
namespace {

namespace offline = attest::offline;
using attest::x509::Trust;

constexpr const char* topic = "apple_appattest";

/// Members of "expect" that are words for people.
const std::set<std::string> words = {"answer",  "crypto", "because",
                                     "verdict", "notes",  "negatives"};
/// Members that a judgement tells.
const std::set<std::string> facts = {"leaf_not_before",
                                     "leaf_not_after",
                                     "leaf_subject",
                                     "nonce_in_ext_1.2.840.113635.100.8.2",
                                     "key_id_matches_sha256_of_public_key",
                                     "rp_id_hash",
                                     "counter",
                                     "aaguid",
                                     "credential_id",
                                     "environment",
                                     "receipt_cms_signature_valid"};

using Judge = std::function<void(const Json& entry)>;

void each_apart(const Judge& judge) { for_each_evidence(topic, judge); }

void each_accepted_apart(const Judge& judge) {
  each_apart([&judge](const Json& entry) {
    if (entry.at("expect").at("answer") == "accept") judge(entry);
  });
}

/// What the app's server knows, where it is beside the evidence.
Json context_of(const Json& entry) {
  for (const Bytes& file : contents_of(entry)) {
    Json json = Json::parse(as_text(file), nullptr, /*allow_exceptions=*/false);
    if (json.is_object()) return json;
  }
  return Json::object();
}

offline::Question question_of(const Json& entry, const Trust* roots) {
  offline::Question question;
  question.format = "apple-appattest";
  question.files = contents_of(entry);
  question.roots = roots;
  question.at = moment_for(question.files);
  return question;
}

/// The same asked by words alone, without the context's file.
offline::Question in_words(const Json& entry, const Trust* roots) {
  offline::Question question = question_of(entry, roots);
  const Json context = context_of(entry);
  question.files.erase(std::remove_if(question.files.begin(), question.files.end(),
                                      [](const Bytes& file) { return file.at(0) == '{'; }),
                       question.files.end());
  const auto text = [&](const char* name) { return context[name].get<std::string>(); };
  question.expected = {{"app_id", text("team_id") + "." + text("bundle_id")},
                       {"key_id", text("key_id_b64")},
                       {"client_data", to_hex(*jose::from_base64(text("client_data_b64")))},
                       {"environment", text("environment")}};
  return question;
}

TEST(AppAttestArtefacts, GetTheAnswersOfTheirEntries) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  const Trust roots = anchors_of(topic);
  std::size_t count = 0;
  each_apart([&](const Json& entry) {
    const offline::Question question = question_of(entry, &roots);
    const offline::Judgement judgement = judge_offline(question);
    EXPECT_EQ(to_json(judgement), to_json(judge_offline(question)));
    const Json& expect = entry.at("expect");
    ++count;
    if (expect["answer"] == "either") return;
    EXPECT_EQ(verdict_of(judgement), expect["answer"]) << to_json(judgement).dump(1);
    if (expect["answer"] == "reject") {
      EXPECT_EQ(judgement.crypto_good, expect.value("crypto", "") == "accept");
    }
  });
  test::expect_some(count);
}

TEST(AppAttestArtefacts, SayEveryFieldThatTheirEntriesExpect) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  const Trust roots = anchors_of(topic);
  std::size_t compared = 0;
  each_apart([&](const Json& entry) {
    const Json said = judge_offline(question_of(entry, &roots)).facts;
    for (const auto& [name, value] : entry.at("expect").items()) {
      if (words.count(name) != 0) continue;
      ASSERT_TRUE(facts.count(name) != 0) << "this test does not know " << name;
      Json right = value;
      // Said in words: "sha256(team_id.bundle_id) matches".
      if (name == "rp_id_hash" && !from_hex(value.get<std::string>())) {
        const Json context = context_of(entry);
        right = to_hex(sha256(context["team_id"].get<std::string>() + "." +
                              context["bundle_id"].get<std::string>()));
      }
      EXPECT_EQ(said.value(name, Json("absent")), right) << name;
      ++compared;
    }
  });
  test::expect_some(compared);
}

TEST(AppAttestArtefacts, HaveTheRootWhoseDigestIsPinned) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t count = 0;
  for_each_entry(topic, [&count](const Json& entry) {
    if (entry.at("expect").at("answer") != "anchor") return;
    for (const Bytes& file : contents_of(entry)) {
      for (const auto& root : attest::x509::certificates_in(file)) {
        EXPECT_EQ(attest::x509::digest_of(root.get()), entry.at("expect").at("sha256"));
        ++count;
      }
    }
  });
  test::expect_some(count);
}

class AppAttestNegatives : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
    roots_.emplace(anchors_of(topic));
  }
  /// As `breaks` makes of each good entry's question, it must be refused with that code.
  void each(const std::string& code, const std::function<void(offline::Question&)>& breaks) {
    std::size_t count = 0;
    each_accepted_apart([&](const Json& entry) {
      offline::Question question = in_words(entry, &*roots_);
      ASSERT_EQ(verdict_of(judge_offline(question)), "accept");
      breaks(question);
      ++count;
      const offline::Judgement judgement = judge_offline(question);
      EXPECT_EQ(verdict_of(judgement), "reject");
      EXPECT_EQ(code_of(judgement), code);
    });
    test::expect_some(count);
  }
  static Bytes& object_in(offline::Question& question) {
    return *std::find_if(question.files.begin(), question.files.end(),
                         [](const Bytes& file) { return (file.at(0) & 0xE0U) == 0xA0; });
  }
  std::optional<Trust> roots_;
};

TEST_F(AppAttestNegatives, OtherClientDataAreRefused) {
  each("appattest_nonce",
       [](offline::Question& question) { question.expected["client_data"] += "00"; });
  each("appattest_nonce",
       [](offline::Question& question) { question.expected["client_data"] = ""; });
  each("appattest_nonce", [](offline::Question& question) { question.challenge = Bytes(32, 1); });
}

TEST_F(AppAttestNegatives, AnotherAppOrKeyIdIsRefused) {
  each("appattest_app_id",
       [](offline::Question& question) { question.expected["app_id"] = "ABCDE12345.org.example"; });
  each("appattest_key_id", [](offline::Question& question) {
    question.expected["key_id"] = jose::base64(Bytes(32, 5));
  });
}

TEST_F(AppAttestNegatives, AnotherEnvironmentIsRefusedByThatRuleAlone) {
  each_accepted_apart([&](const Json& entry) {
    offline::Question question = in_words(entry, &*roots_);
    std::string& environment = question.expected["environment"];
    environment = environment == "production" ? "development" : "production";
    const offline::Judgement judgement = judge_offline(question);
    EXPECT_EQ(code_of(judgement), "appattest_environment");
    EXPECT_TRUE(judgement.crypto_good);
  });
}

TEST_F(AppAttestNegatives, TheirLeavesLiveForDays) {
  each("certificate_expired",
       [](offline::Question& question) { question.at += std::chrono::hours(24 * 30); });
  each("certificate_not_yet_valid",
       [](offline::Question& question) { question.at -= std::chrono::hours(24 * 30); });
}

TEST_F(AppAttestNegatives, AnotherRootIsRefused) {
  const Trust others = anchors_of("webauthn");
  each("appattest_root", [&](offline::Question& question) { question.roots = &others; });
}

TEST_F(AppAttestNegatives, AnIntermediateThatIsTrustedIsNotThePinnedRoot) {
  each_accepted_apart([&](const Json& entry) {
    offline::Question question = in_words(entry, nullptr);
    std::vector<attest::x509::Certificate> authorities;
    for (const Bytes& file : question.files) {
      for (auto& one : attest::x509::certificates_in(file)) {
        if (attest::x509::is_authority(one.get())) authorities.push_back(std::move(one));
      }
    }
    ASSERT_FALSE(authorities.empty());
    const Trust trust = *Trust::from_certificates(std::move(authorities), {});
    question.roots = &trust;
    EXPECT_EQ(code_of(judge_offline(question)), "appattest_root");
  });
}

TEST_F(AppAttestNegatives, OneOctetMoreOrLessIsRefused) {
  each("cbor_trailing", [](offline::Question& question) { object_in(question).push_back(0); });
  each_accepted_apart([&](const Json& entry) {
    const Bytes object = [&] {
      offline::Question question = in_words(entry, &*roots_);
      return object_in(question);
    }();
    offline::Question question = in_words(entry, &*roots_);
    question.files = {Bytes()};
    for (std::size_t length = 0; length < object.size(); length += 1 + length / 64) {
      question.files[0] = Bytes(object.begin(), object.begin() + long(length));
      EXPECT_EQ(verdict_of(judge_offline(question)), "reject") << length;
    }
  });
}

TEST_F(AppAttestNegatives, ABitAnywhereOutsideTheReceiptIsRefused) {
  each_accepted_apart([&](const Json& entry) {
    offline::Question question = in_words(entry, &*roots_);
    const Bytes object = object_in(question);
    question.files = {object};
    for (std::size_t at = 0; at < object.size(); at += 1 + object.size() / 97) {
      question.files[0] = object;
      question.files[0][at] ^= 0x10U;
      const offline::Judgement judgement = judge_offline(question);
      if (verdict_of(judgement) != "accept") continue;
      // The receipt vouches for nothing: what its signature does not cover may be anything.
      Json said = judgement.facts;
      Json right = judge_offline(in_words(entry, &*roots_)).facts;
      said.erase("receipt_cms_signature_valid");
      right.erase("receipt_cms_signature_valid");
      EXPECT_EQ(said, right) << "at " << at;
    }
  });
}

TEST_F(AppAttestNegatives, AReceiptOfAnotherAttestationIsRefused) {
  each("evidence_files", [](offline::Question& question) {
    question.files.push_back(Bytes{0x30, 0x03, 0x02, 0x01, 0x05});
  });
}

}  // namespace
}  // namespace mintmark::test
