// Which token `mintctl hsm …` is about, and its PINs: options, mintd's configuration, the terminal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "hsm/libp11/library.h"
#include "programs/command_line.h"
#include "programs/mintctl/terminal.h"
#include "programs/user.h"

namespace mintmark::programs {

/// --module, --config, --store; with_token adds --token.
[[nodiscard]] std::vector<Option> module_options();
[[nodiscard]] std::vector<Option> with_token(std::vector<Option> more);
[[nodiscard]] Option user_pin_option();  ///< --pin-file

/// What the options name. While it lives this process acts as the signer's user where it may, so
/// that what a module writes stays readable to the signer, and signals are held back.
class TokenAtHand {
 public:
  /// Reads the configuration and sets its environment in this process: before any thread.
  /// `invalid_argument`, `config_unreadable`, `config_invalid`, `hsm_uri_malformed`, `hsm_uri_pin`.
  [[nodiscard]] static Result<TokenAtHand> named_by(const Arguments& arguments);

  [[nodiscard]] const std::string& module() const { return module_; }
  /// Matches any token where none is named.
  [[nodiscard]] const hsm::pkcs11::TokenSelector& token() const { return token_; }
  [[nodiscard]] bool names_token() const { return names_token_; }
  /// The user that what the module writes belongs to.
  [[nodiscard]] const std::optional<UserIds>& user() const { return user_; }

 private:
  std::string module_;
  hsm::pkcs11::TokenSelector token_;
  bool names_token_ = false;
  std::optional<UserIds> user_;
};

/// One PIN: out of the file that `option` names ("-": standard input), else asked for. Files are
/// read at once, as the user who called.
class PinEntry {
 public:
  /// Errors: those of read_pin.
  [[nodiscard]] static Result<PinEntry> of(const Arguments& arguments, const char* option);
  /// Says first what the token says of that PIN; `hsm_pin_locked` without asking.
  [[nodiscard]] Result<Secret> get(const hsm::libp11::PinState& state, const std::string& question);
  /// A PIN that is to be: asked for twice.
  [[nodiscard]] Result<Secret> get_new(const std::string& question);

 private:
  std::optional<Secret> from_file_;
};

/// `invalid_argument` where several PINs are to come from standard input.
[[nodiscard]] Result<void> require_one_stdin(const Arguments& arguments);

}  // namespace mintmark::programs
