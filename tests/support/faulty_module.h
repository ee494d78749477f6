// SoftHSM behind tests/support/pkcs11_shim.cc: a module that fails by script.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "support/softhsm.h"

namespace mintmark::test {

/// Sets the shim's variables for this process: one at a time.
class FaultyModule {
 public:
  FaultyModule();

  /// How to open the token through the shim.
  [[nodiscard]] config::HsmStore store() const;
  /// The faults from now on, as the shim's script has them; "" ends them all.
  void fail(const std::string& script) const;
  /// How often the function was called.
  [[nodiscard]] std::size_t calls(const std::string& function) const;
  /// The log's lines that begin so, in order.
  [[nodiscard]] std::vector<std::string> logged(const std::string& begin) const;
  /// The errno of what the script had the module try, 0 if it was done: `what` is "call 59", as the
  /// script says it. Nothing if it was not tried.
  [[nodiscard]] std::optional<int> tried(const std::string& what) const;
  [[nodiscard]] const SoftHsm& token() const { return token_; }

 private:
  SoftHsm token_;
  std::string script_;
  std::string log_;
};

}  // namespace mintmark::test
