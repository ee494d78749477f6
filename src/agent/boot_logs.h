// What the machine itself wrote down of its boot: which boot this is, the firmware's log, IMA's.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace mintmark::agent {

inline constexpr std::size_t longest_event_log = 4U << 20U;
inline constexpr std::size_t longest_ima_log = 16U << 20U;

/// Where the logs are. "": where the kernel shows them, for a TPM that is the machine's own; the
/// machine's logs tell nothing of another TPM's registers.
struct LogFiles {
  std::string event_log;
  std::string ima_log;
};

/// Which logs the issuer asked for.
struct LogsWanted {
  bool event_log = false;
  bool ima_log = false;
};

/// What the body that carries the logs has room for; they stand in it as base64url.
struct LogRoom {
  /// Octets of the whole body, as the issuer takes it.
  std::size_t longest_body = std::numeric_limits<std::size_t>::max();
  std::size_t taken = 0;  ///< Of these, by all but the logs' text.
};

struct BootLogs {
  std::optional<Bytes> event_log;
  std::optional<Bytes> ima_log;
  std::vector<std::string> missing;  ///< For the owner: which could not be had, and why.
};

/// As they are now: read after the quote, so that they can only be longer than it. A log that is
/// not there, may not be read, is longer than the above or does not fit into the room is missing
/// and no error; where only one fits it is the firmware's. One that nobody named for another TPM
/// than the machine's is not even missing. `io_failed`. `tcti`: of the TPM that quoted.
[[nodiscard]] Result<BootLogs> read_boot_logs(const LogFiles& files, const LogsWanted& wanted,
                                              const std::string& tcti, const LogRoom& room);

/// The kernel's name for this boot (/proc/sys/kernel/random/boot_id); "" where it has none.
[[nodiscard]] std::string boot_id_of_kernel();

}  // namespace mintmark::agent
