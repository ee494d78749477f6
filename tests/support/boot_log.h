// A firmware's measured boot in memory: the log a firmware would write (TCG PC Client PFP §10.2,
// crypto-agile form) and the PCR values that a TPM would hold after it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace mintmark::test {

// Types of events (TCG PC Client PFP, table 27); those that tests need.
inline constexpr std::uint32_t ev_no_action = 3;
inline constexpr std::uint32_t ev_separator = 4;
inline constexpr std::uint32_t ev_event_tag = 6;
inline constexpr std::uint32_t ev_s_crtm_version = 8;
inline constexpr std::uint32_t ev_compact_hash = 0xC;
inline constexpr std::uint32_t ev_ipl = 0xD;
inline constexpr std::uint32_t ev_efi_variable_driver_config = 0x80000001;
inline constexpr std::uint32_t ev_efi_variable_boot = 0x80000002;
inline constexpr std::uint32_t ev_efi_boot_services_application = 0x80000003;
inline constexpr std::uint32_t ev_efi_boot_services_driver = 0x80000004;
inline constexpr std::uint32_t ev_efi_action = 0x80000007;
inline constexpr std::uint32_t ev_efi_platform_firmware_blob = 0x80000008;
inline constexpr std::uint32_t ev_efi_variable_authority = 0x800000E0;

/// The digest of a bank ("sha1", "sha256", "sha384", "sha512").
[[nodiscard]] Bytes bank_digest(const std::string& bank, BytesView octets);
/// What PCR `old` becomes when `digest` is extended.
[[nodiscard]] Bytes extended(const std::string& bank, const Bytes& old, BytesView digest);

/// "Text" as UTF-16LE, without a terminator.
[[nodiscard]] Bytes utf16(std::string_view text);

// GUIDs as they stand in memory (UEFI 2.10 §3.3 and §32.6.1).
[[nodiscard]] Bytes efi_global_guid();
[[nodiscard]] Bytes image_security_guid();
[[nodiscard]] Bytes shim_lock_guid();
[[nodiscard]] Bytes cert_x509_guid();
[[nodiscard]] Bytes cert_sha256_guid();

/// UEFI_VARIABLE_DATA (TCG PC Client PFP §10.2.6).
[[nodiscard]] Bytes efi_variable(BytesView guid, std::string_view name, BytesView content);
/// EFI_SIGNATURE_LIST of entries of one size (UEFI 2.10 §32.4.1), all of one owner.
[[nodiscard]] Bytes signature_list(BytesView type_guid, BytesView owner_guid,
                                   const std::vector<Bytes>& entries);
/// UEFI_IMAGE_LOAD_EVENT (TCG PC Client PFP §10.2.3) whose device path is one file path node.
[[nodiscard]] Bytes image_load(std::string_view path);

class BootLog {
 public:
  explicit BootLog(std::vector<std::string> banks = {"sha1", "sha256", "sha384"});

  /// An event whose data are what is hashed.
  BootLog& measure(std::uint32_t pcr, std::uint32_t type, BytesView data);
  BootLog& measure(std::uint32_t pcr, std::uint32_t type, std::string_view text) {
    return measure(pcr, type, as_bytes(text));
  }
  /// An event whose digests are those of `measured`, whatever its data say.
  BootLog& measure_as(std::uint32_t pcr, std::uint32_t type, BytesView data, BytesView measured);
  /// An image: its digests are those of `image` (for a test its octets stand for Authenticode's).
  BootLog& image(std::uint32_t pcr, std::uint32_t type, std::string_view path,
                 std::string_view image);
  /// EV_SEPARATOR of four zero octets.
  BootLog& separator(std::uint32_t pcr);
  BootLog& secure_boot(bool on);
  /// PK, KEK, db or dbx with what their lists hold; the right GUID is chosen.
  BootLog& variable(std::string_view name, BytesView content);
  /// As GRUB measures: "grub_cmd: TEXT" and "kernel_cmdline: TEXT" in PCR 8, a file in PCR 9.
  BootLog& grub_command(std::string_view text);
  BootLog& kernel_command_line(std::string_view text);
  BootLog& grub_file(std::string_view path, std::string_view content);
  /// EV_NO_ACTION, which extends nothing.
  BootLog& no_action(BytesView data);
  BootLog& startup_locality(std::uint8_t locality);
  /// Octets that no event is made of.
  BootLog& raw(BytesView octets);

  [[nodiscard]] const Bytes& octets() const { return octets_; }
  /// Of the PCRs that have events, and of those asked for (their initial value where they have
  /// none).
  [[nodiscard]] std::map<unsigned, Bytes> pcrs(const std::string& bank,
                                               const std::vector<unsigned>& also = {}) const;
  /// What a TPM is told, in this order: PCR, and a digest for each bank.
  [[nodiscard]] std::vector<std::pair<unsigned, std::map<std::string, Bytes>>> extensions() const;
  /// The same log in the form before TPM 2.0: SHA-1 alone, no header.
  [[nodiscard]] Bytes sha1_octets() const;
  /// Where each event begins, the header included.
  [[nodiscard]] const std::vector<std::size_t>& offsets() const { return offsets_; }

  /// A whole boot: firmware, Secure Boot on, `loader` as boot application, GRUB, a kernel.
  [[nodiscard]] static BootLog whole(std::string_view loader = "shim 15.8", bool secure = true,
                                     std::vector<std::string> banks = {"sha1", "sha256", "sha384"});

 private:
  struct Entry {
    std::uint32_t pcr;
    std::uint32_t type;
    Bytes data;
    std::map<std::string, Bytes> digests;  ///< Empty: extends nothing.
  };
  void append(Entry entry);
  void write_header();

  std::vector<std::string> banks_;
  Bytes octets_;
  std::vector<Entry> entries_;
  std::vector<std::size_t> offsets_;
  std::uint8_t locality_ = 0;
};

}  // namespace mintmark::test
