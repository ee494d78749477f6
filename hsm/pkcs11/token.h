// One token at work: the login, the sessions and the keys found, and how they come back after a
// fault. Every call here blocks.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "config/config.h"
#include "hsm/key_store.h"
#include "hsm/pkcs11/call_gate.h"
#include "hsm/pkcs11/key_table.h"
#include "hsm/pkcs11/login.h"
#include "hsm/pkcs11/mechanisms.h"
#include "hsm/pkcs11/module.h"
#include "hsm/pkcs11/recovery.h"
#include "hsm/pkcs11/self_check.h"
#include "hsm/pkcs11/session_pool.h"
#include "hsm/vitals.h"

namespace mintmark::hsm::pkcs11 {

/// Thread-safe. After an error recover() says whether the call is worth another try.
class Token {
 public:
  /// `hsm_mechanism_missing` if it cannot sign one of those that are `needed`.
  [[nodiscard]] static Result<std::unique_ptr<Token>> open(
      const config::HsmStore& store, const std::vector<jose::Algorithm>& needed, Vitals* vitals);

  [[nodiscard]] Result<Bytes> sign(const KeyId& id, std::string_view signing_input,
                                   Deadline deadline);
  [[nodiscard]] Result<std::vector<KeyInfo>> list(Deadline deadline);
  /// `begun`: false before the first try of a call, and kept for the next one. True: the module was
  /// told to make the key, and may have made it or half of it, whatever it answered.
  [[nodiscard]] Result<KeyInfo> generate(const KeySpec& spec, Deadline deadline, bool& begun);
  /// `begun` likewise: it may be gone.
  [[nodiscard]] Result<void> destroy(const KeyId& id, Deadline deadline, bool& begun);
  [[nodiscard]] Result<KeyEvidence> evidence(const KeyId& id, Deadline deadline);

  /// Counts remedies that took all handles away.
  [[nodiscard]] std::uint64_t era() const { return era_; }
  /// Does what the table says about a fault seen in the era given; of several who saw the same one,
  /// one does it. False: the error stays. Errors: of the remedy itself; `hsm_module_unusable` if
  /// this process is of no use any more.
  [[nodiscard]] Result<bool> recover(const Error& fault, std::uint64_t seen);
  void went_well() { recovery_.went_well(); }

 private:
  Token(std::unique_ptr<Module> module, TokenSelector selector, std::unique_ptr<Login> login,
        const Mechanisms& mechanisms, const config::HsmStore& store, Vitals* vitals);
  [[nodiscard]] Result<KeyTable::Entry> key(const KeyId& id, Deadline deadline);
  [[nodiscard]] Result<KeyTable::Entry> keep_with_copy(KeyPair pair);
  [[nodiscard]] Result<void> copy_into_session(KeyPair& pair) MINTMARK_REQUIRES(copies_mutex_);
  /// Ends the key's copy, and none is made before keys_.allow(). After an error all is as it was.
  [[nodiscard]] Result<void> withdraw(const KeyId& id);
  /// And all copies with it: who has one is looked for again.
  void end_holder() MINTMARK_REQUIRES(copies_mutex_);
  [[nodiscard]] Result<Bytes> sign(const KeyPair& pair, std::string_view signing_input,
                                   Deadline deadline);
  [[nodiscard]] Result<void> require_login() const;
  [[nodiscard]] Result<void> require(const std::vector<jose::Algorithm>& needed) const;
  [[nodiscard]] tl::unexpected<Error> lacks(jose::Algorithm algorithm, std::string_view what) const;
  [[nodiscard]] Result<void> apply(Remedy remedy) MINTMARK_REQUIRES(recovery_mutex_);
  [[nodiscard]] Result<void> log_in_again() MINTMARK_REQUIRES(recovery_mutex_);
  [[nodiscard]] Result<void> reinitialise() MINTMARK_REQUIRES(recovery_mutex_);
  enum class Sessions : std::uint8_t { live, gone };
  void begin_new_era(Sessions sessions);

  Vitals* const vitals_;  ///< May be null.
  std::unique_ptr<Module> module_;
  const TokenSelector selector_;
  std::unique_ptr<Login> login_;
  const Mechanisms mechanisms_;  ///< A token's do not change with a login.
  SessionPool sessions_;
  KeyTable keys_;
  Mutex copies_mutex_;  ///< Also between a look at what is barred and keeping a copy.
  /// Its end is the end of all copies.
  std::optional<Session> holder_ MINTMARK_GUARDED_BY(copies_mutex_);
  bool makes_copies_ MINTMARK_GUARDED_BY(copies_mutex_);
  const SelfCheck self_check_;
  CallGate gate_;
  Mutex admin_mutex_;     ///< Between the look whether an id is free and its generation.
  Mutex recovery_mutex_;  ///< Guards changes of login_, under the closed gate.
  Recovery recovery_;
  std::atomic<std::uint64_t> era_{0};
};

/// The one token of the module that the selector means.
[[nodiscard]] Result<TokenFacts> choose_token(const Module& module, const TokenSelector& selector);

}  // namespace mintmark::hsm::pkcs11
