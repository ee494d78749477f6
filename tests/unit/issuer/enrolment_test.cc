// Enrolment as a use case: begin costs nothing, finish works once, and what is recorded is what was
// proven.
#include "enrolment_fixture.h"

namespace mintmark::issuer {
namespace {

TEST_F(EnrolmentTest, OfATpmGivesAClientAttestationForItsKey) {
  const auto enrolled = finish(call_of(tpm));
  ASSERT_TRUE(enrolled) << enrolled.error().to_string();
  auto jws = jose::UnverifiedJws::parse(enrolled->client_attestation);
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->typ(), "oauth-client-attestation+jwt");
  const auto verified = std::move(*jws).verify(attestation_key.public_key);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->claims()["sub"], enrolled->client_id);
  EXPECT_EQ(verified->claims()["cnf"]["jwk"], tpm.device_key().public_key().to_jwk());
  EXPECT_FALSE(verified->claims().contains("iss"));
  const auto device = devices.find(enrolled->client_id);
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(device->jkt, tpm.device_key().jkt());
  EXPECT_EQ(device->facts.key_protection, "hardware");
}

TEST_F(EnrolmentTest, IsJudgedByTheRootsThatAreInForceNow) {
  const FinishCall begun = call_of(tpm);
  const test::TestAuthority other;
  trust.swap(std::make_shared<const attest::tpm2::EkTrust>(other.trust()));
  EXPECT_FALSE(enrolment->begin(tpm.presented()));
  EXPECT_FALSE(finish(begun)) << "also what began under the roots before";
  const test::TestTpm under_other(other);
  EXPECT_TRUE(finish(call_of(under_other)));
}

TEST_F(EnrolmentTest, BeginWritesNothingAndAsksNoHardware) {
  const std::size_t signatures = key_store->signatures();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(enrolment->begin(tpm.presented()));
  EXPECT_EQ(store.writes, 0);
  EXPECT_EQ(key_store->signatures(), signatures);
}

TEST_F(EnrolmentTest, BeginRefusesATpmThatNoRootVouchesFor) {
  const test::TestAuthority stranger;
  const auto begun = enrolment->begin(test::TestTpm(stranger).presented());
  ASSERT_FALSE(begun);
  EXPECT_TRUE(begun.error().code == Code::ek_untrusted_root ||
              begun.error().code == Code::ek_signature)
      << begun.error().to_string();
}

TEST_F(EnrolmentTest, WithATicketUsedBeforeIsRefused) {
  FinishCall call = call_of(tpm);
  ASSERT_TRUE(finish(call));
  call.proof = proof_by(tpm.device_key());
  const auto again = finish(call);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::ticket_used);
}

TEST_F(EnrolmentTest, WithAProofUsedBeforeIsRefused) {
  const FinishCall call = call_of(tpm);
  ASSERT_TRUE(finish(call));
  expect_refusal(call, Code::proof_replayed);
}

TEST_F(EnrolmentTest, WithAnotherProofOrNoneIsRefused) {
  FinishCall call = call_of(tpm);
  call.proof = proof_by(test::SoftKey());
  expect_refusal(call, Code::proof_key_mismatch);
  call.proof = test::make_proof(
      tpm.device_key(), {.method = "POST", .url = issuer_url + "/token", .at = clock.now()});
  expect_refusal(call, Code::proof_htu);
  call.proof = "";
  expect_refusal(call, Code::proof_malformed);
}

TEST_F(EnrolmentTest, WithALateOrForeignTicketIsRefused) {
  FinishCall call = call_of(tpm);
  clock.advance(TicketSealer::life);
  call.proof = proof_by(tpm.device_key());
  expect_refusal(call, Code::ticket_expired);
  call.ticket = "AAAA";
  expect_refusal(call, Code::ticket_invalid);
}

TEST_F(EnrolmentTest, WithTheTicketOfAnotherDeviceIsRefused) {
  const test::TestTpm other(authority);
  FinishCall call = call_of(tpm);
  call.ticket = call_of(other).ticket;
  expect_refusal(call, Code::ticket_other_keys);
}

TEST_F(EnrolmentTest, WithAnotherDeviceKeyThanAtBeginIsRefused) {
  FinishCall call = call_of(tpm);
  test::TestTpm other(authority);
  call.presented.device_public = other.presented().device_public;
  expect_refusal(call, Code::ticket_other_keys);
}

TEST_F(EnrolmentTest, WithTheWrongSecretIsRefused) {
  FinishCall call = call_of(tpm);
  call.answer.activation_secret[0] ^= 1U;
  expect_refusal(call, Code::activation_secret_wrong);
}

TEST_F(EnrolmentTest, BoundToAnotherIssuerIsRefused) {
  const auto begun = enrolment->begin(tpm.presented());
  ASSERT_TRUE(begun);
  FinishCall call;
  call.presented = tpm.presented();
  call.ticket = begun->ticket;
  call.answer =
      tpm.answer(begun->challenge,
                 attest::tpm2::binding_of("https://other.example", begun->ticket, tpm.ek_spki(),
                                          tpm.ak_name(), tpm.device_name()),
                 {"sha256", {0, 7}});
  call.proof = proof_by(tpm.device_key());
  expect_refusal(call, Code::certify_binding);
}

