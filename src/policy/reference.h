// Files of measurements that a boot may have: reference measurements of a vendor, a baseline taken
// from a device, lists of files for IMA.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "attest/boot_record.h"
#include "base/error.h"
#include "base/json.h"

namespace mintmark::policy {

inline constexpr std::size_t longest_reference = 4U << 20U;  ///< Octets of one file.
inline constexpr std::size_t longest_note = 256;             ///< Octets that are made of one.

struct ReferenceEvent {
  unsigned pcr = 0;
  std::string type;                  ///< "EV_EFI_BOOT_SERVICES_APPLICATION"
  std::vector<std::string> digests;  ///< Of the file's bank, lower-case hexadecimal.
  std::string note;                  ///< For people; of a baseline, what the log said beside it.
};

/// docs/reference-measurements.schema.json. A PCR that is named holds if its value is one of those
/// that stand there or if each of its events is one of those that do; at least one was measured.
struct Reference {
  std::string file;  ///< As the policy names it.
  std::string name;
  std::string bank;  ///< "sha256"
  std::map<unsigned, std::vector<std::string>> pcrs;
  std::vector<ReferenceEvent> events;
  /// Of `events`: PCR -> (type, digest).
  std::map<unsigned, std::set<std::pair<std::string, std::string>>> allowed;

  /// Every PCR of which something stands here.
  [[nodiscard]] std::set<unsigned> named() const;
};

/// "sha256:HEX  PATH", a line each; the prefix may be left out for SHA-256, as sha256sum does.
struct ImaReference {
  std::string file;
  std::unordered_set<std::string> lines;  ///< "sha256:HEX  PATH", lower-case.
};

/// `reference_invalid` with FILE:LINE, the key, and what would be right.
[[nodiscard]] Result<Reference> read_reference(const std::string& file, std::string_view text);
[[nodiscard]] Result<ImaReference> read_ima_reference(const std::string& file,
                                                      std::string_view text);
[[nodiscard]] std::string ima_line(const std::string& path, const std::string& digest);

/// The text of a reference file that this boot fits, a measurement a line. `pcrs`: which; empty:
/// all that were quoted but 10 (IMA), 16 and 23 (debug, applications), which no two boots have
/// alike. `invalid_argument`: one of them was not quoted, or none is left.
[[nodiscard]] Result<std::string> baseline_of(const attest::BootRecord& record,
                                              const std::string& name,
                                              const std::set<unsigned>& pcrs = {});

}  // namespace mintmark::policy
