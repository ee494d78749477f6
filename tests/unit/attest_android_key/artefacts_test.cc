// Chains of real Android devices, judged as the topic's cases.json says, with every field that it
// expects; each good one again with every single check broken. Nothing here knows a file by its
// name.
#include <gtest/gtest.h>
#include <openssl/bn.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <set>

#include "attest/android_key/attestation.h"
#include "attest/offline/judge.h"
#include "jose/base64url.h"
#include "support/android_chain.h"
#include "support/test_data.h"

namespace mintmark::test {
namespace {

using attest::offline::judge;
using attest::offline::Judgement;
using attest::offline::Question;
using attest::offline::to_json;
using attest::x509::Certificate;
using attest::x509::certificates_in;
using attest::x509::Trust;

constexpr const char* topic = "android_key";

// Words for people, what the entry is asked with, and what OpenSSL's own verification says, which
// ends at the first certificate that it finds odd.
const std::set<std::string> words = {"answer", "crypto", "because", "verdict", "notes", "openssl"};
const std::set<std::string> asked_with = {"verify_time_ms", "openssl_chain_to_google_root"};

Json json_in(const Bytes& content) {
  return Json::parse(content.begin(), content.end(), nullptr, /*allow_exceptions=*/false);
}

std::vector<Certificate> anchors() {
  std::vector<Certificate> all;
  for_each_entry(topic, [&all](const Json& entry) {
    if (entry.at("expect").at("answer") != "anchor") return;
    for (const Json& name : entry.at("files")) {
      for (auto& certificate : certificates_in(data_file(name.get<std::string>())))
        all.push_back(std::move(certificate));
    }
  });
  return all;
}

Bytes der_of(const X509* certificate) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509(certificate, &octets);
  Bytes der(octets, octets + std::max(length, 0));
  OPENSSL_free(octets);
  return der;
}

Moment alive(const X509* certificate) {
  std::tm parts{};
  ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &parts);
  return from_unix(timegm(&parts)) + std::chrono::hours(24);
}

/// One entry, and what is asked about it.
struct Artefact {
  std::string id;
  Json expect;
  std::string answer;
  std::shared_ptr<const Trust> trust;
  Question question;
  std::vector<Bytes> chain;  ///< DER, leaf first.
};

/// What says nothing of a KeyDescription asks about certificates.
bool of_certificates_alone(const Artefact& artefact) {
  return artefact.answer == "accept" && !artefact.expect.contains("attestationVersion");
}

void ask(Artefact& artefact) {
  Question& question = artefact.question;
  question.format = of_certificates_alone(artefact) ? "x509" : "android-key";
  std::vector<Certificate> roots = anchors();
  const auto certificates = certificates_in(question.files[0]);
  if (artefact.answer == "accept" && !artefact.expect.value("openssl_chain_to_google_root", true))
    roots.push_back(attest::x509::parse_certificate(artefact.chain.back()));
  artefact.trust = std::make_shared<const Trust>(*Trust::from_certificates(std::move(roots), {}));
  if (artefact.answer != "parse") question.roots = artefact.trust.get();
  question.at =
      artefact.expect.contains("verify_time_ms")
          ? from_unix(std::stoll(artefact.expect["verify_time_ms"].get<std::string>()) / 1000)
          : alive(certificates.size() > 1 ? certificates[1].get() : certificates[0].get());
  if (artefact.expect.contains("attestationChallenge_b64"))
    question.challenge =
        *jose::from_base64(artefact.expect["attestationChallenge_b64"].get<std::string>());
  if (of_certificates_alone(artefact)) question.files = artefact.chain;
}

