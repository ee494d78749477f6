// A complete TPM 2.0 in software, of a test's own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "support/child_process.h"
#include "support/temporary_directory.h"

namespace mintmark::test {

/// swtpm on two free loopback ports, started up (TPM2_Startup is done). One client at a time, three
/// transient slots, no resource manager: flush what you load. Throws with the reason if it cannot
/// be had.
class Swtpm {
 public:
  struct Options {
    /// swtpm_setup makes EK certificates (RSA-2048 at NV 0x01C00002, ECC P-384 at 0x01C00016) and a
    /// platform certificate, signed by a CA made for this TPM alone. Takes a second or two.
    bool manufactured = false;
  };
  explicit Swtpm(Options options);
  Swtpm() : Swtpm(Options{}) {}
  ~Swtpm();

  /// "swtpm:host=127.0.0.1,port=…"
  [[nodiscard]] std::string tcti() const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// The CA that signed the EK certificates: a directory with the root alone, another with what
  /// signed beneath it. Empty unless manufactured.
  [[nodiscard]] std::filesystem::path roots() const { return directory_.path() / "roots"; }
  [[nodiscard]] std::filesystem::path intermediates() const {
    return directory_.path() / "intermediates";
  }
  /// All files of that CA, its keys too.
  [[nodiscard]] std::filesystem::path ca_directory() const { return directory_.path() / "ca"; }
  /// Ends the TPM, without TPM2_Shutdown, and starts it again with the same state: what a power cut
  /// does. On the same ports, unless somebody took them meanwhile.
  void power_cycle();

 private:
  void manufacture();
  void start();
  [[nodiscard]] bool try_start();

  TemporaryDirectory directory_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace mintmark::test
