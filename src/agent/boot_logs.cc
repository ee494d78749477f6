#include "agent/boot_logs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/file.h"

namespace mintmark::agent {
namespace {

constexpr const char* kernels_event_log = "/sys/kernel/security/tpm0/binary_bios_measurements";
constexpr const char* kernels_ima_log = "/sys/kernel/security/ima/binary_runtime_measurements";

struct Log {
  const char* name;
  std::string file;
  std::size_t longest;
};

// base64url without padding: three octets are four characters, one is two, two are three.
std::size_t octets_in(std::size_t characters) {
  return characters / 4 * 3 + characters % 4 * 3 / 4;
}
std::size_t characters_of(std::size_t octets) { return (octets * 4 + 2) / 3; }

bool is_the_machines_own(const std::string& tcti) {
  return tcti.empty() || tcti.starts_with("device") || tcti.starts_with("tabrmd");
}

std::string file_of(const std::string& named, const char* kernels, const std::string& tcti) {
  if (!named.empty()) return named;
  return is_the_machines_own(tcti) ? kernels : "";
}

// securityfs gives such files the size 0: they end where a read gives nothing. Nothing where that
// is beyond `longest`.
Result<std::optional<Bytes>> read_to_the_end(int fd, const std::string& file, std::size_t longest) {
  Bytes content;
  std::array<std::uint8_t, 65536> chunk{};
  for (;;) {
    const ssize_t count = read(fd, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Code::io_failed, file + ": " + errno_text(errno));
    if (count == 0) return std::optional<Bytes>(std::move(content));
    if (content.size() + static_cast<std::size_t>(count) > longest) return std::optional<Bytes>{};
    content.insert(content.end(), chunk.begin(), chunk.begin() + count);
  }
}

/// Reads one log after the other into what room is left.
class Reading {
 public:
  explicit Reading(const LogRoom& room)
      : longest_body_(room.longest_body),
        characters_(room.longest_body - std::min(room.longest_body, room.taken)) {}

  Result<std::optional<Bytes>> read(const Log& log, std::vector<std::string>& missing) {
    if (log.file.empty()) return std::optional<Bytes>{};
    const std::string asked = std::string("the issuer asks for ") + log.name + ", and " + log.file;
    const UniqueFd fd(open(log.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
      missing.push_back(asked + " cannot be read (" + errno_text(errno) + "); nothing is sent");
      return std::optional<Bytes>{};
    }
    const std::size_t fitting = octets_in(characters_);
    auto content = read_to_the_end(fd.get(), log.file, std::min(fitting, log.longest));
    if (!content) return pass_on(content);
    if (*content) {
      characters_ -= characters_of((*content)->size());
    } else {
      missing.push_back(asked + too_long(log.longest, fitting) + "; nothing is sent");
    }
    return content;
  }

 private:
  // Numbers that are the same at each try: the owner is told anew of what is new.
  [[nodiscard]] std::string too_long(std::size_t longest, std::size_t fitting) const {
    if (longest <= fitting)
      return " is longer than the " + std::to_string(longest >> 20U) + " MiB that can be sent";
    return " does not fit into the " + std::to_string(longest_body_) +
           " octets that it takes with all else";
  }

  std::size_t longest_body_;
  std::size_t characters_;
};

}  // namespace

Result<BootLogs> read_boot_logs(const LogFiles& files, const LogsWanted& wanted,
                                const std::string& tcti, const LogRoom& room) {
  BootLogs logs;
  Reading reading(room);
  if (wanted.event_log) {
    auto content =
        reading.read({"the firmware's log", file_of(files.event_log, kernels_event_log, tcti),
                      longest_event_log},
                     logs.missing);
    if (!content) return pass_on(content);
    logs.event_log = std::move(*content);
  }
  if (wanted.ima_log) {
    auto content = reading.read(
        {"the IMA log", file_of(files.ima_log, kernels_ima_log, tcti), longest_ima_log},
        logs.missing);
    if (!content) return pass_on(content);
    logs.ima_log = std::move(*content);
  }
  return logs;
}

std::string boot_id_of_kernel() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", 100);
  if (!text) return {};
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return std::move(*text);
}

}  // namespace mintmark::agent