std::vector<Artefact> artefacts() {
  std::vector<Artefact> all;
  for_each_entry(topic, [&all](const Json& entry) {
    Artefact artefact;
    artefact.id = entry.at("id").get<std::string>();
    artefact.expect = entry.at("expect");
    artefact.answer = artefact.expect.at("answer").get<std::string>();
    if (artefact.answer == "anchor" || artefact.answer == "reference") return;
    for (const Json& name : entry.at("files")) {
      const Bytes content = data_file(name.get<std::string>());
      if (!json_in(content).is_discarded()) continue;
      artefact.question.files.push_back(content);
      for (const auto& certificate : certificates_in(content))
        artefact.chain.push_back(der_of(certificate.get()));
    }
    if (artefact.chain.empty()) throw std::runtime_error(artefact.id + " has no certificate");
    ask(artefact);
    all.push_back(std::move(artefact));
  });
  return all;
}

Judgement judged(const Question& question) { return judge(question).value(); }

/// Each apart: what cannot be judged fails by its name, and nothing beside it.
void for_each_artefact(const std::function<void(const Artefact&)>& judge) {
  for (const Artefact& artefact : artefacts()) judge_apart(artefact.id, [&] { judge(artefact); });
}

// Upstream's newer expectations say whether tags are in order; older ones do not speak of it.
Json without_silence(Json said, const Json& expected) {
  for (const char* list : {"softwareEnforced", "hardwareEnforced"}) {
    if (expected.contains(list) && !expected[list].contains("areTagsOrdered"))
      said[list].erase("areTagsOrdered");
  }
  return said;
}

void expect_description(const std::string& file, const Json& facts) {
  const Json expected = json_in(data_file(std::string(topic) + "/" + file));
  ASSERT_TRUE(facts.contains("key_description"));
  EXPECT_EQ(Json::diff(expected, without_silence(facts["key_description"], expected)),
            Json::array());
}

void expect_fields(const Artefact& artefact, const Json& facts) {
  for (const auto& [name, value] : artefact.expect.items()) {
    if (words.count(name) + asked_with.count(name) != 0) continue;
    if (name == "expected_key_description") {
      expect_description(value.get<std::string>(), facts);
      continue;
    }
    ASSERT_TRUE(facts.contains(name)) << "this test does not know \"" << name << "\"";
    EXPECT_EQ(facts[name], value) << name;
  }
}

// What the chain of certificates is, whichever format it was judged by.
Json facts_of_chain(const Artefact& artefact) {
  Question question = artefact.question;
  question.format = "android-key";
  return judged(question).facts;
}

class AndroidArtefacts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

TEST_F(AndroidArtefacts, HaveTheAnswersOfTheEntriesWithEveryFieldThatTheyExpect) {
  std::size_t count = 0;
  for_each_artefact([&](const Artefact& artefact) {
    const Json answer = to_json(judged(artefact.question));
    ++count;
    expect_fields(artefact, facts_of_chain(artefact));
    EXPECT_EQ(answer.contains("code"), answer["verdict"] == "reject");
    if (artefact.answer == "either") return;
    EXPECT_EQ(answer["verdict"], artefact.answer) << answer;
    EXPECT_EQ(answer.value("crypto", ""), artefact.expect.value("crypto", "")) << answer;
  });
  test::expect_some(count);
}

TEST_F(AndroidArtefacts, HaveTheSameAnswersASecondTime) {
  for_each_artefact([](const Artefact& artefact) {
    EXPECT_EQ(to_json(judged(artefact.question)), to_json(judged(artefact.question)));
  });
}

// By its number alone: id-ml-dsa-44, -65, -87 (2.16.840.1.101.3.4.3.17 to 19).
bool is_ml_dsa(const X509* certificate) {
  ASN1_OBJECT* algorithm = nullptr;
  X509_PUBKEY_get0_param(&algorithm, nullptr, nullptr, nullptr, X509_get_X509_PUBKEY(certificate));
  const std::string number = attest::x509::dotted(algorithm);
  return number >= "2.16.840.1.101.3.4.3.17" && number <= "2.16.840.1.101.3.4.3.19";
}

