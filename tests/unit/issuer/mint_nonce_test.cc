// Nonces at the token endpoint: asked for where they are required, and after a restart.
#include "mint_fixture.h"

namespace mintmark::issuer {
namespace {

using std::chrono::seconds;
using verify::Nonces;

class MintWithNonces : public MintFixture {
 protected:
  MintWithNonces() { start(true); }

  void use(const std::string& nonce) { call.credentials.proof = proof_by(device_key, nonce); }
  void assert_instead() {
    call.credentials.client_attestation.reset();
    call.credentials.client_assertion =
        device_key.sign_jws({{"alg", "ES256"}}, {{"iss", "device-1"},
                                                 {"sub", "device-1"},
                                                 {"aud", issuer_url},
                                                 {"iat", to_unix(clock.now())},
                                                 {"jti", "jti-1"},
                                                 {"exp", to_unix(clock.now()) + 60}});
  }
};

TEST_F(MintWithNonces, AsksAnAttestedClientForTheChallenge) {
  clock.advance(seconds(1));
  call.credentials.proof = proof();
  expect_refusal(Code::attestation_challenge_required);
  EXPECT_EQ(facts_of(Code::attestation_challenge_required).oauth_error,
            "use_attestation_challenge");
}

TEST_F(MintWithNonces, AsksAClientWithAnAssertionForTheNonce) {
  clock.advance(seconds(1));
  assert_instead();
  call.credentials.proof = proof();
  expect_refusal(Code::dpop_nonce_required);
  EXPECT_EQ(facts_of(Code::dpop_nonce_required).oauth_error, "use_dpop_nonce");
}

TEST_F(MintWithNonces, TakesTheProofThatBearsIt) {
  use(issuer->nonces().fresh());
  EXPECT_TRUE(mint());
}

TEST_F(MintWithNonces, RefusesOneThatIsNotOurs) {
  const std::string ours = issuer->nonces().fresh();
  start(true);
  use(ours);
  expect_refusal(Code::attestation_challenge_stale);
  assert_instead();
  expect_refusal(Code::dpop_nonce_stale);
}

TEST_F(MintWithNonces, RefusesOneThatIsTooOld) {
  const std::string old = issuer->nonces().fresh();
  clock.advance(Nonces::life + Nonces::turn);
  call.credentials.client_attestation = attestation();
  use(old);
  expect_refusal(Code::attestation_challenge_stale);
}

TEST_F(MintWithNonces, RefusesABadOneAlsoWhereNoneIsRequired) {
  start(false);
  clock.advance(seconds(1));
  use("AAAA");
  expect_refusal(Code::attestation_challenge_stale);
}

TEST_F(MintWithNonces, TakesAProofOfTheSecondOfItsStartThatBearsOne) {
  start(false);
  call.credentials.proof = proof();
  expect_refusal(Code::attestation_challenge_required);
  use(issuer->nonces().fresh());
  EXPECT_TRUE(mint());
}

TEST_F(MintWithNonces, RefusesTheSameProofTwiceForAllItsNonce) {
  use(issuer->nonces().fresh());
  ASSERT_TRUE(mint());
  expect_refusal(Code::proof_replayed);
}

}  // namespace
}  // namespace mintmark::issuer
