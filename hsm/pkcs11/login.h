// The one login of the process into its token, on a session of its own.
#pragma once

#include <memory>

#include "base/mutex.h"
#include "base/secret.h"
#include "hsm/pkcs11/module.h"
#include "hsm/vitals.h"

namespace mintmark::hsm::pkcs11 {

/// Keeps the PIN, in locked memory, since it has to log in again by itself; and a session that does
/// nothing else, so that no end of another session is the end of the login. A PIN that this token
/// refused is never offered to it again in this process: tries are counted. state() and token() are
/// thread-safe among themselves, what changes the login wants to be alone.
class Login {
 public:
  /// `hsm_pin_refused`, `hsm_pin_locked`. `vitals` hears of each C_Login before and after it; may
  /// be null.
  [[nodiscard]] static Result<std::unique_ptr<Login>> into(const Module& module, TokenFacts token,
                                                           Secret pin, Vitals* vitals = nullptr);
  Login(const Login&) = delete;
  Login& operator=(const Login&) = delete;

  enum class State : std::uint8_t {
    logged_in,
    logged_out,  ///< The session lives; somebody called C_Logout.
    lost,        ///< The session is gone, and with it all others of this token.
  };
  [[nodiscard]] State state() const;
  /// Opens the session anew if it is lost, then logs in. Where the session says that it is logged
  /// in, it is logged out first: some modules say so after the device has forgotten it.
  [[nodiscard]] Result<void> restore();
  /// Before C_Finalize: the session ends with the module.
  void forget_session() { session_.abandon(); }
  /// After the module was initialised anew; the slot of the token may be another one.
  [[nodiscard]] Result<void> begin_anew(TokenFacts token);
  [[nodiscard]] const TokenFacts& token() const { return token_; }

 private:
  Login(const Module& module, TokenFacts token, Secret pin, Session session, Vitals* vitals);
  [[nodiscard]] Result<void> open_session();
  [[nodiscard]] Result<void> log_in();
  [[nodiscard]] CK_RV offer_pin();

  const Module& module_;
  TokenFacts token_;
  Secret pin_;
  Session session_;
  Vitals* const vitals_;
  mutable Mutex session_mutex_;  ///< state() may be asked by several at once.
};

}  // namespace mintmark::hsm::pkcs11
