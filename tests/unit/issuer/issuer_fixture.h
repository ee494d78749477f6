// An issuer's parts with keys in memory and a clock that the test moves.
#pragma once

#include <gtest/gtest.h>

#include <future>

#include "issuer/enrolment.h"
#include "issuer/mint.h"
#include "jose/jws.h"
#include "support/fake_key_store.h"
#include "support/manual_clock.h"
#include "support/soft_key.h"

namespace mintmark::issuer {

inline const std::string issuer_url = "https://issuer.example";

/// Waits for the one completion of an asynchronous call.
template <typename T, typename Call>
Result<T> wait_for(Call&& call) {
  std::promise<Result<T>> promise;
  auto future = promise.get_future();
  call([&promise](Result<T> result) { promise.set_value(std::move(result)); });
  return future.get();
}

class IssuerFixture : public ::testing::Test {
 protected:
  IssuerFixture() {
    stores.put("main", {.signer = key_store});
    publish(1);
  }

  void publish(std::uint64_t epoch) {
    std::vector<keyring::PublishedKey> keys;
    std::vector<hsm::KeyInfo> all{token_key, attestation_key};
    all.insert(all.end(), more_keys.begin(), more_keys.end());
    for (const hsm::KeyInfo& key : all)
      keys.push_back({key.id, "main", key.purpose, true, key.public_key});
    keyring.swap(*keyring::Snapshot::make(epoch, std::move(keys)));
  }

  /// A JWS by a key of the issuer's, as the HSM would make it.
  std::string sign(const hsm::KeyInfo& key, const Json& header, const Json& claims) {
    const std::string input = jose::signing_input(header, claims);
    const auto signature = wait_for<Bytes>([&](hsm::Done<Bytes> done) {
      key_store->sign(key.id, input, Deadline::in(std::chrono::seconds(5)), std::move(done));
    });
    return jose::compact(input, signature.value());
  }

  test::ManualClock clock;
  MintingClock minting{clock};
  std::shared_ptr<test::FakeKeyStore> key_store = std::make_shared<test::FakeKeyStore>();
  hsm::KeyInfo token_key = key_store->make_key(hsm::Purpose::access_token);
  hsm::KeyInfo attestation_key = key_store->make_key(hsm::Purpose::client_attestation);
  std::vector<hsm::KeyInfo> more_keys;
  keyring::Keyring keyring;
  KeyStores stores;
  ReleaseGate gate;
  Devices devices{gate};
};

}  // namespace mintmark::issuer
