// Attestation objects of real authenticators, by the entries of topic "webauthn" alone.
#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "support/certified_topic.h"

namespace mintmark::test {
namespace {

namespace offline = attest::offline;
using attest::x509::Trust;

constexpr const char* topic = "webauthn";

/// Members of "expect" that are words for people, or the question's.
const std::set<std::string> words = {
    "answer",         "crypto",         "because",     "verdict",
    "notes",          "chain_msg",      "parse_error", "expected_challenge_b64url",
    "expected_rp_id", "expected_origin"};
/// Members that a judgement tells.
const std::set<std::string> facts = {"fmt",
                                     "client_data",
                                     "rp_id_hash",
                                     "flags",
                                     "sign_count",
                                     "aaguid",
                                     "credential_id",
                                     "cose_alg",
                                     "cose_kty",
                                     "attstmt_alg",
                                     "leaf_subject",
                                     "leaf_not_before",
                                     "leaf_not_after",
                                     "x5c_len",
                                     "chain_to_known_root",
                                     "ver",
                                     "signature_valid",
                                     "certinfo",
                                     "extra_data_matches",
                                     "name_matches_pubarea",
                                     "pubarea",
                                     "pubarea_key_equals_cose",
                                     "leaf_key_equals_cose",
                                     "key_description_challenge_is_client_data_hash",
                                     "nonce_in_ext_1.2.840.113635.100.8.2",
                                     "rp_id_hash_matches"};

offline::Question question_of(const Json& entry, const Trust* roots) {
  offline::Question question;
  question.format = "webauthn";
  question.files = contents_of(entry);
  question.roots = roots;
  question.at = moment_for(question.files);
  const Json& expect = entry.at("expect");
  const auto text = [&](const char* name) {
    const Json value = expect.value(name, Json());
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  if (const auto challenge = text("expected_challenge_b64url"); !challenge.empty())
    question.challenge = *jose::from_base64url(challenge);
  if (const auto id = text("expected_rp_id"); !id.empty()) question.expected["rp_id"] = id;
  if (const auto origin = text("expected_origin"); !origin.empty())
    question.expected["origin"] = origin;
  return question;
}

using Judge = std::function<void(const Json& entry)>;

void each_apart(const Judge& judge) { for_each_evidence(topic, judge); }

/// Those that nothing but a rule of today may keep from being accepted.
void each_good_apart(const Judge& judge) {
  each_apart([&judge](const Json& entry) {
    const Json& expect = entry.at("expect");
    if (expect.at("answer") == "accept" || expect.value("crypto", "") == "accept") judge(entry);
  });
}

TEST(WebAuthnArtefacts, GetTheAnswersOfTheirEntries) {
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
      EXPECT_EQ(judgement.crypto_good, expect.value("crypto", "") == "accept")
          << to_json(judgement).dump(1);
    }
  });
  test::expect_some(count);
}

TEST(WebAuthnArtefacts, SayEveryFieldThatTheirEntriesExpect) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  const Trust roots = anchors_of(topic);
  std::size_t compared = 0;
  each_apart([&](const Json& entry) {
    const Json said = judge_offline(question_of(entry, &roots)).facts;
    for (const auto& [name, value] : entry.at("expect").items()) {
      if (words.count(name) != 0) continue;
      ASSERT_TRUE(facts.count(name) != 0) << "this test does not know " << name;
      EXPECT_EQ(said.value(name, Json("absent")), value) << name;
      ++compared;
    }
  });
  test::expect_some(compared);
}

TEST(WebAuthnArtefacts, OverSha1AreTakenWhereThatIsAllowed) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  const Trust roots = anchors_of(topic);
  each_apart([&](const Json& entry) {
    const Json& expect = entry.at("expect");
    if (expect.value("attstmt_alg", Json()) != -65535 ||
        !expect.value("chain_to_known_root", false))
      return;
    offline::Question question = question_of(entry, &roots);
    EXPECT_EQ(code_of(judge_offline(question)), "webauthn_sha1");
    question.allowed = {"sha1"};
    EXPECT_EQ(verdict_of(judge_offline(question)), "accept");
  });
}

