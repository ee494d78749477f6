// Evidence of an issuer's signing key: what holds, and each thing that does not.
#include "key_evidence_fixture.h"

namespace mintmark::attest::tpm2 {
namespace {

#define EXPECT_CODE(actual, expected) \
  EXPECT_EQ(facts_of(actual).name, facts_of(Code::expected).name)

TEST_F(KeyEvidenceTest, ThatHoldsSaysWhatItProves) {
  const auto verdict = judge(evidence());
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->kid(), kid());
  EXPECT_EQ(verdict->counter_index(), evidence_index);
  EXPECT_EQ(verdict->counter_value(), evidence_value);
  ASSERT_EQ(verdict->eks().size(), 1U);
  EXPECT_EQ(verdict->eks()[0].nv_index, 0x01C0000AU);
  EXPECT_EQ(verdict->eks()[0].endorsement.chain.root, authority.root_fingerprint());
  EXPECT_EQ(verdict->firmware(), 7U);
  EXPECT_EQ(verdict->ak_name().size(), 34U);
}

TEST_F(KeyEvidenceTest, SealsACredentialForItsAk) {
  const auto verdict = judge(evidence());
  ASSERT_TRUE(verdict);
  const auto sealed = seal_for(*verdict, verdict->eks()[0], random_bytes(32));
  ASSERT_TRUE(sealed) << sealed.error().to_string();
  EXPECT_FALSE(sealed->credential_blob.empty());
}

TEST_F(KeyEvidenceTest, OfAnotherIssuerIsRefused) {
  bound_issuer = "https://other.example";
  EXPECT_CODE(refusal(evidence()), certify_binding);
}

TEST_F(KeyEvidenceTest, OfAnotherKidIsRefused) {
  Json facts = evidence();
  facts["kid"] = test::SoftKey().public_key().thumbprint();
  EXPECT_CODE(refusal(facts), evidence_kid);
}

TEST_F(KeyEvidenceTest, OfAKeyThatIsNotAsItMustBeIsRefusedByName) {
  const TPMA_OBJECT good = key.objectAttributes;
  const auto with = [&](TPMA_OBJECT flipped) {
    key.objectAttributes = good ^ flipped;
    return refusal(evidence());
  };
  EXPECT_CODE(with(TPMA_OBJECT_SIGN_ENCRYPT), signing_key_not_signing);
  EXPECT_CODE(with(TPMA_OBJECT_RESTRICTED), signing_key_restricted);
  EXPECT_CODE(with(TPMA_OBJECT_DECRYPT), signing_key_decrypts);
  EXPECT_CODE(with(TPMA_OBJECT_FIXEDTPM), signing_key_not_fixed_tpm);
  EXPECT_CODE(with(TPMA_OBJECT_FIXEDPARENT), signing_key_not_fixed_parent);
  EXPECT_CODE(with(TPMA_OBJECT_SENSITIVEDATAORIGIN), signing_key_imported);
  EXPECT_CODE(with(TPMA_OBJECT_USERWITHAUTH), signing_key_without_policy);
  EXPECT_CODE(with(0), not_found);  // It holds.
}

TEST_F(KeyEvidenceTest, OfAKeyOfAnotherTypeIsRefused) {
  key.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA384;
  EXPECT_CODE(refusal(evidence()), signing_key_type);
  key.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
  EXPECT_CODE(refusal(evidence()), signing_key_type);
}

TEST_F(KeyEvidenceTest, OfAKeyWithoutAPolicyIsRefused) {
  key.authPolicy.size = 0;
  EXPECT_CODE(refusal(evidence()), signing_key_policy);
}

TEST_F(KeyEvidenceTest, OfAKeyTiedToAnotherValueIsRefused) {
  const Sha256 policy = counted_key_policy(evidence_index, evidence_value + 1);
  std::memcpy(key.authPolicy.buffer, policy.data(), policy.size());
  EXPECT_CODE(refusal(evidence()), signing_key_policy);
}

TEST_F(KeyEvidenceTest, OfAKeyTiedToAnotherCounterIsRefused) {
  const Sha256 policy = counted_key_policy(evidence_index + 1, evidence_value);
  std::memcpy(key.authPolicy.buffer, policy.data(), policy.size());
  EXPECT_CODE(refusal(evidence()), signing_key_policy);
}

TEST_F(KeyEvidenceTest, OfAKeyThatDemandsABootStateNamesWhoApprovesIt) {
  const test::SoftKey authority_key;
  const TPMT_PUBLIC area = area_of(authority_key, TPMA_OBJECT_SIGN_ENCRYPT);
  const Bytes name = name_with(marshalled(area, Tss2_MU_TPMT_PUBLIC_Marshal));
  const Sha256 policy = counted_key_policy(evidence_index, evidence_value, name);
  std::memcpy(key.authPolicy.buffer, policy.data(), policy.size());
  Json facts = evidence();
  EXPECT_CODE(refusal(facts), signing_key_policy);  // Without the authority.
  facts["boot"] = {{"authority", public_text(area_of(test::SoftKey(), TPMA_OBJECT_SIGN_ENCRYPT))}};
  EXPECT_CODE(refusal(facts), signing_key_policy);  // With another.
  facts["boot"] = {{"authority", public_text(area)}};
  const auto verdict = judge(facts);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->boot_authority(), name);
}

