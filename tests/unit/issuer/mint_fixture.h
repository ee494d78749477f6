// The token endpoint's use case, with one enrolled device and a good request.
#pragma once

#include "issuer_fixture.h"
#include "support/ledger_in_memory.h"

namespace mintmark::issuer {

inline constexpr const char* policy_text =
    R"({"rules": [{"name": "all", "match": {"format": "tpm2"},
  "grant": [{"audience": "https://api.example", "scopes": ["read", "write"], "longest_life_seconds": 120}],
  "default_audience": "https://api.example"}]})";

class MintFixture : public IssuerFixture {
 protected:
  MintFixture() {
    attest::RecordedDevice record;
    record.id = "device-1";
    record.state = "enrolled";
    record.jkt = device_key.jkt();
    record.facts.format = "tpm2";
    record.facts.key_protection = "hardware";
    record.attested_at = clock.now();
    record.public_jwk = device_key.public_key().to_jwk().dump();
    device = record;
    devices.put(record);
    start();
    clock.advance(std::chrono::seconds(10));
    call.credentials.client_attestation = attestation();
    call.credentials.proof = proof();
  }

  ~MintFixture() override { key_store->close(); }

  static std::shared_ptr<const policy::Policy> policy_of(const std::string& text) {
    return std::make_shared<const policy::Policy>(
        policy::Policy::from_text("policy.json", text).value());
  }
  /// After a start: until then an earlier process may have taken a proof (docs/adr/0008).
  static constexpr std::chrono::seconds first_taken =
      verify::proof_future + std::chrono::seconds{1};
  /// As after a restart: nothing is remembered.
  void start(bool challenges_required = false) {
    issuer.emplace(
        MintOptions{.issuer = issuer_url,
                    .token_url = issuer_url + "/token",
                    .challenges_required = challenges_required,
                    .algorithms = algorithms},
        Issuer::Parts{minting, keyring, devices, stores, policies, gate, ledger_parts()});
  }

  Ledger ledger_parts() {
    return {ledger.log, ledger.statuses, ledger.live, ledger.events, ledger.revoker};
  }

  Json attestation_header() {
    return {
        {"typ", "oauth-client-attestation+jwt"}, {"alg", "ES256"}, {"kid", attestation_key.kid()}};
  }
  Json attestation_claims() {
    return {{"sub", "device-1"},
            {"iat", to_unix(clock.now())},
            {"exp", to_unix(clock.now()) + 3600},
            {"cnf", {{"jwk", device_key.public_key().to_jwk()}}}};
  }
  std::string attestation() {
    return sign(attestation_key, attestation_header(), attestation_claims());
  }
  std::string proof() { return proof_by(device_key); }
  std::string proof_by(const test::SoftKey& key) { return test::make_proof(key, content()); }
  std::string proof_by(const test::SoftKey& key, const std::string& nonce) {
    test::ProofContent with_nonce = content();
    with_nonce.nonce = nonce;
    return test::make_proof(key, with_nonce);
  }
  test::ProofContent content() {
    return {.method = "POST", .url = issuer_url + "/token", .at = clock.now()};
  }

  Result<IssuedToken> mint() {
    return wait_for<IssuedToken>(
        [&](hsm::Done<IssuedToken> done) { issuer->mint(call, std::move(done)); });
  }
  void expect_refusal(Code code) {
    const std::size_t before = key_store->signatures();
    const auto issued = mint();
    ASSERT_FALSE(issued);
    EXPECT_EQ(issued.error().code, code) << issued.error().to_string();
    EXPECT_EQ(key_store->signatures(), before) << "a refused request costs no signature";
  }

  test::SoftKey device_key;
  attest::RecordedDevice device;
  Policies policies{gate, policy_of(policy_text)};
  keyring::SigningAlgorithms algorithms;
  test::LedgerInMemory ledger{clock, [this](Moment moment) { minting.raise_mark(moment); },
                              [this] { gate.wait_for_those_inside(); }};
  std::optional<Issuer> issuer;
  TokenCall call;
};

}  // namespace mintmark::issuer
