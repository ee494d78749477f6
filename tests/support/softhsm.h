// A SoftHSM token of a test's own.
#pragma once

#include <filesystem>
#include <string>

#include "config/config.h"
#include "support/temporary_directory.h"

namespace mintmark::test {

/// Makes a token in a directory of its own and sets SOFTHSM2_CONF for this process: one at a time.
/// Throws with the reason if SoftHSM is not installed.
class SoftHsm {
 public:
  SoftHsm();
  ~SoftHsm();

  /// How to open it; the PIN is in a file of mode 0600.
  [[nodiscard]] config::HsmStore store() const;
  [[nodiscard]] static std::string module();
  [[nodiscard]] static std::string label() { return "mintmark test"; }
  [[nodiscard]] static std::string pin() { return "user-1234"; }
  /// Makes one more token beside it, for tests of choosing.
  void add_token(const std::string& label) const;
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
  /// Another file of mode 0600 with this content, for tests of wrong PINs.
  [[nodiscard]] std::string pin_file(const std::string& name, const std::string& content) const;

 private:
  TemporaryDirectory directory_;
};

}  // namespace mintmark::test