TEST_F(AndroidArtefacts, OfKeysThatOpenSslDoesNotKnowAreRefusedAsUnsupported) {
  const bool known = OpenSSL_version_num() >= 0x30500000L;
  std::size_t of_ml_dsa = 0;
  std::size_t refused = 0;
  for_each_artefact([&](const Artefact& artefact) {
    const auto leaf = attest::x509::parse_certificate(artefact.chain[0]);
    of_ml_dsa += is_ml_dsa(leaf.get()) ? 1 : 0;
    if (X509_get0_pubkey(leaf.get()) != nullptr) return;
    const Judgement judgement = judged(artefact.question);
    ASSERT_TRUE(judgement.refusal) << artefact.id;
    EXPECT_EQ(judgement.refusal->code, Code::android_key_unsupported) << artefact.id;
    ++refused;
  });
  EXPECT_GE(refused, known ? 0 : of_ml_dsa) << "OpenSSL knows ML-DSA from 3.5 on";
}

TEST_F(AndroidArtefacts, AnchorsAreAllRead) { test::expect_some(anchors().size()); }

TEST_F(AndroidArtefacts, RootsInJsonAreAmongTheAnchors) {
  std::set<std::string> known;
  for (const auto& anchor : anchors()) known.insert(attest::x509::digest_of(anchor.get()));
  std::size_t count = 0;
  for_each_entry(topic, [&](const Json& entry) {
    if (entry.at("expect").at("answer") != "anchor") return;
    for (const Json& name : entry.at("files")) {
      const Json roots = json_in(data_file(name.get<std::string>()));
      if (!roots.is_array()) continue;
      for (const Json& pem : roots) {
        const auto root = certificates_in(as_bytes(pem.get_ref<const std::string&>()));
        ASSERT_EQ(root.size(), 1U);
        EXPECT_EQ(known.count(attest::x509::digest_of(root[0].get())), 1U);
        ++count;
      }
    }
  });
  test::expect_some(count);
}

// --- references ---

void for_each_reference(const char* member,
                        const std::function<void(const Json&, const Json&)>& body) {
  std::size_t count = 0;
  for_each_entry(topic, [&](const Json& entry) {
    if (entry.at("expect").at("answer") != "reference") return;
    for (const Json& name : entry.at("files")) {
      const Json content = json_in(data_file(name.get<std::string>()));
      ASSERT_TRUE(content.is_object()) << name << ": this test does not know such a reference";
      EXPECT_TRUE(content.contains("attestationVersion") || content.contains("entries")) << name;
      if (!content.contains(member)) continue;
      body(entry.at("expect"), content);
      ++count;
    }
  });
  test::expect_some(count);
}

TEST_F(AndroidArtefacts, EveryFieldOfAReferenceComesBackFromDer) {
  for_each_reference("attestationVersion", [](const Json&, const Json& description) {
    const auto read = attest::android_key::parse_key_description(key_description_der(description));
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(
        Json::diff(description, without_silence(attest::android_key::to_json(*read), description)),
        Json::array());
  });
}

using Serial = std::unique_ptr<ASN1_INTEGER, decltype(&ASN1_INTEGER_free)>;
Serial serial_of(const std::string& text) {
  const bool decimal = text.find_first_not_of("0123456789") == std::string::npos;
  BIGNUM* number = nullptr;
  EXPECT_NE(decimal ? BN_dec2bn(&number, text.c_str()) : BN_hex2bn(&number, text.c_str()), 0);
  Serial serial(BN_to_ASN1_INTEGER(number, nullptr), &ASN1_INTEGER_free);
  BN_free(number);
  return serial;
}

