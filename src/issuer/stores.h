// Signing for the use cases: with a key that signs now, at whichever store would answer first.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/mutex.h"
#include "hsm/key_store.h"
#include "keyring/keyring.h"

namespace mintmark::issuer {

/// One key store as it is used.
struct StoreInUse {
  std::shared_ptr<hsm::Signer> signer;
  /// False: it is asked only where no other store can do it. Called from any thread; empty: true.
  std::function<bool()> healthy = {};
  /// No call waits longer for this store: another one may do better.
  std::chrono::milliseconds call_deadline{2000};
};

/// What was signed, and its signature as a JWS has it (RFC 7515 §5.1).
struct SignedInput {
  std::string input;
  Bytes signature;
};

/// True for what says that the store, and not the one call, is in trouble: another store may sign.
[[nodiscard]] bool is_trouble_of_the_store(Code code);

/// The key stores by their configured names. Thread-safe.
class KeyStores {
 public:
  /// What the key is to sign: its kid and algorithm stand in the header.
  using Input = std::function<std::string(const keyring::PublishedKey&)>;

  /// `store` may be replaced while calls are under way: each call keeps the one it began with.
  void put(const std::string& name, StoreInUse store);
  /// The store's signer was replaced: what calls took, or lost, before says nothing of it.
  void renewed(const std::string& name);

  /// Gives a compact JWS (RFC 7515 §5.1) by an active key of the kind: of the healthy stores the
  /// one whose signature would come first, judged by the calls it has and the time it takes for
  /// one. Where that store does not sign, another one that has such a key does, before the
  /// deadline. Signatures were verified by the store's signer (ADR 0012).
  ///
  /// Errors: of the last store that was asked; `keys_not_ready`, `hsm_unavailable` if none is
  /// connected.
  void sign_jws(std::shared_ptr<const keyring::Snapshot> keys, const keyring::KeyKind& kind,
                Input input, Deadline deadline, hsm::Done<std::string> done);
  /// Likewise what is put together otherwise than a JWS.
  void sign(std::shared_ptr<const keyring::Snapshot> keys, const keyring::KeyKind& kind,
            Input input, Deadline deadline, hsm::Done<SignedInput> done);

  /// The store that would be asked next; "" if none has such a key, or none is connected.
  [[nodiscard]] std::string next_for(const keyring::Snapshot& keys,
                                     const keyring::KeyKind& kind) const;
  /// True if a healthy store has a key that signs for the kind.
  [[nodiscard]] bool serves(const keyring::Snapshot& keys, const keyring::KeyKind& kind) const;

 private:
  struct Entry;
  struct Call;
  struct Choice {
    const keyring::PublishedKey* key = nullptr;
    std::shared_ptr<Entry> entry;
  };
  [[nodiscard]] Choice choose(const keyring::Snapshot& keys, const keyring::KeyKind& kind,
                              bool token, const std::set<std::string>& tried) const;
  void attempt(const std::shared_ptr<Call>& call);

  mutable SharedMutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::issuer