/// Every question that is right but for one thing.
class WebAuthnNegatives : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
    roots_.emplace(anchors_of(topic));
  }
  /// Calls `breaks` for each good entry; what it makes of the question must be refused, by one of
  /// `codes` (any, where there are none), and not for a rule of today alone.
  void each(const std::set<std::string>& codes,
            const std::function<bool(offline::Question&, const Json&)>& breaks) {
    std::size_t count = 0;
    each_good_apart([&](const Json& entry) {
      offline::Question question = question_of(entry, &*roots_);
      if (!breaks(question, entry)) return;
      ++count;
      const offline::Judgement judgement = judge_offline(question);
      EXPECT_EQ(verdict_of(judgement), "reject");
      if (!codes.empty()) {
        EXPECT_TRUE(codes.count(code_of(judgement)) != 0) << code_of(judgement);
      }
    });
    test::expect_some(count);
  }
  std::optional<Trust> roots_;
};

/// The two files that are judged, without the credential that holds them once more.
struct Pair {
  Bytes object;
  Bytes client;
};
Pair pair_in(const Json& entry) {
  for (const Bytes& file : contents_of(entry)) {
    const Json json = Json::parse(as_text(file), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("response")) continue;
    const auto octets = [&](const char* name) {
      const auto text = json["response"][name].get<std::string>();
      const auto strict = jose::from_base64url(text);
      return strict ? *strict : *jose::from_base64(text);
    };
    return {octets("attestationObject"), octets("clientDataJSON")};
  }
  Pair pair;
  for (const Bytes& file : contents_of(entry)) {
    if (!file.empty() && file[0] == '{') pair.client = file;
    if (!file.empty() && (file[0] & 0xE0U) == 0xA0) pair.object = file;
  }
  return pair;
}

std::size_t find_in(const Bytes& whole, const Bytes& part) {
  const auto at = std::search(whole.begin(), whole.end(), part.begin(), part.end());
  if (at == whole.end()) throw std::runtime_error("the part is not in the whole");
  return static_cast<std::size_t>(at - whole.begin());
}

TEST_F(WebAuthnNegatives, AnotherChallengeIsRefused) {
  for (const Bytes& other : {Bytes(32, 7), Bytes()})
    each({"webauthn_challenge"}, [&](offline::Question& question, const Json&) {
      question.challenge = other;
      return true;
    });
  each({"webauthn_challenge"}, [](offline::Question& question, const Json&) {
    question.challenge->pop_back();
    return true;
  });
}

TEST_F(WebAuthnNegatives, AnotherRelyingPartyOrOriginIsRefused) {
  each({"webauthn_rp_id"}, [](offline::Question& question, const Json&) {
    question.expected["rp_id"] = "elsewhere.example";
    return true;
  });
  each({"webauthn_origin"}, [](offline::Question& question, const Json&) {
    question.expected["origin"] += "x";
    return true;
  });
}

TEST_F(WebAuthnNegatives, WithoutItsRootNobodyVouches) {
  const auto root_of = [&](const Json& entry) {
    offline::Question question = question_of(entry, &*roots_);
    question.allowed = {"sha1"};
    const Json chain = judge_offline(question).facts.value("chain", Json::array());
    return chain.empty() ? std::string() : chain.back()["sha256"].get<std::string>();
  };
  for (const bool alone : {true, false}) {
    std::optional<Trust> others;
    each({"certificate_untrusted_root"}, [&](offline::Question& question, const Json& entry) {
      const std::string root = root_of(entry);
      if (root.empty()) return false;
      std::vector<attest::x509::Certificate> left;
      const std::string key = [&] {
        for (X509* one : roots_->known()) {
          if (attest::x509::digest_of(one) == root) return to_hex(attest::x509::spki_of(one));
        }
        return std::string();
      }();
      for (X509* one : roots_->known()) {
        X509_up_ref(one);
        attest::x509::Certificate kept(one);
        // Google's roots have several certificates of one key.
        if (to_hex(attest::x509::spki_of(one)) == key) continue;
        if (!alone || left.empty()) left.push_back(std::move(kept));
      }
      others = *Trust::from_certificates(std::move(left), {});
      question.roots = &*others;
      return true;
    });
  }
}

