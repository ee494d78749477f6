// Each good chain of a real Android device again, with every single check broken.
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

Code refusal(const Question& question) {
  const Judgement judgement = judged(question);
  const bool refused = judgement.verdict == Judgement::Verdict::reject && !judgement.crypto_good;
  EXPECT_TRUE(refused) << to_json(judgement);
  return judgement.refusal ? judgement.refusal->code : Code::internal;
}

/// Every entry that is accepted, or would be but for a rule, its certificates as DER.
void for_each_positive(const std::function<void(const AndroidArtefact&, const Question&)>& body) {
  std::size_t count = 0;
  for_each_artefact([&](const AndroidArtefact& artefact) {
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
  for_each_positive([](const AndroidArtefact& artefact, const Question& good) {
    const Json before = to_json(judged(artefact.question));
    Question turned = good;
    std::reverse(turned.files.begin(), turned.files.end());
    EXPECT_EQ(to_json(judged(turned))["verdict"], before["verdict"]);
  });
}

TEST_F(AndroidArtefacts, WithABitFlippedAnywhereAreRefused) {
  for_each_positive([](const AndroidArtefact& artefact, const Question& good) {
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
  for_each_positive([](const AndroidArtefact&, const Question& good) {
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
  for_each_positive([](const AndroidArtefact& artefact, const Question& good) {
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
  for_each_positive([&](const AndroidArtefact&, const Question& good) {
    if (!is_accepted(good)) return;
    Question bad = good;
    bad.roots = others.get();
    EXPECT_EQ(refusal(bad), Code::certificate_untrusted_root);
    bad.files.back() = other.root_der();
    refusal(bad);
  });
}

TEST_F(AndroidArtefacts, WithoutTheirLeafAnIntermediateOrTheirRootAreRefused) {
  for_each_positive([](const AndroidArtefact& artefact, const Question& good) {
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
  for_each_positive([](const AndroidArtefact&, const Question& good) {
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
  for_each_positive([](const AndroidArtefact& artefact, const Question& good) {
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
  for_each_positive([](const AndroidArtefact& artefact, const Question& good) {
    if (!is_accepted(good) || of_certificates_alone(artefact)) return;
    Question bad = good;
    bad.files.push_back(artefact.chain.back());
    EXPECT_EQ(refusal(bad), Code::android_chain_malformed);
  });
}

// Keys of a factory are taken when their authorities have expired, keys of a server are not.
TEST_F(AndroidArtefacts, ProvisionedRemotelyMustBeJudgedInTheirWeeks) {
  for_each_positive([](const AndroidArtefact& artefact, const Question& good) {
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
  for_each_positive([](const AndroidArtefact&, const Question& good) {
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
  for_each_entry(android_topic, [&](const Json& entry) {
    const Json& expect = entry.at("expect");
    if (expect["answer"] == "accept" && expect.contains("attestationVersion") &&
        is_pem(data_file(entry.at("files").at(0).get<std::string>())))
      ++count;
  });
  return count;
}

TEST_F(AndroidArtefacts, CutInTheirPemAreRefused) {
  std::size_t count = 0;
  for_each_artefact([&](const AndroidArtefact& artefact) {
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
