// A PKCS#11 token inside a TPM of a test's own: libtpm2_pkcs11 over tpm2-abrmd over swtpm.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "support/child_process.h"
#include "support/swtpm.h"
#include "support/temporary_directory.h"

namespace mintmark::test {

/// Starts swtpm, a session bus and the resource manager, makes a token, and sets the module's
/// environment for this process: one at a time. Throws with the reason if a part is missing.
class Tpm2Pkcs11 {
 public:
  Tpm2Pkcs11();
  ~Tpm2Pkcs11();

  [[nodiscard]] config::HsmStore store() const;
  [[nodiscard]] static std::string module();
  [[nodiscard]] static std::string label() { return "mintmark tpm"; }
  /// A TCTI that many may use at once.
  [[nodiscard]] static std::string tcti() { return "tabrmd:bus_type=session"; }

 private:
  void start_bus();
  void start_resource_manager();
  void make_token() const;

  TemporaryDirectory directory_;
  Swtpm tpm_;
  std::unique_ptr<ChildProcess> bus_;
  std::unique_ptr<ChildProcess> resource_manager_;  // last: ends first
};

}  // namespace mintmark::test
