// Enrolment of a bare key: possession, shown for this very enrolment, and a code that works once.
#include "issuer/key_enrolment.h"

#include "issuer_fixture.h"
#include "support/scratch.h"

namespace mintmark::issuer {
namespace {

const std::string finish_url = issuer_url + "/attest/key/finish";

class KeyEnrolmentTest : public IssuerFixture {
 protected:
  KeyEnrolmentTest() {
    EXPECT_TRUE(store->invite(
        {hash_of_code(code), {{"site", "berlin"}}, clock.now() + std::chrono::seconds(600)}));
  }

  KeyFinishCall call_of(const test::SoftKey& by) {
    KeyFinishCall call{by.public_key(), enrolment.begin(by.public_key()), code, {}};
    call.proof = proof_by(by, call.ticket);
    return call;
  }
  std::string proof_by(const test::SoftKey& by, const std::string& nonce) {
    return test::make_proof(
        by, {.method = "POST", .url = finish_url, .at = clock.now(), .nonce = nonce});
  }
  Result<std::string> finish(const KeyFinishCall& call) {
    return wait_for<std::string>(
        [&](hsm::Done<std::string> done) { enrolment.finish(call, std::move(done)); });
  }
  void expect_refused(const KeyFinishCall& call, Code wanted) {
    const auto enrolled = finish(call);
    ASSERT_FALSE(enrolled);
    EXPECT_EQ(enrolled.error().code, wanted) << enrolled.error().to_string();
    EXPECT_TRUE(store->list().value().empty());
  }

  const test::Scratch scratch;
  std::unique_ptr<store::DeviceStore> store =
      store::open_device_store(scratch / "devices.db").value();
  DeviceRegister device_register{*store, devices};
  KeyEnrolment enrolment{finish_url, clock, device_register};
  const test::SoftKey key;
  const std::string code = new_invite_code();
};

TEST_F(KeyEnrolmentTest, MakesADeviceWhoseKeyIsUnprotected) {
  const auto enrolled = finish(call_of(key));
  ASSERT_TRUE(enrolled) << enrolled.error().to_string();
  const auto device = devices.find(*enrolled);
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(device->jkt, key.jkt());
  EXPECT_EQ(device->facts.format, "key");
  EXPECT_EQ(device->facts.key_protection, "none");
  EXPECT_EQ(device->labels.at("site"), "berlin");
}

TEST_F(KeyEnrolmentTest, OfAKeyOfEveryAlgorithmKeepsItAndItsAlgorithm) {
  for (const jose::Algorithm algorithm : jose::all_algorithms) {
    const test::SoftKey other(algorithm);
    KeyFinishCall call = call_of(other);
    call.code = new_invite_code();
    ASSERT_TRUE(
        store->invite({hash_of_code(call.code), {}, clock.now() + std::chrono::seconds(600)}));
    const auto enrolled = finish(call);
    ASSERT_TRUE(enrolled) << enrolled.error().to_string();
    EXPECT_EQ(jose::PublicKey::from_jwk(Json::parse(devices.find(*enrolled)->public_jwk)).value(),
              other.public_key());
  }
}

TEST_F(KeyEnrolmentTest, OfAnRsaKeyByAProofOfTheOtherPaddingIsRefused) {
  const test::SoftKey pss(jose::Algorithm::ps256);
  KeyFinishCall call = call_of(pss);
  Json jwk = pss.public_key().to_jwk();
  jwk["alg"] = "RS256";
  call.key = jose::PublicKey::from_jwk(jwk).value();
  expect_refused(call, Code::key_not_possessed);
}

TEST_F(KeyEnrolmentTest, WithAnUnknownCodeIsRefused) {
  KeyFinishCall call = call_of(key);
  call.code = new_invite_code();
  expect_refused(call, Code::invite_invalid);
}

TEST_F(KeyEnrolmentTest, WithACodeUsedBeforeIsRefused) {
  ASSERT_TRUE(finish(call_of(key)));
  const auto second = finish(call_of(test::SoftKey()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::invite_used);
}

TEST_F(KeyEnrolmentTest, WithAnExpiredCodeIsRefused) {
  clock.advance(std::chrono::seconds(600));
  expect_refused(call_of(key), Code::invite_expired);
}

TEST_F(KeyEnrolmentTest, WithoutTheTicketInItsProofIsRefused) {
  KeyFinishCall call = call_of(key);
  call.proof = test::make_proof(key, {.method = "POST", .url = finish_url, .at = clock.now()});
  expect_refused(call, Code::ticket_unbound);
  call.proof = proof_by(key, enrolment.begin(key.public_key()));
  expect_refused(call, Code::ticket_unbound);
}

TEST_F(KeyEnrolmentTest, ByAProofOfAnotherKeyIsRefused) {
  KeyFinishCall call = call_of(key);
  call.proof = proof_by(test::SoftKey(), call.ticket);
  expect_refused(call, Code::key_not_possessed);
}

TEST_F(KeyEnrolmentTest, WithTheTicketOfAnotherKeyIsRefused) {
  KeyFinishCall call = call_of(key);
  call.ticket = enrolment.begin(test::SoftKey().public_key());
  call.proof = proof_by(key, call.ticket);
  expect_refused(call, Code::ticket_other_keys);
}

TEST_F(KeyEnrolmentTest, WithALateOrForeignTicketIsRefused) {
  KeyFinishCall call = call_of(key);
  clock.advance(TicketSealer::life);
  call.proof = proof_by(key, call.ticket);
  expect_refused(call, Code::ticket_expired);
  call.ticket = "AAAA";
  call.proof = proof_by(key, call.ticket);
  expect_refused(call, Code::ticket_invalid);
}

TEST_F(KeyEnrolmentTest, ByAProofForAnotherPlaceIsRefused) {
  KeyFinishCall call = call_of(key);
  call.proof = test::make_proof(
      key,
      {.method = "POST", .url = issuer_url + "/token", .at = clock.now(), .nonce = call.ticket});
  expect_refused(call, Code::proof_htu);
}

TEST_F(KeyEnrolmentTest, OfARevokedKeyIsRefused) {
  const auto first = finish(call_of(key));
  ASSERT_TRUE(first);
  ASSERT_TRUE(store->revoke(*first, "", clock.now()));
  ASSERT_TRUE(store->invite({hash_of_code("other"), {}, clock.now() + std::chrono::seconds(60)}));
  KeyFinishCall call = call_of(key);
  call.code = "other";
  const auto again = finish(call);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::enrolment_revoked);
}

TEST_F(KeyEnrolmentTest, AgainWithANewCodeKeepsTheId) {
  const auto first = finish(call_of(key));
  ASSERT_TRUE(first);
  ASSERT_TRUE(store->invite({hash_of_code("other"), {}, clock.now() + std::chrono::seconds(60)}));
  KeyFinishCall call = call_of(key);
  call.code = "other";
  EXPECT_EQ(finish(call).value(), *first);
}

TEST(InviteCode, IsNeverTheSameAndLongEnough) {
  const std::string one = new_invite_code();
  EXPECT_EQ(one.size(), 22U);
  EXPECT_NE(one, new_invite_code());
}

}  // namespace
}  // namespace mintmark::issuer
