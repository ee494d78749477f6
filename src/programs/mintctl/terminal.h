// Secrets asked for at the terminal.
#pragma once

#include <csignal>
#include <string>

#include "base/error.h"
#include "base/secret.h"

namespace mintmark::programs {

/// Asks on the controlling terminal, wherever standard input and output go, without echo. A signal
/// that comes meanwhile (interrupt, hang-up, stop) first gets its echo back, then does what it
/// does; after a stop the question is asked again. `pin_entry_failed`: no terminal, nothing
/// entered, longer than a PIN can be.
[[nodiscard]] Result<Secret> ask_secret(const std::string& question);
/// As ask_secret, twice; `pin_entry_failed` where the two differ.
[[nodiscard]] Result<Secret> ask_new_secret(const std::string& what);

/// Holds back what would end this process from outside while it lives, SIGQUIT (and SIGKILL)
/// excepted: SoftHSM rewrites a token's file at a login, and an end in the middle loses the token.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace mintmark::programs
