// Enrolment by evidence of any format: what ties the evidence to this enrolment is checked here,
// the evidence by its format.
#include "issuer/evidence_enrolment.h"

#include "attest/binding.h"
#include "attest/verdict_maker.h"
#include "enrolment_fixture.h"

namespace mintmark::issuer {
namespace {

/// Takes what says its own binding, and knows how often it was seen.
class EchoFormat final : public attest::Format {
 public:
  [[nodiscard]] std::string name() const override { return "x509"; }
  [[nodiscard]] Result<attest::Verdict> check(const attest::Submission& submitted) const override {
    if (submitted.evidence.value("binding", "") != to_hex(submitted.binding))
      return fail(Code::x509_possession, "bound to something else");
    attest::Facts facts;
    facts.format = name();
    facts.key_protection = "unproven";
    facts.root = std::string(64, 'a');
    facts.standing = submitted.evidence.value("standing", "trusted");
    facts.memory["counter"] = submitted.evidence.value("counter", "1");
    const auto known = submitted.known(submitted.evidence.value("client_id", ""));
    if (known) facts.model = "known as " + known->id;
    return attest::VerdictMaker::make(facts, std::nullopt, submitted.key,
                                      to_hex(sha256("the one device")), submitted.at);
  }
  [[nodiscard]] Result<void> follows(const attest::Facts& before,
                                     const attest::Facts& now) const override {
    if (now.memory.at("counter") > before.memory.at("counter")) return {};
    return fail(Code::appattest_counter, "the counter did not grow");
  }
};

/// One whose evidence is the key's own.
class OwnKeyFormat final : public attest::Format {
 public:
  [[nodiscard]] std::string name() const override { return "x509"; }
  [[nodiscard]] bool attests_the_key() const override { return true; }
  [[nodiscard]] Result<attest::Verdict> check(const attest::Submission& submitted) const override {
    return EchoFormat().check(submitted);
  }
};

class EvidenceEnrolmentTest : public EnrolmentTest {
 protected:
  EvidenceEnrolmentTest() { take(std::make_shared<EchoFormat>()); }

  void take(std::shared_ptr<const attest::Format> format) {
    Roots roots{std::make_shared<const attest::tpm2::EkTrust>(authority.trust()), nullptr, {}};
    if (format) roots.formats["x509"] = std::move(format);
    trust.swap(std::move(roots));
  }
  EvidenceFinishCall call_of(const test::SoftKey& by, Json evidence = Json::object()) {
    EvidenceFinishCall call{
        "x509", by.public_key(),     *by_evidence.begin("x509", by.public_key()),
        "",     std::move(evidence), "192.0.2.1"};
    call.evidence["binding"] =
        to_hex(attest::binding_of("x509", issuer_url, call.ticket, by.jkt()));
    call.proof = proof_with(by, call.ticket);
    return call;
  }
  std::string proof_with(const test::SoftKey& by, const std::string& nonce) {
    return test::make_proof(by, {.method = "POST",
                                 .url = issuer_url + "/attest/x509/finish",
                                 .at = clock.now(),
                                 .nonce = nonce});
  }
  Result<EnrolmentOutcome> outcome_of(const EvidenceFinishCall& call) {
    return wait_for<EnrolmentOutcome>(
        [&](hsm::Done<EnrolmentOutcome> done) { by_evidence.finish(call, std::move(done)); });
  }
  void expect_refused(const EvidenceFinishCall& call, Code wanted) {
    const int writes = store.writes;
    const auto outcome = outcome_of(call);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, wanted) << outcome.error().to_string();
    EXPECT_EQ(store.writes, writes);
  }
  EvidenceEnrolment made(store::EnrolmentMode mode) {
    AdmittingOptions rules;
    rules.rules.mode = mode;
    return EvidenceEnrolment(
        issuer_url, rules,
        {trust, devices, {minting, keyring, device_register, stores, policies, gate}});
  }

  EvidenceEnrolment by_evidence = made(store::EnrolmentMode::open);
  const test::SoftKey key;
};

TEST_F(EvidenceEnrolmentTest, GivesAClientAttestationForTheTokensKey) {
  const auto outcome = outcome_of(call_of(key));
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  const auto& enrolled = std::get<EnrolledDevice>(*outcome);
  auto jws = jose::UnverifiedJws::parse(enrolled.client_attestation);
  ASSERT_TRUE(jws);
  const auto verified = std::move(*jws).verify(attestation_key.public_key);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->claims()["cnf"]["jwk"], key.public_key().to_jwk());
  const auto device = devices.find(enrolled.client_id);
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(device->facts.format, "x509");
  EXPECT_EQ(device->facts.key_protection, "unproven");
}

TEST_F(EvidenceEnrolmentTest, BeginWritesNothingAndAsksNoHardware) {
  const std::size_t signatures = key_store->signatures();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(by_evidence.begin("x509", key.public_key()));
  EXPECT_EQ(store.writes, 0);
  EXPECT_EQ(key_store->signatures(), signatures);
}

TEST_F(EvidenceEnrolmentTest, OfAFormatThatIsNotTakenIsRefused) {
  EXPECT_EQ(by_evidence.begin("tdx", key.public_key()).error().code, Code::not_found);
  const EvidenceFinishCall begun = call_of(key);
  take(nullptr);
  expect_refused(begun, Code::not_found);
  EXPECT_EQ(by_evidence.begin("x509", key.public_key()).error().code, Code::not_found);
}