TEST_F(KeyEvidenceTest, OfABootStateThatTheKeyDoesNotDemandIsRefused) {
  Json facts = evidence();
  facts["boot"] = {{"authority", public_text(area_of(test::SoftKey(), TPMA_OBJECT_SIGN_ENCRYPT))}};
  EXPECT_CODE(refusal(facts), signing_key_policy);
  facts["boot"] = Json::object();
  EXPECT_CODE(refusal(facts), evidence_malformed);
}

TEST_F(KeyEvidenceTest, OfACounterThatMovedOnIsRefused) {
  counter_says = evidence_value + 1;
  EXPECT_CODE(refusal(evidence()), evidence_counter_value);
}

TEST_F(KeyEvidenceTest, OfAnIndexThatOthersMayWriteIsRefused) {
  counter_attributes |= TPMA_NV_OWNERWRITE;
  EXPECT_CODE(refusal(evidence()), evidence_counter_name);
}

TEST_F(KeyEvidenceTest, OfAnIndexThatIsNoCounterIsRefused) {
  counter_attributes &= ~static_cast<TPMA_NV>(TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT);
  EXPECT_CODE(refusal(evidence()), evidence_counter_name);
}

TEST_F(KeyEvidenceTest, OfAPartOfTheCounterIsRefused) {
  before_signing = [](TPMS_ATTEST& attest) {
    if (attest.type == TPM2_ST_ATTEST_NV) attest.attested.nv.offset = 1;
  };
  EXPECT_CODE(refusal(evidence()), evidence_counter_value);
}

TEST_F(KeyEvidenceTest, WithStatementsThatChangedPlacesIsRefused) {
  Json facts = evidence();
  const Json certify = facts["certify"];
  facts["certify"] = facts["counter"]["certify"];
  EXPECT_CODE(refusal(facts), certify_type);
  facts["certify"] = certify;
  facts["counter"]["certify"] = certify;
  EXPECT_CODE(refusal(facts), certify_type);
}

TEST_F(KeyEvidenceTest, WithAStatementThatNoTpmMadeIsRefused) {
  before_signing = [](TPMS_ATTEST& attest) { attest.magic = 1; };
  EXPECT_CODE(refusal(evidence()), certify_magic);
}

TEST_F(KeyEvidenceTest, WithAStatementOfAnotherKeyIsRefused) {
  Json facts = evidence();
  key.objectAttributes &= ~TPMA_OBJECT_NODA;  // Another Name.
  facts["certify"] = certified();
  EXPECT_CODE(refusal(facts), certify_name);
}

