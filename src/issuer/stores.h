// Signing for the use cases: by published key, at whichever store it lives in.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "hsm/key_store.h"
#include "keyring/keyring.h"

namespace mintmark::issuer {

/// The key stores by their configured names. Thread-safe.
class KeyStores {
 public:
  /// `signer` may be replaced while calls are under way: each call keeps the one it began with.
  void put(const std::string& name, std::shared_ptr<hsm::Signer> signer);

  /// Gives the compact JWS (RFC 7515 §5.1). Its signature was verified by the store's signer (ADR
  /// 0012). `hsm_unavailable` if the store is not connected. `key` is not used after the call.
  void sign_jws(const keyring::PublishedKey& key, std::string signing_input, Deadline deadline,
                hsm::Done<std::string> done);

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<hsm::Signer>> signers_;
};

}  // namespace mintmark::issuer
