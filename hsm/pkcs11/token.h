// One token at work: the login, the sessions and the keys found, and how they come back after a
// loss. Every call here blocks.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "config/config.h"
#include "hsm/key_store.h"
#include "hsm/pkcs11/key_table.h"
#include "hsm/pkcs11/login.h"
#include "hsm/pkcs11/module.h"
#include "hsm/pkcs11/session_pool.h"

namespace mintmark::hsm::pkcs11 {

/// Thread-safe. `hsm_session_lost` is answered by any call after a loss; restore() and one more try
/// is the caller's.
class Token {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Token>> open(const config::HsmStore& store);

  [[nodiscard]] Result<Bytes> sign(const KeyId& id, std::string_view signing_input,
                                   Deadline deadline);
  [[nodiscard]] Result<std::vector<KeyInfo>> list(Deadline deadline);
  [[nodiscard]] Result<KeyInfo> generate(const KeySpec& spec, Deadline deadline);
  [[nodiscard]] Result<void> destroy(const KeyId& id, Deadline deadline);
  [[nodiscard]] Result<KeyEvidence> evidence(const KeyId& id, Deadline deadline);

  /// Counts losses that were made good.
  [[nodiscard]] std::uint64_t era() const { return era_; }
  /// After a loss seen in the era given: forgets all handles and logs in again if need be. Of
  /// several who saw the same loss, one does it.
  [[nodiscard]] Result<void> restore(std::uint64_t seen);

 private:
  Token(std::unique_ptr<Module> module, std::unique_ptr<Login> login, unsigned sessions);
  [[nodiscard]] Result<KeyTable::Entry> key(const KeyId& id, Deadline deadline);
  [[nodiscard]] Result<Bytes> sign(const KeyPair& pair, Bytes digest, Deadline deadline);
  [[nodiscard]] Result<void> require_mechanism(CK_MECHANISM_TYPE type, CK_FLAGS use,
                                               std::string_view name) const;

  std::unique_ptr<Module> module_;
  std::unique_ptr<Login> login_;
  SessionPool sessions_;
  KeyTable keys_;
  std::mutex admin_mutex_;    ///< Between the look whether an id is free and its generation.
  std::mutex restore_mutex_;  ///< Guards login_.
  std::atomic<std::uint64_t> era_{0};
};

}  // namespace mintmark::hsm::pkcs11
