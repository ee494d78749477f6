// Chains of real Android devices, judged as the topic's cases.json says, with every field that it
// expects.
#include <openssl/bn.h>

#include <algorithm>
#include <set>

#include "artefacts.h"
#include "attest/android_key/attestation.h"
#include "support/android_chain.h"

namespace mintmark::test {
namespace {

using attest::offline::to_json;
using attest::x509::certificates_in;

// Words for people, what the entry is asked with, and what OpenSSL's own verification says, which
// ends at the first certificate that it finds odd.
const std::set<std::string> words = {"answer", "crypto", "because", "verdict", "notes", "openssl"};
const std::set<std::string> asked_with = {"verify_time_ms", "openssl_chain_to_google_root"};

// Upstream's newer expectations say whether tags are in order; older ones do not speak of it.
Json without_silence(Json said, const Json& expected) {
  for (const char* list : {"softwareEnforced", "hardwareEnforced"}) {
    if (expected.contains(list) && !expected[list].contains("areTagsOrdered"))
      said[list].erase("areTagsOrdered");
  }
  return said;
}

void expect_description(const std::string& file, const Json& facts) {
  const Json expected = json_in(data_file(std::string(android_topic) + "/" + file));
  ASSERT_TRUE(facts.contains("key_description"));
  EXPECT_EQ(Json::diff(expected, without_silence(facts["key_description"], expected)),
            Json::array());
}

void expect_fields(const AndroidArtefact& artefact, const Json& facts) {
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
Json facts_of_chain(const AndroidArtefact& artefact) {
  Question question = artefact.question;
  question.format = "android-key";
  return judged(question).facts;
}

TEST_F(AndroidArtefacts, HaveTheAnswersOfTheEntriesWithEveryFieldThatTheyExpect) {
  std::size_t count = 0;
  for_each_artefact([&](const AndroidArtefact& artefact) {
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
  for_each_artefact([](const AndroidArtefact& artefact) {
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
  for_each_artefact([&](const AndroidArtefact& artefact) {
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

TEST_F(AndroidArtefacts, AnchorsAreAllRead) { test::expect_some(android_anchors().size()); }

TEST_F(AndroidArtefacts, RootsInJsonAreAmongTheAnchors) {
  std::set<std::string> known;
  for (const auto& anchor : android_anchors()) known.insert(attest::x509::digest_of(anchor.get()));
  std::size_t count = 0;
  for_each_entry(android_topic, [&](const Json& entry) {
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
  for_each_entry(android_topic, [&](const Json& entry) {
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
    for_each_artefact([&](const AndroidArtefact& artefact) {
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
    for_each_artefact([&](const AndroidArtefact& artefact) {
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

}  // namespace
}  // namespace mintmark::test