TEST_F(KeyEvidenceTest, SignedByAnotherAkIsRefused) {
  Json facts = evidence();
  const test::SoftKey other;
  facts["ak_public"] = public_text(area_of(other, ak.objectAttributes));
  EXPECT_CODE(refusal(facts), signature_invalid);
}

TEST_F(KeyEvidenceTest, OfAnAkThatSignsAnythingIsRefused) {
  ak.objectAttributes &= ~TPMA_OBJECT_RESTRICTED;
  EXPECT_CODE(refusal(evidence()), ak_not_restricted);
}

TEST_F(KeyEvidenceTest, WithoutAnEkCertificateIsRefused) {
  Json facts = evidence();
  facts["ek"] = Json::array();
  EXPECT_CODE(refusal(facts), evidence_ek_missing);
}

TEST_F(KeyEvidenceTest, OfAnEkThatNoRootVouchesForIsRefused) {
  const test::TestAuthority other;
  const auto verdict =
      verify_key_evidence(evidence(), evidence_issuer, other.trust(), from_unix(1'800'000'000));
  ASSERT_FALSE(verdict);
  EXPECT_CODE(verdict.error().code, ek_untrusted_root);
}

TEST_F(KeyEvidenceTest, OfAnEkWhoseCertificateExpiredIsRefused) {
  ek_certificate.not_after = from_unix(1'700'000'001);
  EXPECT_CODE(refusal(evidence()), ek_expired);
}

TEST_F(KeyEvidenceTest, OfSeveralEksOneThatIsVouchedForIsEnough) {
  Json facts = evidence();
  facts["ek"].insert(facts["ek"].begin(),
                     Json{{"nv_index", 0x01C00002U},
                          {"certificate", jose::base64url(authority.intermediate_der())}});
  const auto verdict = judge(facts);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->eks().size(), 1U);
}

TEST_F(KeyEvidenceTest, ThatLacksAMemberNamesIt) {
  for (const char* member :
       {"/kid", "/public", "/ak_public", "/certify/attest", "/certify/signature", "/counter/index",
        "/counter/value", "/counter/certify/attest", "/counter/certify/signature", "/ek",
        "/ek/0/nv_index", "/ek/0/certificate"}) {
    const Json::json_pointer place(member);
    for (const Json& wrong : {Json(), Json(-1), Json("?"), Json::array({1})}) {
      Json facts = evidence();
      facts[place] = wrong;
      const auto verdict = judge(facts);
      ASSERT_FALSE(verdict) << member;
      if (std::string_view(member) == "/kid" && wrong.is_string()) continue;
      EXPECT_CODE(verdict.error().code, evidence_malformed) << member << " " << wrong;
      const std::string name = std::string(member).substr(1);
      EXPECT_NE(verdict.error().detail.find(name.substr(0, name.find("/0"))), std::string::npos)
          << verdict.error().detail;
    }
  }
  EXPECT_CODE(refusal(Json("text")), evidence_malformed);
}

// What else an AK's area says goes into its Name, and so into what seal_for seals.
TEST_F(KeyEvidenceTest, WithAnyOctetOfAStatementOrOfTheKeyChangedIsRefused) {
  const Json good = evidence();
  for (const char* place : {"/certify/attest", "/certify/signature", "/counter/certify/attest",
                            "/counter/certify/signature", "/public"}) {
    const Json::json_pointer at(place);
    const Bytes octets = jose::from_base64url(good[at].get<std::string>()).value();
    for (std::size_t i = 0; i < octets.size(); ++i) {
      Bytes changed = octets;
      changed[i] ^= 1U;
      Json facts = good;
      facts[at] = jose::base64url(changed);
      EXPECT_FALSE(judge(facts)) << place << " octet " << i;
    }
  }
}

}  // namespace
}  // namespace mintmark::attest::tpm2