TEST_F(WebAuthnNegatives, BeforeAndAfterTheirTimeCertificatesAreRefused) {
  each({"certificate_not_yet_valid"}, [](offline::Question& question, const Json& entry) {
    question.at = from_unix(-86400 * 365);
    return entry.at("expect").at("answer") == "accept";
  });
  each({"certificate_expired"}, [](offline::Question& question, const Json& entry) {
    question.at = from_unix(32'503'680'000);  // The year 3000.
    return entry.at("expect").at("answer") == "accept";
  });
}

TEST_F(WebAuthnNegatives, OneOctetMoreIsRefused) {
  each({"cbor_trailing"}, [](offline::Question& question, const Json& entry) {
    Pair pair = pair_in(entry);
    pair.object.push_back(0);
    question.files = {pair.object, pair.client};
    return true;
  });
  each({"evidence_files"}, [](offline::Question& question, const Json& entry) {
    Pair pair = pair_in(entry);
    pair.client.push_back('x');
    question.files = {pair.object, pair.client};
    return true;
  });
}

TEST_F(WebAuthnNegatives, CutShortAnywhereTheyAreRefused) {
  each_good_apart([&](const Json& entry) {
    const Pair pair = pair_in(entry);
    offline::Question question = question_of(entry, &*roots_);
    for (std::size_t length = 0; length < pair.object.size(); length += 1 + length / 64) {
      question.files = {Bytes(pair.object.begin(), pair.object.begin() + long(length)),
                        pair.client};
      EXPECT_EQ(verdict_of(judge_offline(question)), "reject") << length;
    }
    for (std::size_t length = 0; length < pair.client.size(); ++length) {
      question.files = {pair.object,
                        Bytes(pair.client.begin(), pair.client.begin() + long(length))};
      EXPECT_EQ(verdict_of(judge_offline(question)), "reject") << length;
    }
  });
}

TEST_F(WebAuthnNegatives, ABitOfTheClientDataThatIsNotReadIsHashedAllTheSame) {
  each({"webauthn_signature", "webauthn_nonce", "webauthn_tpm_extra_data"},
       [](offline::Question& question, const Json& entry) {
         Pair pair = pair_in(entry);
         pair.client.insert(pair.client.begin() + 1, ' ');
         question.files = {pair.object, pair.client};
         return true;
       });
}

TEST_F(WebAuthnNegatives, ABitAnywhereInTheObjectIsAcceptedByNobody) {
  each_good_apart([&](const Json& entry) {
    const Pair pair = pair_in(entry);
    offline::Question question = question_of(entry, &*roots_);
    question.allowed = {"sha1"};
    for (std::size_t at = 0; at < pair.object.size(); at += 1 + pair.object.size() / 61) {
      Bytes broken = pair.object;
      broken[at] ^= 0x10U;
      question.files = {broken, pair.client};
      const offline::Judgement judgement = judge_offline(question);
      if (verdict_of(judgement) != "accept") continue;
      // Only where a chain carries its root, which is known here anyway, or U2F does not sign.
      if (judgement.facts["fmt"] == "fido-u2f") {
        EXPECT_NE(judgement.facts["sign_count"], entry.at("expect").at("sign_count"))
            << "at " << at;
        continue;
      }
      const Json& chain = judgement.facts["chain"];
      EXPECT_EQ(chain.size(), entry.at("expect").at("x5c_len").get<std::size_t>()) << "at " << at;
      EXPECT_GT(chain.size(), 2U);
    }
  });
}

TEST_F(WebAuthnNegatives, OtherAuthenticatorDataAreNotWhatWasSigned) {
  for (const std::size_t at : {32U, 33U, 37U, 60U})
    each({}, [&](offline::Question& question, const Json& entry) {
      Pair pair = pair_in(entry);
      const auto hash = entry.at("expect").at("rp_id_hash").get<std::string>();
      const std::size_t data = find_in(pair.object, *from_hex(hash));
      // U2F signs neither flags nor counter: nothing is made of them.
      if (entry.at("expect").at("fmt") == "fido-u2f" && at < 37) return false;
      pair.object[data + at] ^= 0x08U;
      question.files = {pair.object, pair.client};
      return true;
    });
}

TEST_F(WebAuthnNegatives, TheClientDataOfAnotherAreRefused) {
  each_good_apart([&](const Json& other) {
    const Pair others = pair_in(other);
    each({"webauthn_signature", "webauthn_nonce", "webauthn_tpm_extra_data", "webauthn_rp_id"},
         [&](offline::Question& question, const Json& entry) {
           const Pair own = pair_in(entry);
           if (own.client == others.client) return false;
           question = question_of(other, &*roots_);
           question.files = {own.object, others.client};
           return true;
         });
  });
}

TEST_F(WebAuthnNegatives, TwoAttestationObjectsAreNotJudged) {
  each({"evidence_files"}, [](offline::Question& question, const Json& entry) {
    Pair pair = pair_in(entry);
    question.files = contents_of(entry);
    pair.object.back() ^= 1U;
    question.files.push_back(pair.object);
    return true;
  });
}

}  // namespace
}  // namespace mintmark::test
