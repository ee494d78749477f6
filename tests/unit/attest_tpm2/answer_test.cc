// What the TPM answers: secret, certification, quote; each check broken alone and refused for just
// that.
#include <gtest/gtest.h>

#include "attest/tpm2/binding.h"
#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {
namespace {

const Moment now = from_unix(1'800'000'000);

class AnswerTest : public ::testing::Test {
 protected:
  Answer answer() { return tpm.answer(*make_challenge(candidate, secret), binding, asked); }
  Code refusal(const Answer& given) {
    const auto verdict = check_answer(candidate, given, secret, binding, asked, now);
    EXPECT_FALSE(verdict);
    return verdict ? Code::internal : verdict.error().code;
  }

  test::TestAuthority authority;
  test::TestTpm tpm{authority};
  Candidate candidate = *check_candidate(tpm.presented(), authority.trust(), now);
  Bytes secret = random_bytes(32);
  Sha256 binding = binding_of("https://issuer.example", "ticket", candidate.spki(),
                              candidate.ak_name(), candidate.device_name());
  PcrSelection asked{"sha256", {0, 1, 7, 23}};
};

TEST_F(AnswerTest, OfATpmIsAVerdictWithItsFacts) {
  const auto verdict = check_answer(candidate, answer(), secret, binding, asked, now);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->facts().key_protection, "hardware");
  EXPECT_EQ(verdict->facts().pcrs.size(), 4U);
  EXPECT_EQ(verdict->facts().pcrs.at(7), to_hex(tpm.pcrs.at(7)));
  EXPECT_EQ(verdict->facts().reset_count, 3U);
  EXPECT_EQ(verdict->device_key(), tpm.device_key().public_key());
  EXPECT_EQ(verdict->identity(), to_hex(sha256(tpm.ek_spki())));
}

TEST_F(AnswerTest, OfEveryKindOfEkIsTaken) {
  for (const EkKind kind : {EkKind::rsa2048, EkKind::rsa3072, EkKind::rsa4096, EkKind::ecc_p384}) {
    const test::TestTpm other(authority, kind);
    const auto presented = check_candidate(other.presented(), authority.trust(), now);
    ASSERT_TRUE(presented);
    EXPECT_EQ(other.activate(*make_challenge(*presented, secret)), secret);
  }
}

TEST_F(AnswerTest, WithAnotherSecretIsRefused) {
  Answer bad = answer();
  bad.activation_secret[0] ^= 1U;
  EXPECT_EQ(refusal(bad), Code::activation_secret_wrong);
  bad.activation_secret.clear();
  EXPECT_EQ(refusal(bad), Code::activation_secret_wrong);
  bad.activation_secret = Bytes(secret.begin(), secret.begin() + 16);
  EXPECT_EQ(refusal(bad), Code::activation_secret_wrong);
}

TEST_F(AnswerTest, WhoseCertificationHasAnotherMagicIsRefused) {
  tpm.before_certify = [](TPMS_ATTEST& attest) { attest.magic ^= 1U; };
  // tss2-mu itself refuses to marshal or read other magics in some versions; either way it is
  // refused before the signature counts.
  Answer bad;
  try {
    bad = answer();
  } catch (const std::exception&) {
    tpm.before_certify = nullptr;
    bad = answer();
    bad.certify_attest[0] ^= 1U;
  }
  const Code code = refusal(bad);
  EXPECT_TRUE(code == Code::certify_magic || code == Code::tpm_structure) << facts_of(code).name;
}

TEST_F(AnswerTest, WhoseCertificationIsAQuoteIsRefused) {
  Answer bad = answer();
  bad.certify_attest = bad.quote_attest;
  bad.certify_signature = bad.quote_signature;
  EXPECT_EQ(refusal(bad), Code::certify_type);
}

TEST_F(AnswerTest, WhoseCertificationIsBoundToAnotherTicketIsRefused) {
  tpm.before_certify = [](TPMS_ATTEST& attest) { attest.extraData.buffer[0] ^= 1U; };
  EXPECT_EQ(refusal(answer()), Code::certify_binding);
  tpm.before_certify = [](TPMS_ATTEST& attest) { attest.extraData.size = 0; };
  EXPECT_EQ(refusal(answer()), Code::certify_binding);
  tpm.before_certify = [](TPMS_ATTEST& attest) { attest.extraData.size = 16; };
  EXPECT_EQ(refusal(answer()), Code::certify_binding) << "a prefix is not the binding";
}

TEST_F(AnswerTest, WhoseCertificationIsOfAnotherKeyIsRefused) {
  tpm.before_certify = [](TPMS_ATTEST& attest) { attest.attested.certify.name.name[5] ^= 1U; };
  EXPECT_EQ(refusal(answer()), Code::certify_name);
}

TEST_F(AnswerTest, WithASignatureByAnotherKeyIsRefused) {
  tpm.after_signing = [](TPMT_SIGNATURE& signature) {
    signature.signature.ecdsa.signatureS.buffer[31] ^= 1U;
  };
  EXPECT_EQ(refusal(answer()), Code::signature_invalid);
}

TEST_F(AnswerTest, WithASignatureOfAnotherSchemeIsRefused) {
  tpm.after_signing = [](TPMT_SIGNATURE& signature) { signature.sigAlg = TPM2_ALG_ECSCHNORR; };
  EXPECT_EQ(refusal(answer()), Code::signature_scheme);
}

TEST_F(AnswerTest, WithASignatureOverSha1IsRefused) {
  tpm.after_signing = [](TPMT_SIGNATURE& signature) {
    signature.signature.ecdsa.hash = TPM2_ALG_SHA1;
  };
  EXPECT_EQ(refusal(answer()), Code::signature_hash);
}

TEST_F(AnswerTest, WithSignaturesExchangedIsRefused) {
  Answer bad = answer();
  std::swap(bad.certify_signature, bad.quote_signature);
  EXPECT_EQ(refusal(bad), Code::signature_invalid);
}

TEST_F(AnswerTest, WhoseQuoteIsACertificationIsRefused) {
  Answer bad = answer();
  bad.quote_attest = bad.certify_attest;
  bad.quote_signature = bad.certify_signature;
  EXPECT_EQ(refusal(bad), Code::quote_type);
}

TEST_F(AnswerTest, WhoseQuoteIsBoundToAnotherTicketIsRefused) {
  tpm.before_quote = [](TPMS_ATTEST& attest) { attest.extraData.buffer[31] ^= 1U; };
  EXPECT_EQ(refusal(answer()), Code::quote_binding);
}

TEST_F(AnswerTest, WhoseQuoteIsSignedWronglyIsRefused) {
  Answer bad = answer();
  bad.quote_signature.back() ^= 1U;
  EXPECT_EQ(refusal(bad), Code::signature_invalid);
}

TEST_F(AnswerTest, OverFewerMoreOrOtherPcrsThanAskedIsRefused) {
  tpm.before_quote = [](TPMS_ATTEST& attest) {
    attest.attested.quote.pcrSelect.pcrSelections[0].pcrSelect[0] = 0x01;
  };
  EXPECT_EQ(refusal(answer()), Code::quote_selection);
  tpm.before_quote = [](TPMS_ATTEST& attest) {
    attest.attested.quote.pcrSelect.pcrSelections[0].pcrSelect[1] = 0x01;
  };
  EXPECT_EQ(refusal(answer()), Code::quote_selection);
  tpm.before_quote = [](TPMS_ATTEST& attest) { attest.attested.quote.pcrSelect.count = 0; };
  EXPECT_EQ(refusal(answer()), Code::quote_selection);
}

TEST_F(AnswerTest, OverAnotherBankIsRefused) {
  tpm.before_quote = [](TPMS_ATTEST& attest) {
    attest.attested.quote.pcrSelect.pcrSelections[0].hash = TPM2_ALG_SHA1;
  };
  EXPECT_EQ(refusal(answer()), Code::quote_selection);
  tpm.before_quote = [](TPMS_ATTEST& attest) {
    TPML_PCR_SELECTION& select = attest.attested.quote.pcrSelect;
    select.count = 2;
    select.pcrSelections[1] = select.pcrSelections[0];
    select.pcrSelections[1].hash = TPM2_ALG_SHA1;
  };
  EXPECT_EQ(refusal(answer()), Code::quote_selection) << "a second bank beside the asked one";
}

TEST_F(AnswerTest, WithAPcrValueMissingAddedOrOfAnotherSizeIsRefused) {
  Answer bad = answer();
  bad.pcrs.erase(7);
  EXPECT_EQ(refusal(bad), Code::quote_values);
  bad = answer();
  bad.pcrs[2] = Bytes(32, 0);
  EXPECT_EQ(refusal(bad), Code::quote_values);
  bad = answer();
  bad.pcrs[7].pop_back();
  EXPECT_EQ(refusal(bad), Code::quote_values);
}

TEST_F(AnswerTest, WithAnotherPcrValueThanQuotedIsRefused) {
  Answer bad = answer();
  bad.pcrs[7][0] ^= 1U;
  EXPECT_EQ(refusal(bad), Code::quote_digest);
}

TEST_F(AnswerTest, CutAnywhereIsRefused) {
  const Answer good = answer();
  for (std::size_t i = 0; i < good.certify_attest.size(); ++i) {
    Answer bad = good;
    bad.certify_attest.resize(i);
    EXPECT_EQ(refusal(bad), Code::tpm_structure) << i;
  }
  for (std::size_t i = 0; i < good.quote_signature.size(); ++i) {
    Answer bad = good;
    bad.quote_signature.resize(i);
    EXPECT_EQ(refusal(bad), Code::tpm_structure) << i;
  }
}

TEST_F(AnswerTest, WithAnyBitOfItsStatementsChangedIsRefused) {
  const Answer good = answer();
  for (Bytes Answer::*const part : {&Answer::certify_attest, &Answer::certify_signature,
                                    &Answer::quote_attest, &Answer::quote_signature}) {
    for (std::size_t bit = 0; bit < (good.*part).size() * 8; ++bit) {
      Answer bad = good;
      (bad.*part)[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
      EXPECT_FALSE(check_answer(candidate, bad, secret, binding, asked, now)) << bit;
    }
  }
}

TEST_F(AnswerTest, ToNoSecretIsRefused) {
  Answer bad = answer();
  bad.activation_secret.clear();
  EXPECT_EQ(check_answer(candidate, bad, {}, binding, asked, now).error().code,
            Code::activation_secret_wrong);
}

// The other TPM's statements are its own: name and ticket differ.
TEST_F(AnswerTest, OfAnotherTpmIsRefused) {
  const test::TestTpm another(authority);
  const auto other = check_candidate(another.presented(), authority.trust(), now);
  ASSERT_TRUE(other);
  Answer theirs = another.answer(*make_challenge(*other, secret), binding, asked);
  EXPECT_EQ(refusal(theirs), Code::certify_name);
  const Answer ours = answer();
  theirs.certify_attest = ours.certify_attest;
  theirs.certify_signature = ours.certify_signature;
  EXPECT_EQ(refusal(theirs), Code::signature_invalid) << "its quote beside our certification";
}

TEST_F(AnswerTest, IsHashedInTheOrderOfIndexesHoweverTheyWereAskedFor) {
  const Answer given = answer();
  asked.indexes = {23, 7, 0, 1};
  EXPECT_TRUE(check_answer(candidate, given, secret, binding, asked, now));
  asked.indexes = {0, 1, 7, 23, 23};
  EXPECT_EQ(refusal(given), Code::quote_values);
}

TEST_F(AnswerTest, ForABankThatIsNotTakenIsRefused) {
  const Answer given = answer();
  for (const char* bank : {"sha1", "sha384", "SHA256", ""}) {
    asked.bank = bank;
    EXPECT_EQ(refusal(given), Code::quote_selection) << bank;
  }
}

// Computed apart, by another program (Python's hashlib), from docs/http-api.md's description.
TEST(Binding, IsTheDigestThatBothSidesKnow) {
  EXPECT_EQ(to_hex(binding_of("https://issuer.example", "ticket", Bytes{1, 2, 3}, Bytes{0, 11},
                              Bytes{0, 12, 255})),
            "ae4dedf76af41865d74682e8830d8ad1a27e8467a711456873bbb27f655c1e6b");
}

TEST(Binding, ChangesWithEachOfItsFieldsAndNeverRunsTogether) {
  const auto base = binding_of("https://a", "ticket", Bytes{1}, Bytes{2}, Bytes{3});
  EXPECT_NE(base, binding_of("https://b", "ticket", Bytes{1}, Bytes{2}, Bytes{3}));
  EXPECT_NE(base, binding_of("https://a", "tickes", Bytes{1}, Bytes{2}, Bytes{3}));
  EXPECT_NE(base, binding_of("https://a", "ticket", Bytes{9}, Bytes{2}, Bytes{3}));
  EXPECT_NE(base, binding_of("https://a", "ticket", Bytes{1}, Bytes{9}, Bytes{3}));
  EXPECT_NE(base, binding_of("https://a", "ticket", Bytes{1}, Bytes{2}, Bytes{9}));
  EXPECT_NE(base, binding_of("https://at", "icket", Bytes{1}, Bytes{2}, Bytes{3}));
  EXPECT_NE(binding_of("", "", Bytes{1, 2}, Bytes{3}, {}),
            binding_of("", "", Bytes{1}, Bytes{2, 3}, {}));
}

class CreationTest : public AnswerTest {
 protected:
  Answer created() {
    Answer given = answer();
    tpm.certify_creation(given, binding);
    return given;
  }
};

TEST_F(CreationTest, InThePlaceOfACertificationIsTaken) {
  const auto verdict = check_answer(candidate, created(), secret, binding, asked, now);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->device_key(), tpm.device_key().public_key());
}

TEST_F(CreationTest, DataWithTheirSizeBeforeThemAreTaken) {
  Answer given = created();
  const std::size_t size = given.creation_data.size();
  given.creation_data.insert(
      given.creation_data.begin(),
      {static_cast<std::uint8_t>(size >> 8U), static_cast<std::uint8_t>(size & 0xFFU)});
  EXPECT_TRUE(check_answer(candidate, given, secret, binding, asked, now));
  ++given.creation_data[1];
  EXPECT_EQ(refusal(given), Code::tpm_structure);
}

TEST_F(CreationTest, NotMadeByATpmOrOfAnotherTypeOrUnboundIsRefused) {
  tpm.before_certify = [](TPMS_ATTEST& attest) { attest.magic = 0xFF544348; };
  EXPECT_EQ(refusal(created()), Code::creation_magic);
  tpm.before_certify = [](TPMS_ATTEST& attest) { attest.extraData.buffer[0] ^= 1U; };
  EXPECT_EQ(refusal(created()), Code::creation_binding);
  tpm.before_certify = nullptr;
  Answer given = created();
  given.creation_data.clear();
  EXPECT_EQ(refusal(given), Code::certify_type) << "a creation alone is no certification";
  given = answer();
  given.creation_data = created().creation_data;
  EXPECT_EQ(refusal(given), Code::creation_type) << "nor the other way round";
}

TEST_F(CreationTest, OfAnotherKeyOrOtherDataIsRefused) {
  tpm.before_certify = [](TPMS_ATTEST& attest) {
    attest.attested.creation.objectName.name[5] ^= 1U;
  };
  EXPECT_EQ(refusal(created()), Code::creation_name);
  tpm.before_certify = nullptr;
  Answer given = created();
  given.creation_data[6] ^= 2U;  // The locality.
  EXPECT_EQ(refusal(given), Code::creation_hash);
  given = created();
  given.creation_data.pop_back();
  EXPECT_EQ(refusal(given), Code::tpm_structure);
}

TEST_F(CreationTest, SignedByAnotherKeyIsRefused) {
  Answer given = created();
  given.certify_signature = answer().certify_signature;
  EXPECT_EQ(refusal(given), Code::signature_invalid);
}

}  // namespace
}  // namespace mintmark::attest::tpm2