TEST_F(AndroidArtefacts, SerialNumbersOfAListAreFoundWhicheverWayTheyAreSpelled) {
  for_each_reference("entries", [](const Json& expect, const Json& content) {
    const auto list = attest::android_key::RevocationList::parse(content.dump());
    ASSERT_TRUE(list) << list.error().to_string();
    EXPECT_EQ(list->size(), content["entries"].size());
    for (const auto& [serial, entry] : content["entries"].items()) {
      const bool revoked = entry["status"] == "REVOKED";
      EXPECT_EQ(list->status_of(serial_of(serial).get()),
                revoked ? attest::android_key::CertificateStatus::revoked
                        : attest::android_key::CertificateStatus::suspended);
    }
    const Json listed = expect.value("chains_in_this_set_that_are_listed", Json::array());
    for_each_artefact([&](const Artefact& artefact) {
      bool found = false;
      for (const Bytes& der : artefact.chain)
        found = found || list->status_of(attest::x509::parse_certificate(der).get()) !=
                             attest::android_key::CertificateStatus::good;
      EXPECT_EQ(found, std::count(listed.begin(), listed.end(), Json(artefact.id)) != 0)
          << artefact.id;
    });
  });
}

TEST_F(AndroidArtefacts, AreAnsweredTheSameBesideAListThatNamesNoneOfThem) {
  for_each_reference("entries", [](const Json& expect, const Json& content) {
    const Json listed = expect.value("chains_in_this_set_that_are_listed", Json::array());
    for_each_artefact([&](const Artefact& artefact) {
      if (of_certificates_alone(artefact) || artefact.question.roots == nullptr) return;
      Json before = to_json(judged(artefact.question));
      Question beside = artefact.question;
      beside.files.push_back(to_bytes(as_bytes(content.dump())));
      const Json after = to_json(judged(beside));
      before["facts"].erase("not_evaluated");
      const bool named = std::count(listed.begin(), listed.end(), Json(artefact.id)) != 0;
      EXPECT_EQ(after["verdict"], named ? Json("reject") : before["verdict"]) << artefact.id;
      EXPECT_TRUE(named || after == before) << artefact.id << after;
    });
  });
}

// --- derived negatives ---

Code refusal(const Question& question) {
  const Judgement judgement = judged(question);
  const bool refused = judgement.verdict == Judgement::Verdict::reject && !judgement.crypto_good;
  EXPECT_TRUE(refused) << to_json(judgement);
  return judgement.refusal ? judgement.refusal->code : Code::internal;
}

/// Every entry that is accepted, or would be but for a rule, its certificates as DER.
void for_each_positive(const std::function<void(const Artefact&, const Question&)>& body) {
  std::size_t count = 0;
  for_each_artefact([&](const Artefact& artefact) {
    if (artefact.answer != "accept" && artefact.expect.value("crypto", "") != "accept") return;
    Question question = artefact.question;
    question.files = artefact.chain;
    body(artefact, question);
    ++count;
  });
  test::expect_some(count);
}

bool is_accepted(const Question& question) {
  return judged(question).verdict == Judgement::Verdict::accept;
}

TEST_F(AndroidArtefacts, AreAnsweredTheSameInAnyOrderOfTheirFiles) {
  for_each_positive([](const Artefact& artefact, const Question& good) {
    const Json before = to_json(judged(artefact.question));
    Question turned = good;
    std::reverse(turned.files.begin(), turned.files.end());
    EXPECT_EQ(to_json(judged(turned))["verdict"], before["verdict"]);
  });
}

TEST_F(AndroidArtefacts, WithABitFlippedAnywhereAreRefused) {
  for_each_positive([](const Artefact& artefact, const Question& good) {
    // A root that the operator knows is taken by its key, whatever the one in the chain says.
    for (std::size_t place = 0; place + 1 < good.files.size(); ++place) {
      for (std::size_t at = 0; at < good.files[place].size(); at += 41) {
        Question bad = good;
        bad.files[place][at] ^= static_cast<std::uint8_t>(1U << at % 8);
        refusal(bad);
      }
    }
    if (of_certificates_alone(artefact)) return;
    for (std::size_t at = 0; at < good.files.back().size(); at += 41) {
      Question bad = good;
      bad.files.back()[at] ^= static_cast<std::uint8_t>(1U << at % 8);
      refusal(bad);
    }
  });
}