TEST_F(EvidenceEnrolmentTest, BoundToAnotherIssuerTicketKeyOrFormatIsRefused) {
  const test::SoftKey other;
  EvidenceFinishCall call = call_of(key);
  for (const Sha256& binding :
       {attest::binding_of("x509", "https://other.example", call.ticket, key.jkt()),
        attest::binding_of("x509", issuer_url, call_of(key).ticket, key.jkt()),
        attest::binding_of("x509", issuer_url, call.ticket, other.jkt()),
        attest::binding_of("tdx", issuer_url, call.ticket, key.jkt())}) {
    call.evidence["binding"] = to_hex(binding);
    expect_refused(call, Code::x509_possession);
  }
}

TEST_F(EvidenceEnrolmentTest, OfAKeyThatIsMadeForItsTicketNamesNoKeyBefore) {
  EXPECT_EQ(by_evidence.begin("x509", std::nullopt).error().code, Code::request_member_missing);
  take(std::make_shared<OwnKeyFormat>());
  const auto ticket = by_evidence.begin("x509", std::nullopt);
  ASSERT_TRUE(ticket);
  EvidenceFinishCall call{"x509",         key.public_key(), *ticket, proof_with(key, *ticket),
                          Json::object(), "192.0.2.1"};
  call.evidence["binding"] = to_hex(attest::binding_of("x509", issuer_url, *ticket, key.jkt()));
  expect_refused(call, Code::x509_possession);
  call.evidence["binding"] = to_hex(attest::binding_of("x509", issuer_url, *ticket, ""));
  const auto outcome = outcome_of(call);
  EXPECT_TRUE(outcome) << outcome.error().to_string();
}

TEST_F(EvidenceEnrolmentTest, WithATicketOfAnotherKeyOrFormatIsRefused) {
  const test::SoftKey other;
  EvidenceFinishCall call = call_of(key);
  call.ticket = call_of(other).ticket;
  call.proof = proof_with(key, call.ticket);
  expect_refused(call, Code::ticket_other_keys);
}

TEST_F(EvidenceEnrolmentTest, WithALateForeignOrUsedTicketIsRefused) {
  const EvidenceFinishCall late = call_of(key);
  clock.advance(TicketSealer::life);
  EvidenceFinishCall call = late;
  call.proof = proof_with(key, call.ticket);
  expect_refused(call, Code::ticket_expired);
  call.ticket = "AAAA";
  call.proof = proof_with(key, call.ticket);
  expect_refused(call, Code::ticket_invalid);

  EvidenceFinishCall used = call_of(key);
  ASSERT_TRUE(outcome_of(used));
  used.proof = proof_with(key, used.ticket);
  const auto again = outcome_of(used);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::ticket_used);
}

TEST_F(EvidenceEnrolmentTest, WithAProofThatIsNotForItIsRefused) {
  const test::SoftKey other;
  EvidenceFinishCall call = call_of(key);
  call.proof = proof_with(other, call.ticket);
  expect_refused(call, Code::key_not_possessed);
  call.proof = proof_with(key, "another ticket");
  expect_refused(call, Code::ticket_unbound);
  call.proof = test::make_proof(key, {.method = "POST",
                                      .url = issuer_url + "/attest/tdx/finish",
                                      .at = clock.now(),
                                      .nonce = call.ticket});
  expect_refused(call, Code::proof_htu);
  call.proof = "";
  expect_refused(call, Code::proof_malformed);
}

TEST_F(EvidenceEnrolmentTest, WithAProofUsedBeforeIsRefused) {
  const EvidenceFinishCall call = call_of(key);
  ASSERT_TRUE(outcome_of(call));
  expect_refused(call, Code::proof_replayed);
}

TEST_F(EvidenceEnrolmentTest, AgainKeepsTheIdAndMustFollow) {
  const auto first = outcome_of(call_of(key));
  ASSERT_TRUE(first);
  const std::string id = std::get<EnrolledDevice>(*first).client_id;
  const test::SoftKey next;
  const auto second = outcome_of(call_of(next, {{"counter", "2"}, {"client_id", id}}));
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(std::get<EnrolledDevice>(*second).client_id, id);
  EXPECT_EQ(devices.find(id)->jkt, next.jkt());
  EXPECT_EQ(devices.find(id)->facts.model, "known as " + id) << "the format may ask for it";
  const auto behind = outcome_of(call_of(next, {{"counter", "2"}}));
  ASSERT_FALSE(behind);
  EXPECT_EQ(behind.error().code, Code::appattest_counter);
}

TEST_F(EvidenceEnrolmentTest, UnderReviewWaitsForAPersonWhateverTheMode) {
  const auto outcome = outcome_of(call_of(key, {{"standing", "review"}}));
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(std::get<PendingDevice>(*outcome).fingerprint, to_hex(sha256("the one device")));
}

TEST_F(EvidenceEnrolmentTest, WaitsWhereAnOperatorApproves) {
  EvidenceEnrolment approving = made(store::EnrolmentMode::approve);
  EvidenceFinishCall call = call_of(key);
  call.ticket = *approving.begin("x509", key.public_key());
  call.evidence["binding"] = to_hex(attest::binding_of("x509", issuer_url, call.ticket, key.jkt()));
  call.proof = proof_with(key, call.ticket);
  const auto outcome = wait_for<EnrolmentOutcome>(
      [&](hsm::Done<EnrolmentOutcome> done) { approving.finish(call, std::move(done)); });
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_TRUE(std::holds_alternative<PendingDevice>(*outcome));
}

}  // namespace
}  // namespace mintmark::issuer
