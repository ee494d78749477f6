// What a machine measured on its way up, in words that rules and people share: made from a log that
// was replayed to quoted values, kept with the device, judged by policy.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace mintmark::attest {

/// One event of a firmware log.
struct MeasuredEvent {
  std::uint32_t number = 0;  ///< Its place in the log, from 0; what people call "event 23".
  std::uint32_t pcr = 0;     ///< Of a CCEL: the measurement register (1: RTMR0).
  std::string type;          ///< "EV_EFI_BOOT_SERVICES_APPLICATION"; "0x800000F0" where unknown.
  std::string digest;        ///< Hexadecimal, of the record's bank.
  /// For people: a path, a variable's name, a command line. Printable, bounded; what the log says
  /// beside the digest, believed only where `attested`.
  std::string what;
  bool attested = false;  ///< The event's data hash to its digest.
};

/// An entry of a signature database (UEFI 2.10 §32.4.1).
struct SignatureEntry {
  std::string kind;  ///< "x509", "sha256", "x509_sha256", …; the GUID where unknown.
  std::string
      digest;  ///< Hexadecimal: SHA-256 of the certificate's DER, or the hash that stands there.
  std::string subject;  ///< Of a certificate: RFC 4514, for people.
  std::string owner;    ///< GUID of who put it there.
};

/// An image that was started: boot applications, drivers, option ROMs.
struct BootImage {
  std::uint32_t event = 0;
  std::uint32_t pcr = 0;
  std::string type;    ///< As of MeasuredEvent.
  std::string path;    ///< Device path as text: not attested.
  std::string digest;  ///< Authenticode hash of the record's bank, hexadecimal.
};

/// An entry of a database that an image was let through by (EV_EFI_VARIABLE_AUTHORITY).
struct BootAuthority {
  std::uint32_t event = 0;
  std::string variable;  ///< "db", "MokList", "Shim", "SbatLevel", …
  SignatureEntry entry;  ///< Of a certificate where there is one.
};

/// A piece that a boot loader measured: a GRUB command, a file, a section of a unified kernel
/// image.
struct LoaderEvent {
  std::uint32_t event = 0;
  std::uint32_t pcr = 0;
  std::string
      kind;  ///< "grub_command", "grub_file", "kernel_command_line", "uki_section", "initrd", …
  std::string text;    ///< The command, file or section name.
  std::string digest;  ///< Hexadecimal, of the record's bank.
  bool attested = false;
};

/// Only what is attested unless a member says otherwise: derived from events whose data hash to the
/// digests that were extended.
struct BootFacts {
  /// Members that are not known, with the reason for people: "secure_boot", "pk", "kek", "db",
  /// "dbx", "authorities", "images", "kernel_command_lines". What is named here is empty, or only a
  /// part: a rule that would pass because of what is missing must not.
  std::map<std::string, std::string> not_known;
  std::optional<bool> secure_boot;  ///< Nothing: not known.
  std::vector<SignatureEntry> pk, kek, db, dbx;
  std::vector<BootImage> images;  ///< Their digests are attested.
  std::vector<BootAuthority> authorities;
  std::vector<LoaderEvent> loader;
  std::vector<std::string> kernel_command_lines;
  std::string firmware_version;  ///< EV_S_CRTM_VERSION
  /// "SbatLevel" -> "sbat,1,2021030218": its value, where shim measured it with its name (PCR 7);
  /// "MokList" -> hexadecimal digest of the record's bank, where only its content was measured (PCR
  /// 14): which digest is whose is then the log's word.
  std::map<std::string, std::string> shim;
  std::vector<LoaderEvent> firmware_blobs;  ///< kind "firmware_blob"
  std::optional<unsigned> startup_locality;
  /// ExitBootServices was measured (TCG PFP §8.2.4), or somebody extended PCR 5 by its words later.
  bool exit_boot_services = false;
};

/// What was measured by IMA up to the quote.
struct ImaSummary {
  std::string log_template;   ///< "ima", "ima-ng", "ima-sig"; the last one seen.
  std::uint64_t covered = 0;  ///< Entries that the quoted PCR covers.
  std::uint64_t later = 0;    ///< Entries after it: the log grew between quote and reading.
  std::uint64_t violations = 0;
  /// Covered entries, beside violations, of which no file can be told: of a template that is not
  /// known, or whose fields are others.
  std::uint64_t unnamed = 0;
  /// Path -> digest as "sha256:HEX", of covered entries: the first `most_ima_files` distinct pairs.
  /// A path that is no UTF-8 has its other octets as "\xff", and "\\" for a backslash.
  std::vector<std::pair<std::string, std::string>> files;
  bool files_cut = false;
};
inline constexpr std::size_t most_ima_files = 8192;

/// Why nothing was taken of a log that was given.
struct LogProblem {
  std::string code;  ///< As of base/error_codes.def: "eventlog_replay".
  std::string text;  ///< For people.
};

/// One attested boot.
struct BootRecord {
  std::string bank;                      ///< "sha256"
  std::map<unsigned, std::string> pcrs;  ///< As quoted: index -> hexadecimal.
  bool log_given = false;  ///< Without it `events` and `facts` are empty, and rules on them fail.
  std::optional<LogProblem> log_problem;  ///< One was given and is not what was quoted.
  std::vector<MeasuredEvent> events;
  BootFacts facts;
  std::optional<ImaSummary> ima;
  std::optional<LogProblem> ima_problem;
  // Of the quote (TPM 2.0 Part 2, 10.11.1).
  bool clock_safe = false;
  std::uint64_t clock = 0;  ///< Milliseconds.
  std::uint32_t reset_count = 0;
  std::uint32_t restart_count = 0;
  std::uint64_t firmware = 0;
};

[[nodiscard]] Json to_json(const BootRecord& record);
[[nodiscard]] Json to_json(const BootFacts& facts);
/// `facts_malformed`
[[nodiscard]] Result<BootRecord> boot_record_from_json(const Json& json);

}  // namespace mintmark::attest
