// A PKCS#11 module: loaded, initialised once, its tokens, its sessions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "hsm/pkcs11/cryptoki.h"
#include "hsm/pkcs11/uri.h"

namespace mintmark::hsm::pkcs11 {

/// Fixed facts of a module (C_GetInfo), padding blanks taken off.
struct ModuleFacts {
  std::string manufacturer;
  std::string description;
  std::string version;   ///< Of the library, "2.6".
  std::string cryptoki;  ///< Of the interface, "2.40".
};

/// C_Initialize with CKF_OS_LOCKING_OK at birth, C_Finalize at the end; the code stays mapped,
/// since modules leave atexit handlers behind. All calls through it must have ended before it does.
/// Thread-safe.
class Module {
 public:
  /// `hsm_module_unusable` names the path and the loader's reason or the CK_RV; so does a module
  /// that this process has already initialised: its logins and handles belong to somebody else.
  [[nodiscard]] static Result<std::unique_ptr<Module>> load(const std::string& path);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// C_Finalize (whatever it says), C_Initialize, and its facts anew: every session, handle and
  /// login is gone. No call may be under way. After an error the module is of no use until a
  /// later try succeeds.
  [[nodiscard]] Result<void> reinitialise();

  [[nodiscard]] const CK_FUNCTION_LIST& calls() const { return *calls_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const ModuleFacts& facts() const { return facts_; }
  /// Initialised tokens that are present now, without those that cannot be read; an error if no
  /// other is there.
  [[nodiscard]] Result<std::vector<TokenFacts>> tokens() const;

 private:
  Module(std::string path, const CK_FUNCTION_LIST* calls) : path_(std::move(path)), calls_(calls) {}
  [[nodiscard]] Result<void> initialise();
  [[nodiscard]] Result<void> read_facts();

  std::string path_;
  const CK_FUNCTION_LIST* calls_;
  ModuleFacts facts_;
  bool initialised_ = false;
};

enum class Access : std::uint8_t { read_only, read_write };

/// One session, closed when dropped; never logged out, since C_Logout logs out every session of the
/// process. One thread at a time. The module must outlive it.
class Session {
 public:
  [[nodiscard]] static Result<Session> open(const Module& module, CK_SLOT_ID slot, Access access);
  ~Session();
  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] CK_SESSION_HANDLE handle() const { return handle_; }
  [[nodiscard]] const CK_FUNCTION_LIST& calls() const { return module_->calls(); }
  /// How many there were before.
  [[nodiscard]] std::uint64_t next_signature() { return signatures_++; }
  /// Forgets a session the token has dropped: its handle may be another session's by now.
  void abandon() { module_ = nullptr; }
  [[nodiscard]] bool is_open() const { return module_ != nullptr; }

 private:
  Session(const Module& module, CK_SESSION_HANDLE handle) : module_(&module), handle_(handle) {}
  void close();

  const Module* module_;
  CK_SESSION_HANDLE handle_;
  std::uint64_t signatures_ = 0;
};

}  // namespace mintmark::hsm::pkcs11
