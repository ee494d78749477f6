// The use case of results, with one enrolled device and a good request.
#pragma once

#include "issuer/results.h"
#include "mint_fixture.h"

namespace mintmark::issuer {

class ResultsFixture : public MintFixture {
 protected:
  ResultsFixture() {
    result_key = key_store->make_key(hsm::Purpose::result);
    more_keys.push_back(result_key);
    publish(2);
    device.facts.standing = "trusted";
    device.facts.proves = {attest::proves::hardware, attest::proves::token_key};
    devices.put(device);
    start_results();
  }

  void start_results(bool challenges_required = false) {
    start(challenges_required);
    clock.advance(first_taken);
    results.emplace(
        Results::Options{.result = {.issuer = issuer_url, .build = "mintd test"}},
        Results::Parts{minting, keyring, devices, stores, gate, issuer->authentication(), rate});
    credentials.client_attestation = attestation();
    credentials.proof = result_proof();
  }
  std::string result_proof() { return test::make_proof(device_key, result_content()); }
  test::ProofContent result_content() {
    return {.method = "GET", .url = issuer_url + "/devices/device-1/result", .at = clock.now()};
  }

  Result<std::string> ask(const std::string& id = "device-1", const ResultWish& wish = {}) {
    return wait_for<std::string>([&](hsm::Done<std::string> done) {
      results->for_device(credentials, id, wish, std::move(done));
    });
  }
  Result<std::string> ask_as_operator(const std::string& id = "device-1",
                                      const ResultWish& wish = {}) {
    return wait_for<std::string>(
        [&](hsm::Done<std::string> done) { results->for_operator(id, wish, std::move(done)); });
  }
  Json verified(const std::string& result) {
    auto jws = jose::UnverifiedJws::parse(result).value();
    EXPECT_EQ(jws.typ(), "eat+jwt");
    EXPECT_EQ(jws.kid(), result_key.kid());
    return std::move(jws).verify(result_key.public_key).value().claims();
  }
  void expect_refused(const std::function<Result<std::string>()>& asked, Code code) {
    const std::size_t before = key_store->signatures();
    const auto result = asked();
    ASSERT_FALSE(result) << facts_of(code).name;
    EXPECT_EQ(result.error().code, code) << result.error().to_string();
    EXPECT_EQ(key_store->signatures(), before) << "a refused request costs no signature";
  }

  hsm::KeyInfo result_key = attestation_key;  // Replaced at once.
  ClientRate* rate = nullptr;                 ///< Of the next start.
  std::optional<Results> results;
  Credentials credentials;
};

}  // namespace mintmark::issuer
