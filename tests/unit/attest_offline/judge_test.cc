// Evidence from files, judged: what test authorities and a test TPM made, each check broken alone.
#include "attest/offline/judge.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include "attest/offline/material.h"
#include "cbor/write.h"
#include "jose/key.h"
#include "support/boot_log.h"
#include "support/ima_log.h"
#include "support/issued_certificate.h"
#include "support/test_tpm.h"

namespace mintmark::attest::offline {
namespace {

const Moment now = from_unix(1'800'000'000);

class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() {
    const auto candidate = tpm2::check_candidate(tpm.presented(), trust, now);
    const auto challenge = tpm2::make_challenge(*candidate, Bytes(32, 7));
    answer = tpm.answer(*challenge, nonce, {"sha256", {0, 7}});
  }
  Question quote() const {
    Json values;
    for (const auto& [index, value] : answer.pcrs)
      values["sha256"][std::to_string(index)] = to_hex(value);
    return {"quote",
            {answer.quote_attest, answer.quote_signature, tpm.presented().ak_public,
             to_bytes(as_bytes(values.dump()))},
            nullptr,
            now,
            nonce};
  }
  Question certify() const {
    return {"certify",
            {answer.certify_attest, answer.certify_signature, tpm.presented().ak_public,
             tpm.presented().device_public},
            nullptr,
            now,
            nonce};
  }
  Question ek() const { return {"ek", {tpm.presented().ek_certificate}, &trust, now, {}}; }
  static Json judged(const Question& question) { return to_json(*judge(question)); }
  static std::string code(const Question& question) {
    const Json json = judged(question);
    EXPECT_EQ(json["verdict"], "reject");
    return json.value("code", "");
  }

  const Bytes nonce = Bytes(20, 0x42);
  test::TestAuthority authority;
  tpm2::EkTrust trust = authority.trust();
  test::TestTpm tpm{authority};
  tpm2::Answer answer;
};

TEST_F(JudgeTest, AGoodQuoteIsAcceptedByEitherName) {
  Question question = quote();
  for (const char* format : {"quote", "tpm2-quote", "tpm2"}) {
    question.format = format;
    const Json json = judged(question);
    EXPECT_EQ(json["verdict"], "accept") << json;
    EXPECT_FALSE(json.contains("code"));
    EXPECT_EQ(json["facts"]["kind"], "TPM2_Quote");
    EXPECT_EQ(json["facts"]["pcr_digest_matches"], true);
  }
}

TEST_F(JudgeTest, AGoodCertificationIsAcceptedAndItsKeyNamed) {
  const Json json = judged(certify());
  EXPECT_EQ(json["verdict"], "accept") << json;
  EXPECT_EQ(json["facts"]["key_name"], to_hex(tpm.device_name()));
  EXPECT_EQ(json["facts"]["ak_name"], to_hex(tpm.ak_name()));
}

TEST_F(JudgeTest, AnUnknownFormatIsAnErrorThatNamesTheKnownOnes) {
  Question question = quote();
  for (const char* format : {"", "tpm", "TPM2", "tpm2 "}) {
    question.format = format;
    const auto judgement = judge(question);
    ASSERT_FALSE(judgement) << format;
    EXPECT_EQ(judgement.error().code, Code::evidence_format_unknown);
    EXPECT_NE(judgement.error().detail.find("tpm2-quote"), std::string::npos);
  }
}

TEST_F(JudgeTest, WithoutFilesOrWithTooManyThereIsNothingToAccept) {
  Question question = quote();
  question.files.clear();
  EXPECT_EQ(code(question), "evidence_files");
  question.files.assign(most_files + 1, Bytes{1});
  EXPECT_EQ(code(question), "evidence_files");
}

TEST_F(JudgeTest, AFileThatNobodyCanReadRefusesTheRest) {
  Question question = quote();
  question.files.push_back(to_bytes(as_bytes("what is this")));
  EXPECT_EQ(code(question), "evidence_files");
}

TEST_F(JudgeTest, AQuoteOfAnUnrestrictedKeyIsRefusedThoughItsSignatureIsGood) {
  tpm.ak.objectAttributes &= ~TPMA_OBJECT_RESTRICTED;
  const Json json = judged(quote());
  EXPECT_EQ(json["code"], "ak_not_restricted");
  EXPECT_EQ(json["crypto"], "accept");
}

TEST_F(JudgeTest, StatementsForAnotherFormatAreRefusedForTheirType) {
  Question question = quote();
  question.format = "certify";
  EXPECT_EQ(code(question), "certify_type");
  question = certify();
  question.format = "creation";
  EXPECT_EQ(code(question), "creation_type");
}

TEST_F(JudgeTest, ASignatureTooManyIsRefused) {
  Question question = quote();
  question.files.push_back(answer.certify_signature);
  EXPECT_EQ(code(question), "signature_invalid");
}

TEST_F(JudgeTest, ACertificationWithoutItsKeyIsRefused) {
  Question question = certify();
  question.files.pop_back();
  EXPECT_EQ(code(question), "certify_name");
}

TEST_F(JudgeTest, AnEkCertificateIsReadWithoutRootsAndAcceptedByItsOwn) {
  Question question = ek();
  EXPECT_EQ(judged(question)["verdict"], "accept");
  question.roots = nullptr;
  const Json json = judged(question);
  EXPECT_EQ(json["verdict"], "parse");
  EXPECT_EQ(json["facts"]["tpm"]["manufacturer"], "id:4D494E54");
}

TEST_F(JudgeTest, AnEkCertificateIsNoAksAndNoDevices) {
  Question question = ek();
  question.format = "ak";
  EXPECT_EQ(code(question), "ak_certificate_usage");
  question.format = "idevid";
  EXPECT_EQ(code(question), "certificate_usage");
}

TEST_F(JudgeTest, AnAuthoritysCertificateIsNoneOfThem) {
  Question question = ek();
  question.files = {authority.intermediate_der()};
  EXPECT_EQ(code(question), "ek_is_ca");
  question.format = "ak";
  EXPECT_EQ(code(question), "ak_certificate_is_ca");
  question.format = "x509";
  EXPECT_EQ(code(question), "certificate_is_ca");
  question.format = "tpm2";
  const Json json = judged(question);
  EXPECT_EQ(json["verdict"], "accept") << json;
  EXPECT_EQ(json["facts"]["kind"], "authority");
}

TEST_F(JudgeTest, ACertificateUnderReviewIsNotAccepted) {
  x509::Trust::Parts parts;
  for (auto& root : x509::certificates_in(as_bytes(authority.root_pem())))
    parts.anchors.push_back({std::move(root), x509::RootRule::review});
  const auto review = *x509::Trust::of(std::move(parts));
  Question question = ek();
  question.files.push_back(authority.intermediate_der());
  question.roots = &review;
  const Json json = judged(question);
  EXPECT_EQ(json["code"], "ek_untrusted_root");
  EXPECT_EQ(json["facts"]["standing"], "review");
}

TEST_F(JudgeTest, ACertificateOfAnotherKeyBesideAQuoteIsRefused) {
  Question question = quote();
  question.files.push_back(tpm.presented().ek_certificate);
  EXPECT_EQ(code(question), "ak_certificate_key");
}

// PCR values in a file of their own; a bank without a name is SHA-256's.
Bytes values_file(const std::string& bank, const std::map<unsigned, Bytes>& pcrs) {
  Json values = Json::object();
  for (const auto& [index, value] : pcrs) values[std::to_string(index)] = to_hex(value);
  return to_bytes(as_bytes((bank.empty() ? values : Json{{bank, values}}).dump()));
}

TEST_F(JudgeTest, AnEventLogIsJudgedByTheValuesBesideIt) {
  const test::BootLog boot = test::BootLog::whole();
  Question question{"eventlog", {boot.octets()}, nullptr, now, {}};
  const Json alone = judged(question);
  EXPECT_EQ(alone["verdict"], "accept") << alone;
  EXPECT_EQ(alone["facts"]["event_log"]["format"], "crypto-agile");
  EXPECT_FALSE(alone["facts"].contains("boot"));
  question.files.push_back(values_file("sha384", boot.pcrs("sha384")));
  question.files.push_back(values_file("", boot.pcrs("sha256")));
  const Json beside = judged(question);
  EXPECT_EQ(beside["verdict"], "accept") << beside;
  EXPECT_TRUE(beside["facts"]["boot"].contains("sha256")) << beside;
  EXPECT_TRUE(beside["facts"]["boot"].contains("sha384")) << beside;
  auto pcrs = boot.pcrs("sha256");
  pcrs.begin()->second[0] ^= 1U;
  question.files.push_back(values_file("sha256", pcrs));
  EXPECT_EQ(code(question), "eventlog_replay");
  question.files = {values_file("sha256", pcrs)};
  EXPECT_EQ(code(question), "evidence_files");
  question.files = {boot.octets()};
  question.files[0].pop_back();
  EXPECT_EQ(code(question), "eventlog_malformed");
  question.files = {boot.sha1_octets()};
  EXPECT_EQ(judged(question)["facts"]["event_log"]["format"], "legacy-sha1");
}

TEST_F(JudgeTest, AnImaLogIsJudgedByThePcrBesideIt) {
  test::ImaLog ima;
  ima.file("boot_aggregate", "aggregate").file("/usr/bin/init", "init").violation("/var/log/x");
  Question question{"ima", {ima.binary()}, nullptr, now, {}};
  const Json alone = judged(question);
  EXPECT_EQ(alone["verdict"], "parse") << alone;
  EXPECT_EQ(alone["facts"]["ima_log"]["entries"], 3);
  for (const std::string bank : {"", "sha256", "sha384"}) {
    const Bytes value = ima.pcr10(bank.empty() ? "sha256" : bank);
    question.files = {to_bytes(as_bytes(ima.ascii())), values_file(bank, {{10, value}})};
    const Json beside = judged(question);
    EXPECT_EQ(beside["verdict"], "accept") << beside;
    EXPECT_EQ(beside["facts"]["ima_log"]["covered"], 3) << beside;
    EXPECT_EQ(beside["facts"]["ima_log"]["violations"], 1) << beside;
  }
  question.files[1] = values_file("sha256", {{10, Bytes(32, 1)}});
  EXPECT_EQ(judged(question)["verdict"], "reject");
  question.files[1] = values_file("sha256", {{0, Bytes(32, 1)}});
  EXPECT_EQ(judged(question)["verdict"], "parse") << "of another PCR it says nothing";
  question.files.erase(question.files.begin());
  EXPECT_EQ(code(question), "evidence_files");
  question.files = {ima.binary()};
  question.files[0].pop_back();
  const Json cut = judged(question);
  EXPECT_EQ(cut["facts"]["ima_log"]["cut"], true) << cut;
}

// --- statements: their signatures as DER, their keys, their selections ---

Bytes as_der(const Bytes& marshalled) {
  const TPMS_SIGNATURE_ECDSA ecdsa = sort_files({marshalled}).signatures.at(0).tpm.signature.ecdsa;
  Bytes raw;
  for (const TPM2B_ECC_PARAMETER& one : {ecdsa.signatureR, ecdsa.signatureS}) {
    raw.resize(raw.size() + 32U - one.size);
    raw.insert(raw.end(), one.buffer, one.buffer + one.size);
  }
  return *jose::signature_to_der(jose::Algorithm::es256, raw);
}

Bytes spki_der(EVP_PKEY* key) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_PUBKEY(key, &octets);
  Bytes der(octets, octets + std::max(length, 0));
  OPENSSL_free(octets);
  return der;
}

TEST_F(JudgeTest, ASignatureMayBeDer) {
  Question question = quote();
  question.files[1] = as_der(answer.quote_signature);
  const Json json = judged(question);
  EXPECT_EQ(json["verdict"], "accept") << json;
  EXPECT_EQ(json["facts"]["signature_alg"], Json({"ecdsa", "sha256"}));
  question.files[1] = as_der(answer.certify_signature);
  EXPECT_EQ(code(question), "signature_invalid") << "of another statement";
  question.files.push_back(as_der(answer.quote_signature));
  EXPECT_EQ(code(question), "signature_invalid") << "one too many";
}

TEST_F(JudgeTest, ADerSignatureOfNumbersThatNoTpmHoldsIsNone) {
  const Bytes huge = cbor::joined(Bytes{0x02, 0x81, 0xC8}, Bytes(200, 1));
  const Bytes one = {0x02, 0x01, 0x01};
  for (const Bytes& numbers : {cbor::joined(huge, one), cbor::joined(one, huge)}) {
    Question question = quote();
    question.files[1] = cbor::joined(Bytes{0x30, 0x81, 0xCE}, numbers);
    EXPECT_EQ(code(question), "signature_invalid");
  }
}

TEST_F(JudgeTest, AKeyWithoutItsAreaSignsByTheHashOfItsCurve) {
  const auto key = test::new_pair("P-384");
  const Bytes raw = test::sign_raw(key.get(), answer.quote_attest);
  const Bytes der = *jose::signature_to_der(jose::Algorithm::es384, raw);
  Question question{"quote", {answer.quote_attest, der, spki_der(key.get())}, nullptr, now, nonce};
  const Json json = judged(question);
  EXPECT_EQ(json["verdict"], "accept") << json;
  EXPECT_EQ(json["facts"]["signature_alg"], Json({"ecdsa", "sha384"}));
  question.files.pop_back();
  EXPECT_EQ(code(question), "evidence_files") << "whose signature?";
  question.files = quote().files;
  question.files.push_back(spki_der(key.get()));
  EXPECT_EQ(code(question), "evidence_files") << "a key that plays no part";
}

TEST_F(JudgeTest, OneToEightStatementsWithOneToSixteenSignaturesAreJudged) {
  Question question = quote();
  question.files.erase(question.files.begin() + 1);
  EXPECT_EQ(code(question), "evidence_files");
  question = quote();
  question.files.insert(question.files.end(), 16, answer.quote_signature);
  EXPECT_EQ(code(question), "evidence_files");
  question = quote();
  question.files.insert(question.files.end(), 8, answer.quote_attest);
  EXPECT_EQ(code(question), "evidence_files");
  question = certify();
  question.format = "tpm2";
  question.files.push_back(answer.quote_attest);
  EXPECT_EQ(code(question), "signature_invalid") << "the second is not signed";
  question.files.push_back(answer.quote_signature);
  const Json both = judged(question);
  EXPECT_EQ(both["verdict"], "accept") << both;
  EXPECT_EQ(both["facts"]["statements"].size(), 2U);
}

TEST_F(JudgeTest, AQuoteSelectsPcrsOfOneBankThatIsTaken) {
  const auto with = [&](const std::function<void(TPML_PCR_SELECTION&)>& change) {
    tpm.before_quote = [&](TPMS_ATTEST& quote) { change(quote.attested.quote.pcrSelect); };
    answer = tpm.answer(nonce, {"sha256", {0, 7}});
    Question question = quote();
    question.files.pop_back();
    return judged(question);
  };
  const auto second = [](BYTE bits) {
    return [bits](TPML_PCR_SELECTION& selection) {
      selection.count = 2;
      selection.pcrSelections[1] = {TPM2_ALG_SHA384, 3, {bits, 0, 0, 0}};
    };
  };
  EXPECT_EQ(with(second(0))["verdict"], "accept") << "nothing of the other";
  EXPECT_EQ(with(second(1))["code"], "quote_selection");
  EXPECT_EQ(with([](auto& selection) { selection.count = 0; })["code"], "quote_selection");
  EXPECT_EQ(
      with([](auto& selection) { selection.pcrSelections[0].hash = TPM2_ALG_SM3_256; })["code"],
      "quote_selection");
  const Json sha1 = with([](auto& selection) { selection.pcrSelections[0].hash = TPM2_ALG_SHA1; });
  EXPECT_EQ(sha1["code"], "quote_bank_refused");
  EXPECT_EQ(sha1["crypto"], "accept");
}

TEST_F(JudgeTest, ValuesBesideAQuoteAreAllOfItsBankAndSize) {
  const auto with = [&](const Bytes& values) {
    Question question = quote();
    question.files[3] = values;
    return code(question);
  };
  auto pcrs = answer.pcrs;
  EXPECT_EQ(with(values_file("sha384", pcrs)), "quote_values");
  pcrs[7].push_back(0);
  EXPECT_EQ(with(values_file("", pcrs)), "quote_values");
  pcrs.erase(7);
  EXPECT_EQ(with(values_file("sha256", pcrs)), "quote_values");
  pcrs[7] = Bytes(32, 0x77);
  EXPECT_EQ(with(values_file("sha256", pcrs)), "quote_digest");
}

TEST_F(JudgeTest, AnAksCertificateBesideAQuoteIsJudgedByTheRoots) {
  Question question = quote();
  question.files.push_back(authority.intermediate_der());
  question.files.push_back(authority.certify_ak(tpm.ak));
  EXPECT_EQ(judged(question)["verdict"], "accept");
  question.roots = &trust;
  const Json json = judged(question);
  EXPECT_EQ(json["verdict"], "accept") << json;
  EXPECT_TRUE(json["facts"].contains("chain"));
  const auto review = *x509::Trust::of(authority.parts(x509::RootRule::review));
  question.roots = &review;
  EXPECT_EQ(code(question), "ak_untrusted_root");
  const auto others = test::TestAuthority().trust();
  question.roots = &others;
  EXPECT_EQ(code(question), "ak_untrusted_root");
}

TEST_F(JudgeTest, WhatIsCertifiedOfAKeyThatMayLeaveIsNotTaken) {
  for (const auto& [attribute, why] : {std::pair{TPMA_OBJECT_FIXEDTPM, "device_key_not_fixed_tpm"},
                                       {TPMA_OBJECT_FIXEDPARENT, "device_key_not_fixed_parent"},
                                       {TPMA_OBJECT_SENSITIVEDATAORIGIN, "device_key_imported"}}) {
    test::TestTpm weak{authority};
    weak.device.objectAttributes &= ~attribute;
    const auto said = weak.answer(nonce, {"sha256", {0}});
    const auto shown = weak.presented();
    const Json json =
        judged({"certify",
                {said.certify_attest, said.certify_signature, shown.ak_public, shown.device_public},
                nullptr,
                now,
                nonce});
    EXPECT_EQ(json["code"], why);
    EXPECT_EQ(json["crypto"], "accept");
  }
}

TEST_F(JudgeTest, ACreationIsJudgedByItsDataAndItsKey) {
  tpm.certify_creation(answer, nonce);
  Question question = certify();
  question.format = "creation";
  EXPECT_EQ(code(question), "evidence_files");
  question.files.push_back(answer.creation_data);
  const Json json = judged(question);
  EXPECT_EQ(json["verdict"], "accept") << json;
  EXPECT_EQ(json["facts"]["creation_hash_matches"], true);
  question.files.push_back(answer.creation_data);
  EXPECT_EQ(code(question), "evidence_files");
  question.files = certify().files;
  question.files.back() = answer.creation_data;
  EXPECT_EQ(code(question), "creation_name");
}

}  // namespace
}  // namespace mintmark::attest::offline
