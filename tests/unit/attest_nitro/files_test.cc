// Nitro documents from files, alone and beside a quote of the NitroTPM that they attest.
#include "attest/nitro/document.h"
#include "attest/offline/judge.h"
#include "attest/tpm2/signature.h"
#include "cbor/cose.h"
#include "nitro_fixture.h"
#include "support/test_tpm.h"

namespace mintmark::attest::nitro {
namespace {

class NitroFiles : public NitroDocument {
 protected:
  offline::Judgement judged(std::vector<Bytes> files) {
    offline::Question question;
    question.format = "nitro";
    question.files = std::move(files);
    trust = trust_in(maker.root_pem());
    question.roots = with_roots ? &*trust : nullptr;
    question.at = at;
    question.allowed = allowed;
    return offline::judge(question).value();
  }
  std::optional<x509::Trust> trust;
  bool with_roots = true;
  Moment at = now;
  std::set<std::string> allowed;
};

using Answer = offline::Judgement::Verdict;

TEST_F(NitroFiles, AreJudgedAtTheDocumentsTimeAndThenAtTheOneAsked) {
  EXPECT_EQ(judged({maker.document()}).verdict, Answer::accept);
  for (const auto& [when, code] :
       {std::pair{now + std::chrono::hours(4), Code::certificate_expired},
        std::pair{now - std::chrono::hours(1), Code::certificate_not_yet_valid}}) {
    at = when;
    const auto judgement = judged({maker.document()});
    EXPECT_EQ(judgement.verdict, Answer::reject);
    EXPECT_TRUE(judgement.crypto_good);
    EXPECT_EQ(judgement.refusal->code, code);
  }
}

TEST_F(NitroFiles, TellWhetherADeviceCouldStillEnrolWithThem) {
  EXPECT_EQ(judged({maker.document()}).facts["fresh_for_enrolment"], true);
  for (const auto& [apart, fresh] :
       {std::pair{300, true}, std::pair{301, false}, std::pair{3600, false}}) {
    at = now + std::chrono::seconds(apart);
    const auto judgement = judged({maker.document()});
    EXPECT_EQ(judgement.verdict, Answer::accept);
    EXPECT_EQ(judgement.facts["fresh_for_enrolment"], fresh) << apart;
  }
}

TEST_F(NitroFiles, WithoutRootsAreParsed) {
  with_roots = false;
  EXPECT_EQ(judged({maker.document()}).verdict, Answer::parse);
  maker.by_another_key = true;
  EXPECT_EQ(judged({maker.document()}).verdict, Answer::reject);
}

TEST_F(NitroFiles, OfDebugModeAreGoodButRefusedUnlessAllowed) {
  maker.pcrs[0] = maker.pcrs[1] = maker.pcrs[2] = Bytes(48);
  const auto refused = judged({maker.document()});
  EXPECT_TRUE(refused.crypto_good);
  EXPECT_EQ(refused.refusal->code, Code::nitro_debug);
  allowed = {"debug"};
  EXPECT_EQ(judged({maker.document()}).verdict, Answer::accept);
}

TEST_F(NitroFiles, AsBase64TextAreTheSame) {
  const std::string text = jose::base64(maker.document()) + "\n";
  EXPECT_EQ(judged({to_bytes(as_bytes(text))}).verdict, Answer::accept);
}

TEST_F(NitroFiles, InANameOfACertificateAreParsedAlone) {
  const auto judgement = judged({maker.carrier(maker.document())});
  EXPECT_EQ(judgement.verdict, Answer::parse);
  EXPECT_EQ(judgement.facts["module_id"], maker.module_id);
  EXPECT_EQ(judged({maker.carrier(Bytes(600, 0x84))}).verdict, Answer::reject);
}

TEST_F(NitroFiles, ThatAreNoDocumentOrTwoAreRefused) {
  EXPECT_EQ(judged({Bytes{1, 2, 3}}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({Bytes{}}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({maker.document(), maker.document()}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({maker.document(), Bytes{1, 2, 3}}).refusal->code, Code::evidence_files);
}

TEST_F(NitroFiles, OfAnotherCertificateOrKeyBesideTheDocumentAreRefused) {
  const auto other = parse(maker.document());
  ASSERT_TRUE(other);
  EXPECT_EQ(judged({maker.document(), other->certificate}).refusal->code, Code::evidence_files);
  const Bytes point = key.public_key().to_point();
  maker.public_key = point;
  EXPECT_EQ(judged({maker.document(), point}).verdict, Answer::accept);
  maker.public_key = test::SoftKey().public_key().to_point();
  EXPECT_EQ(judged({maker.document(), point}).refusal->code, Code::nitro_public_key);
}

// --- a quote beside a NitroTPM's document ---

class NitroTpmQuote : public NitroFiles {
 protected:
  NitroTpmQuote() {
    maker.machine = true;
    maker.pcrs.clear();
    for (unsigned index = 0; index < 24; ++index) {
      tpm.pcrs[index] = Bytes(48, static_cast<std::uint8_t>(index));
      maker.pcrs[index] = tpm.pcrs[index];
      asked.indexes.push_back(index);
    }
    maker.nonce = Bytes(binding.begin(), binding.end());
    maker.public_key = tpm2::point_of(tpm.ak).value();
    tpm.before_quote = [](TPMS_ATTEST& quote) { select_sha384(quote); };
  }
  static void select_sha384(TPMS_ATTEST& quote) {
    quote.attested.quote.pcrSelect.pcrSelections[0].hash = TPM2_ALG_SHA384;
  }
  offline::Judgement judged_with_quote() {
    const auto answer = tpm.answer(*maker.nonce, asked);
    return judged({answer.quote_attest, maker.document(), answer.quote_signature});
  }
  Code refusal_of_quote() {
    const auto judgement = judged_with_quote();
    EXPECT_EQ(judgement.verdict, Answer::reject);
    return judgement.refusal ? judgement.refusal->code : Code::internal;
  }

  test::TestAuthority authority;
  test::TestTpm tpm{authority};
  tpm2::PcrSelection asked{"sha384", {}};
};

TEST_F(NitroTpmQuote, ByTheKeyThatTheDocumentAttestsIsTaken) {
  const auto judgement = judged_with_quote();
  EXPECT_EQ(judgement.verdict, Answer::accept) << offline::to_json(judgement);
  EXPECT_EQ(judgement.facts["quote_signature_valid"], true);
  EXPECT_EQ(judgement.facts["quote_pcr_digest_matches"], true);
  maker.public_key = cbor::spki_of(tpm2::openssl_key_of(tpm.ak).get());
  EXPECT_EQ(judged_with_quote().verdict, Answer::accept);
}

TEST_F(NitroTpmQuote, ByAnotherKeyOrOfADocumentWithoutOneIsRefused) {
  maker.public_key = test::SoftKey().public_key().to_point();
  EXPECT_EQ(refusal_of_quote(), Code::signature_invalid);
  maker.public_key.reset();
  EXPECT_EQ(refusal_of_quote(), Code::nitro_public_key);
  maker.public_key = Bytes(65, 4);
  EXPECT_EQ(refusal_of_quote(), Code::nitro_public_key);
}

TEST_F(NitroTpmQuote, BoundToAnotherNonceIsRefused) {
  const auto answer = tpm.answer(Bytes(32, 9), asked);
  EXPECT_EQ(judged({maker.document(), answer.quote_attest, answer.quote_signature}).refusal->code,
            Code::quote_binding);
  maker.nonce.reset();
  EXPECT_EQ(judged({maker.document(), answer.quote_attest, answer.quote_signature}).refusal->code,
            Code::quote_binding);
}

TEST_F(NitroTpmQuote, OfOtherPcrsThanTheDocumentsIsRefused) {
  maker.pcrs[3] = Bytes(48, 0xEE);
  EXPECT_EQ(refusal_of_quote(), Code::quote_digest);
  maker.pcrs.erase(3);
  EXPECT_EQ(refusal_of_quote(), Code::quote_selection);
}

TEST_F(NitroTpmQuote, OfAnotherBankIsRefused) {
  tpm.before_quote = nullptr;
  EXPECT_EQ(refusal_of_quote(), Code::quote_selection);
}

TEST_F(NitroTpmQuote, ThatNoTpmMadeOrThatIsNoneIsRefused) {
  tpm.before_quote = [](TPMS_ATTEST& quote) {
    select_sha384(quote);
    quote.magic = 0x01020304;
  };
  EXPECT_NE(judged_with_quote().verdict, Answer::accept);
  tpm.before_quote = nullptr;
  const auto answer = tpm.answer(*maker.nonce, asked);
  EXPECT_EQ(
      judged({maker.document(), answer.certify_attest, answer.certify_signature}).refusal->code,
      Code::quote_type);
}

TEST_F(NitroTpmQuote, WithoutItsSignatureIsRefused) {
  const auto answer = tpm.answer(*maker.nonce, asked);
  EXPECT_EQ(judged({maker.document(), answer.quote_attest}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({maker.document(), answer.quote_signature}).refusal->code, Code::evidence_files);
}

}  // namespace
}  // namespace mintmark::attest::nitro
