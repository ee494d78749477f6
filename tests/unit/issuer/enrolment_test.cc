// Enrolment as a use case: begin costs nothing, finish works once, and what is recorded is what was
// proven.
#include <atomic>
#include <map>
#include <set>

#include "attest/tpm2/binding.h"
#include "issuer_fixture.h"
#include "support/test_tpm.h"

namespace mintmark::issuer {
namespace {

// Devices in memory, with the port's rules: one row an identity, a ticket once.
class MemoryStore final : public store::DeviceStore {
 public:
  Result<store::DeviceRecord> enrol(const store::DeviceRecord& device, const std::string& ticket,
                                    Moment /*expires*/) override {
    ++writes;
    if (broken) return fail(Code::store_failed, "disk full");
    if (!tickets.insert(ticket).second) return fail(Code::ticket_used, "used");
    auto [entry, fresh] = records.try_emplace(device.identity, device);
    if (!fresh) {
      const std::string id = entry->second.id;
      entry->second = device;
      entry->second.id = id;
    }
    return entry->second;
  }
  Result<std::optional<store::DeviceRecord>> find(const std::string&) const override {
    return std::optional<store::DeviceRecord>{};
  }
  Result<std::vector<store::DeviceRecord>> list() const override {
    return std::vector<store::DeviceRecord>{};
  }
  Result<void> forget_tickets_before(Moment) override { return {}; }

  std::map<std::string, store::DeviceRecord> records;
  std::set<std::string> tickets;
  bool broken = false;
  std::atomic<int> writes = 0;
};

class EnrolmentTest : public IssuerFixture {
 protected:
  EnrolmentTest() {
    enrolment.emplace(
        EnrolmentOptions{.issuer = issuer_url,
                         .finish_url = issuer_url + "/attest/tpm2/finish",
                         .pcrs = {"sha256", {0, 7}}},
        Enrolment::Parts{clock, keyring, devices, store, stores,
                         std::make_shared<const attest::tpm2::EkTrust>(authority.trust())});
    clock.advance(std::chrono::seconds(5));
  }

  FinishCall call_of(const test::TestTpm& device) {
    const auto begun = enrolment->begin(device.presented());
    EXPECT_TRUE(begun) << begun.error().to_string();
    FinishCall call;
    call.presented = device.presented();
    call.ticket = begun->ticket;
    const Sha256 binding = attest::tpm2::binding_of(issuer_url, begun->ticket, device.ek_spki(),
                                                    device.ak_name(), device.device_name());
    call.answer = device.answer(begun->challenge, binding, {"sha256", {0, 7}});
    call.proof = proof_by(device.device_key());
    return call;
  }
  std::string proof_by(const test::SoftKey& key) {
    return test::make_proof(
        key, {.method = "POST", .url = issuer_url + "/attest/tpm2/finish", .at = clock.now()});
  }
  Result<EnrolledDevice> finish(const FinishCall& call) {
    return wait_for<EnrolledDevice>(
        [&](hsm::Done<EnrolledDevice> done) { enrolment->finish(call, std::move(done)); });
  }
  void expect_refusal(const FinishCall& call, Code code) {
    const int writes = store.writes;
    const std::size_t signatures = key_store->signatures();
    const auto enrolled = finish(call);
    ASSERT_FALSE(enrolled);
    EXPECT_EQ(enrolled.error().code, code) << enrolled.error().to_string();
    EXPECT_EQ(store.writes, writes) << "refused before anything is written";
    EXPECT_EQ(key_store->signatures(), signatures) << "refused before the HSM is asked";
  }

  test::TestAuthority authority;
  test::TestTpm tpm{authority};
  MemoryStore store;
  std::optional<Enrolment> enrolment;
};

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

}  // namespace
}  // namespace mintmark::issuer
