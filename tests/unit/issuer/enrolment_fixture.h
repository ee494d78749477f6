// An issuer that enrols: a store on disk, a TPM in software, the policy that a test says.
#pragma once

#include <atomic>

#include "attest/tpm2/binding.h"
#include "issuer_fixture.h"
#include "support/passing_store.h"
#include "support/scratch.h"
#include "support/test_tpm.h"

namespace mintmark::issuer {

// The store itself, counted and, for a test, broken.
class CountedStore final : public test::PassingStore {
 public:
  using PassingStore::PassingStore;
  Result<store::DeviceRecord> admit(const store::Admission& admission) override {
    ++writes;
    if (broken) return fail(Code::store_failed, "disk full");
    return PassingStore::admit(admission);
  }
  std::atomic<bool> broken = false;
  std::atomic<int> writes = 0;
};

class EnrolmentTest : public IssuerFixture {
 protected:
  EnrolmentTest() {
    options.ek.usual = EkRule::Kind::ecc;  // The test's TPMs show that one.
    options.admitting.rules.mode = store::EnrolmentMode::open;
    start();
    clock.advance(std::chrono::seconds(5));
  }
  ~EnrolmentTest() override { key_store->close(); }

  void start() {
    enrolment.emplace(options, Enrolment::Parts{minting, keyring, device_register, stores, trust,
                                                policies, gate});
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
  Result<EnrolmentOutcome> finish_either(const FinishCall& call) {
    return wait_for<EnrolmentOutcome>(
        [&](hsm::Done<EnrolmentOutcome> done) { enrolment->finish(call, std::move(done)); });
  }
  Result<EnrolledDevice> finish(const FinishCall& call) {
    auto outcome = finish_either(call);
    if (!outcome) return pass_on(outcome);
    if (auto* enrolled = std::get_if<EnrolledDevice>(&*outcome)) return std::move(*enrolled);
    return fail(Code::enrolment_pending, "waits");
  }
  std::string fingerprint_of(const FinishCall& call) {
    const auto outcome = finish_either(call);
    const auto* pending = outcome ? std::get_if<PendingDevice>(&*outcome) : nullptr;
    return pending == nullptr ? "" : pending->fingerprint;
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
  TrustInForce trust{std::make_shared<const attest::tpm2::EkTrust>(authority.trust())};
  test::TestTpm tpm{authority};
  EnrolmentOptions options{.issuer = issuer_url,
                           .finish_url = issuer_url + "/attest/tpm2/finish",
                           .pcrs = {"sha256", {0, 7}},
                           .ek = {},
                           .admitting = {}};
  const test::Scratch scratch;
  CountedStore store{store::open_device_store(scratch / "devices.db").value()};
  DeviceRegister device_register{store, devices};
  Policies policies{gate,
                    std::make_shared<const policy::Policy>(
                        policy::Policy::from_text("policy.json", R"({"rules": []})").value())};
  std::optional<Enrolment> enrolment;
};

}  // namespace mintmark::issuer