TEST_F(AndroidArtefacts, ForAnotherChallengeAnEmptyOneOrAPrefixAreRefusedAsUnbound) {
  for_each_positive([](const Artefact&, const Question& good) {
    if (!good.challenge) return;
    const Bytes challenge = *good.challenge;
    std::vector<Bytes> others = {Bytes(32, 0x42), Bytes(), challenge};
    others.back().push_back(0);
    if (!challenge.empty()) others.emplace_back(challenge.begin(), challenge.end() - 1);
    for (const Bytes& other : others) {
      if (other == challenge) continue;
      Question bad = good;
      bad.challenge = other;
      EXPECT_EQ(refusal(bad), Code::android_challenge) << to_hex(other);
    }
  });
}

TEST_F(AndroidArtefacts, WithAStatusListThatNamesACertificateOfTheirsAreRefused) {
  for_each_positive([](const Artefact& artefact, const Question& good) {
    if (!is_accepted(good) || of_certificates_alone(artefact)) return;
    for (const char* status : {"REVOKED", "SUSPENDED"}) {
      for (std::size_t place = 1; place < good.files.size(); ++place) {
        const auto certificate = attest::x509::parse_certificate(good.files[place]);
        BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate.get()), nullptr);
        char* serial = BN_bn2dec(number);
        const Json list = {{"entries", {{serial, {{"status", status}}}}}};
        OPENSSL_free(serial);
        BN_free(number);
        Question bad = good;
        bad.files.insert(bad.files.begin(), to_bytes(as_bytes(list.dump())));
        const Judgement judgement = judged(bad);
        ASSERT_TRUE(judgement.refusal);
        EXPECT_EQ(judgement.refusal->code, std::string(status) == "REVOKED"
                                               ? Code::android_revoked
                                               : Code::android_suspended);
      }
    }
    Question other = good;
    const std::string list = R"({"entries": {"fedcba9876543210fedcba": {"status": "REVOKED"}}})";
    other.files.push_back(to_bytes(as_bytes(list)));
    EXPECT_TRUE(is_accepted(other));
    other.files.push_back(to_bytes(as_bytes(list)));
    EXPECT_EQ(refusal(other), Code::evidence_files) << "two lists";
  });
}

TEST_F(AndroidArtefacts, BySomebodyElsesRootAreRefused) {
  const AndroidAuthority other;
  const auto others = other.trust();
  for_each_positive([&](const Artefact&, const Question& good) {
    if (!is_accepted(good)) return;
    Question bad = good;
    bad.roots = others.get();
    EXPECT_EQ(refusal(bad), Code::certificate_untrusted_root);
    bad.files.back() = other.root_der();
    refusal(bad);
  });
}

TEST_F(AndroidArtefacts, WithoutTheirLeafAnIntermediateOrTheirRootAreRefused) {
  for_each_positive([](const Artefact& artefact, const Question& good) {
    if (of_certificates_alone(artefact)) return;
    for (std::size_t place = 0; place < good.files.size(); ++place) {
      Question bad = good;
      bad.files.erase(bad.files.begin() + static_cast<std::ptrdiff_t>(place));
      const std::set<Code> wanted = {Code::android_chain_malformed,
                                     Code::android_extension_missing};
      EXPECT_EQ(wanted.count(refusal(bad)), 1U) << place;
    }
  });
}

TEST_F(AndroidArtefacts, BeforeAndAfterTheirLivesAreRefused) {
  for_each_positive([](const Artefact&, const Question& good) {
    if (!is_accepted(good)) return;
    Question bad = good;
    bad.at = from_unix(1'000'000);
    EXPECT_EQ(refusal(bad), Code::certificate_not_yet_valid);
    bad.at = good.at + std::chrono::hours(24 * 365 * 101);
    EXPECT_EQ(refusal(bad), Code::certificate_expired);
  });
}

std::string serial_text(const Bytes& der) {
  const auto certificate = attest::x509::parse_certificate(der);
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate.get()), nullptr);
  char* decimal = BN_bn2dec(number);
  std::string text = decimal;
  OPENSSL_free(decimal);
  BN_free(number);
  return text;
}