TEST_F(EnrolmentTest, OfOtherPcrsThanAskedIsRefused) {
  const auto begun = enrolment->begin(tpm.presented());
  ASSERT_TRUE(begun);
  FinishCall call;
  call.presented = tpm.presented();
  call.ticket = begun->ticket;
  call.answer = tpm.answer(begun->challenge,
                           attest::tpm2::binding_of(issuer_url, begun->ticket, tpm.ek_spki(),
                                                    tpm.ak_name(), tpm.device_name()),
                           {"sha256", {0}});
  call.proof = proof_by(tpm.device_key());
  expect_refusal(call, Code::quote_selection);
}

TEST_F(EnrolmentTest, AgainKeepsTheIdAndReplacesTheKey) {
  const auto first = finish(call_of(tpm));
  ASSERT_TRUE(first);
  clock.advance(std::chrono::seconds(1));
  const auto second = finish(call_of(tpm));
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(first->client_id, second->client_id);
  EXPECT_EQ(devices.size(), 1U);
}

TEST_F(EnrolmentTest, ThatCannotBeWrittenIsNotAnswered) {
  store.broken = true;
  const std::size_t signatures = key_store->signatures();
  const auto enrolled = finish(call_of(tpm));
  ASSERT_FALSE(enrolled);
  EXPECT_EQ(enrolled.error().code, Code::store_failed);
  EXPECT_EQ(key_store->signatures(), signatures);
  EXPECT_EQ(devices.size(), 0U);
}

TEST_F(EnrolmentTest, WaitsForApprovalAndThenAttestsAfresh) {
  options.admitting.rules.mode = store::EnrolmentMode::approve;
  start();
  clock.advance(std::chrono::seconds(1));
  const std::size_t signatures = key_store->signatures();
  const std::string fingerprint = fingerprint_of(call_of(tpm));
  EXPECT_EQ(fingerprint, to_hex(sha256(tpm.ek_spki())));
  EXPECT_EQ(key_store->signatures(), signatures) << "nothing is signed for one who waits";
  EXPECT_EQ(devices.size(), 0U);
  ASSERT_TRUE(store.approve(fingerprint, {{"site", "berlin"}}));
  const auto enrolled = finish(call_of(tpm));
  ASSERT_TRUE(enrolled) << enrolled.error().to_string();
  EXPECT_EQ(devices.find(enrolled->client_id)->labels.at("site"), "berlin");
}

TEST_F(EnrolmentTest, WaitsForApprovalByDefault) {
  EXPECT_EQ(AdmissionRules{}.mode, store::EnrolmentMode::approve);
}

TEST_F(EnrolmentTest, OfATpmThatNobodyNamedIsRefusedWhereOnlyNamedOnesMay) {
  options.admitting.rules.mode = store::EnrolmentMode::listed;
  start();
  clock.advance(std::chrono::seconds(1));
  const auto refused = finish(call_of(tpm));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::enrolment_not_listed);
  ASSERT_TRUE(store.expect("tpm2", to_hex(sha256(tpm.ek_spki())), "named", {}));
  const auto enrolled = finish(call_of(tpm));
  ASSERT_TRUE(enrolled) << enrolled.error().to_string();
  EXPECT_EQ(enrolled->client_id, "named");
}

TEST_F(EnrolmentTest, OfARevokedTpmIsRefusedWhateverItsKeysAre) {
  const auto first = finish(call_of(tpm));
  ASSERT_TRUE(first);
  ASSERT_TRUE(store.revoke(first->client_id, "stolen", clock.now()));
  const auto again = finish(call_of(tpm));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::enrolment_revoked);
}

TEST_F(EnrolmentTest, ByTheOtherKindOfEkIsRefusedAtItsBegin) {
  const test::TestTpm rsa(authority, attest::tpm2::EkKind::rsa2048);
  EXPECT_EQ(enrolment->begin(rsa.presented()).error().code, Code::ek_kind_refused);
  options.ek.usual = EkRule::Kind::rsa;
  start();
  EXPECT_EQ(enrolment->begin(tpm.presented()).error().code, Code::ek_kind_refused);
  EXPECT_TRUE(enrolment->begin(rsa.presented()));
}

TEST_F(EnrolmentTest, TakesTheKindOfEkThatItsRootsRuleNames) {
  options.ek.usual = EkRule::Kind::rsa;
  options.ek.by_root[authority.root_fingerprint()] = EkRule::Kind::ecc;
  start();
  EXPECT_TRUE(enrolment->begin(tpm.presented()));
  const test::TestTpm rsa(authority, attest::tpm2::EkKind::rsa2048);
  EXPECT_EQ(enrolment->begin(rsa.presented()).error().code, Code::ek_kind_refused);
}

