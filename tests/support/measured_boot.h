// A machine of our own making that boots: its firmware, boot loader and kernel are measured into a
// swtpm, and its log is a file as the kernel would show it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "support/boot_log.h"

namespace mintmark::test {

/// What is booted. Of an image its octets stand for its Authenticode hash.
struct BootRecipe {
  std::string firmware = "Mintmark test firmware 1.0";
  bool secure_boot = true;
  std::vector<Bytes> dbx = {Bytes(32, 0xD1), Bytes(32, 0xD2)};  ///< SHA-256 of images.
  std::string loader = "shim 15.8";
  std::string loader_path = "\\EFI\\debian\\shimx64.efi";
  std::string second_loader = "grub 2.06";
  std::string kernel = "vmlinuz 6.1";
  std::string command_line = "/vmlinuz-6.1 root=/dev/vda2 ro quiet";
  /// The TPM is told of the boot loader, and the log is not.
  bool loader_left_out = false;
};

/// Throws where the TPM or a tool fails.
class MeasuredBoot {
 public:
  /// `log`: the file that each boot writes. `reset` gives the TPM back with its PCRs as after power
  /// came. The platform's certificates (PK, KEK, db) are made here and stay the same.
  MeasuredBoot(std::string tcti, std::filesystem::path log, std::function<void()> reset);

  void boot(const BootRecipe& recipe = {});
  /// What the firmware wrote of the last boot, whole.
  [[nodiscard]] const BootLog& last() const { return last_; }
  [[nodiscard]] const std::filesystem::path& log() const { return log_; }
  /// One more measurement into the TPM alone, as when something runs between log and quote.
  void extend(unsigned pcr, const std::string& what) const;

  /// SHA-256 of the certificate in db that vouches for the boot loader, hexadecimal.
  [[nodiscard]] std::string vendor_fingerprint() const;

 private:
  [[nodiscard]] BootLog log_of(const BootRecipe& recipe, bool with_loader) const;
  void measure_secure_boot(BootLog& log, const BootRecipe& recipe) const;
  void tell_tpm(const BootLog& log) const;

  std::string tcti_;
  std::filesystem::path log_;
  std::function<void()> reset_;
  Bytes platform_certificate_;
  Bytes exchange_certificate_;
  Bytes vendor_certificate_;
  BootLog last_;
};

}  // namespace mintmark::test