TEST_F(AndroidArtefacts, WithAnyOfTheirCertificatesOnGooglesListAreRefusedForThatAlone) {
  for_each_positive([](const Artefact& artefact, const Question& good) {
    if (!is_accepted(good) || of_certificates_alone(artefact)) return;
    for (const Bytes& der : artefact.chain) {
      const Json list = {{"entries", {{serial_text(der), {{"status", "REVOKED"}}}}}};
      Question bad = good;
      bad.files.push_back(to_bytes(as_bytes(list.dump())));
      const Json answer = to_json(judged(bad));
      EXPECT_EQ(answer.value("code", ""), "android_revoked") << answer;
      EXPECT_EQ(answer.value("crypto", ""), "accept");
    }
  });
}

TEST_F(AndroidArtefacts, WithTheirRootTwiceAreRefused) {
  for_each_positive([](const Artefact& artefact, const Question& good) {
    if (!is_accepted(good) || of_certificates_alone(artefact)) return;
    Question bad = good;
    bad.files.push_back(artefact.chain.back());
    EXPECT_EQ(refusal(bad), Code::android_chain_malformed);
  });
}

// Keys of a factory are taken when their authorities have expired, keys of a server are not.
TEST_F(AndroidArtefacts, ProvisionedRemotelyMustBeJudgedInTheirWeeks) {
  for_each_positive([](const Artefact& artefact, const Question& good) {
    const Judgement before = judged(good);
    if (before.verdict != Judgement::Verdict::accept || of_certificates_alone(artefact)) return;
    Question later = good;
    later.at = good.at + std::chrono::hours(24 * 365 * 10);
    const auto leaf = attest::x509::parse_certificate(good.files[0]);
    std::time_t then = to_unix(later.at);
    if (X509_cmp_time(X509_get0_notAfter(leaf.get()), &then) < 0) {
      EXPECT_EQ(refusal(later), Code::certificate_expired) << "the leaf itself";
    } else if (before.facts["provisioning"] == "factory") {
      EXPECT_TRUE(is_accepted(later));
    } else {
      EXPECT_EQ(refusal(later), Code::certificate_expired);
    }
  });
}

TEST_F(AndroidArtefacts, CutAnywhereOrOneOctetLongerAreRefused) {
  for_each_positive([](const Artefact&, const Question& good) {
    for (std::size_t place = 0; place < good.files.size(); ++place) {
      const Bytes whole = good.files[place];
      Question bad = good;
      for (std::size_t length = 0; length < whole.size(); length += 23) {
        bad.files[place].assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        refusal(bad);
      }
      bad.files[place] = whole;
      bad.files[place].push_back(1);
      refusal(bad);
    }
  });
}

bool is_pem(const Bytes& file) { return as_text(file).find("-----BEGIN") != std::string::npos; }

/// Attested keys that are accepted and begin with a file of PEM, as the topic's entries alone tell.
std::size_t accepted_as_pem() {
  std::size_t count = 0;
  for_each_entry(topic, [&](const Json& entry) {
    const Json& expect = entry.at("expect");
    if (expect["answer"] == "accept" && expect.contains("attestationVersion") &&
        is_pem(data_file(entry.at("files").at(0).get<std::string>())))
      ++count;
  });
  return count;
}

TEST_F(AndroidArtefacts, CutInTheirPemAreRefused) {
  std::size_t count = 0;
  for_each_artefact([&](const Artefact& artefact) {
    const Bytes whole = artefact.question.files[0];
    if (artefact.answer != "accept" || of_certificates_alone(artefact) || !is_pem(whole)) return;
    ++count;
    const auto end = static_cast<std::size_t>(as_text(whole).find_last_of('-'));
    Question bad = artefact.question;
    for (std::size_t length = 0; length <= end; length += 97) {
      bad.files[0].assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      refusal(bad);
    }
  });
  EXPECT_GE(count, accepted_as_pem());
}

}  // namespace
}  // namespace mintmark::test