TEST_F(EnrolmentTest, LooksAtTheKindOfEkAtItsEndToo) {
  FinishCall call = call_of(tpm);
  call.presented = test::TestTpm(authority, attest::tpm2::EkKind::rsa2048).presented();
  call.proof = proof_by(tpm.device_key());
  expect_refusal(call, Code::ek_kind_refused);
}

// --- authorities under review, and those of AKs ---

class ReviewTest : public EnrolmentTest {
 protected:
  ReviewTest() {
    auto parts = stranger.parts(attest::x509::RootRule::trust);
    parts.unknown = attest::x509::UnknownRoots::review;
    trust.swap(std::make_shared<const attest::tpm2::EkTrust>(
        *attest::tpm2::EkTrust::of(std::move(parts))));
  }
  test::TestAuthority stranger;
};

TEST_F(ReviewTest, OfAnUnknownAuthorityWaitsForAPersonWhateverTheMode) {
  for (const auto mode : {store::EnrolmentMode::open, store::EnrolmentMode::listed}) {
    options.admitting.rules.mode = mode;
    start();
    clock.advance(std::chrono::seconds(1));
    const auto outcome = finish(call_of(tpm));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Code::enrolment_pending);
  }
  const auto waiting = store.list();
  ASSERT_TRUE(waiting && waiting->size() == 1);
  EXPECT_EQ(waiting->front().root, "unknown") << "all of them count as one";
  const auto facts = parse_json(waiting->front().facts);
  ASSERT_TRUE(facts);
  EXPECT_EQ((*facts)["standing"], "review");
  EXPECT_EQ((*facts)["key_protection"], "unproven");
  EXPECT_GE((*facts)["chain"].size(), 1U);
}

TEST_F(ReviewTest, OnceApprovedEnrolsAsUnprovenAndAsHardwareOnceTheRootIsTrusted) {
  ASSERT_TRUE(store.approve(fingerprint_of(call_of(tpm)), {}));
  const auto enrolled = finish(call_of(tpm));
  ASSERT_TRUE(enrolled) << enrolled.error().to_string();
  EXPECT_EQ(devices.find(enrolled->client_id)->facts.key_protection, "unproven");
  trust.swap(std::make_shared<const attest::tpm2::EkTrust>(authority.trust()));
  const auto again = finish(call_of(tpm));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(devices.find(again->client_id)->facts.key_protection, "hardware");
}

class CertifiedAkTest : public EnrolmentTest {
 protected:
  CertifiedAkTest() { take(clouds.trust()); }
  void take(attest::x509::Trust of_aks) {
    trust.swap(Roots{std::make_shared<const attest::tpm2::EkTrust>(authority.trust()),
                     std::make_shared<const attest::tpm2::EkTrust>(std::move(of_aks)),
                     {}});
  }
  FinishCall certified_call() {
    FinishCall call;
    call.presented = tpm.presented();
    call.presented.ek_certificate.clear();
    call.presented.ak_certificate = certificate;
    const auto begun = enrolment->begin(call.presented);
    EXPECT_TRUE(begun) << begun.error().to_string();
    EXPECT_TRUE(begun->challenge.credential_blob.empty());
    call.ticket = begun->ticket;
    const auto ak = attest::x509::parse_certificate(certificate);
    const Sha256 binding =
        attest::tpm2::binding_of(issuer_url, begun->ticket, attest::x509::spki_of(ak.get()),
                                 tpm.ak_name(), tpm.device_name());
    call.answer = tpm.answer(binding, {"sha256", {0, 7}});
    call.proof = proof_by(tpm.device_key());
    return call;
  }
  test::TestAuthority clouds;
  Bytes certificate = clouds.certify_ak(tpm.ak);
};

TEST_F(CertifiedAkTest, EnrolsWithoutACredential) {
  const auto enrolled = finish(certified_call());
  ASSERT_TRUE(enrolled) << enrolled.error().to_string();
  const auto& facts = devices.find(enrolled->client_id)->facts;
  EXPECT_EQ(facts.key_protection, "hardware");
  EXPECT_EQ(facts.root, clouds.root_fingerprint());
}

TEST_F(CertifiedAkTest, IsTheSameDeviceASecondTime) {
  const auto first = finish(certified_call());
  const auto second = finish(certified_call());
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->client_id, second->client_id);
}

TEST_F(CertifiedAkTest, IsRefusedWhenNobodyTrustsItsAuthorityAnyMore) {
  const FinishCall call = certified_call();
  take(authority.trust());
  expect_refusal(call, Code::ak_untrusted_root);
  trust.swap(std::make_shared<const attest::tpm2::EkTrust>(authority.trust()));
  expect_refusal(call, Code::ak_certificate_refused);
}

// A ticket without a credential must open nothing for a device that shows an EK certificate.
TEST_F(CertifiedAkTest, WithItsTicketFinishesNoEnrolmentByEk) {
  FinishCall call = certified_call();
  call.presented = tpm.presented();
  expect_refusal(call, Code::ticket_other_keys);
}

}  // namespace
}  // namespace mintmark::issuer
