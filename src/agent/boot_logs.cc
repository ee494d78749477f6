#include "agent/boot_logs.h"

#include <fcntl.h>
#include <unistd.h>

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
  Code too_long;
};

bool is_the_machines_own(const std::string& tcti) {
  return tcti.empty() || tcti.starts_with("device") || tcti.starts_with("tabrmd");
}

std::string file_of(const std::string& named, const char* kernels, const std::string& tcti) {
  if (!named.empty()) return named;
  return is_the_machines_own(tcti) ? kernels : "";
}

// securityfs gives such files the size 0: they end where a read gives nothing.
Result<Bytes> read_to_the_end(int fd, const Log& log) {
  Bytes content;
  std::array<std::uint8_t, 65536> chunk{};
  for (;;) {
    const ssize_t count = read(fd, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Code::io_failed, log.file + ": " + errno_text(errno));
    if (count == 0) return content;
    if (content.size() + static_cast<std::size_t>(count) > log.longest) {
      return fail(log.too_long, std::string(log.name) + " in " + log.file + " is longer than the " +
                                    std::to_string(log.longest >> 20U) +
                                    " MiB that can be sent to an issuer");
    }
    content.insert(content.end(), chunk.begin(), chunk.begin() + count);
  }
}

Result<std::optional<Bytes>> read_log(const Log& log, std::vector<std::string>& missing) {
  if (log.file.empty()) return std::optional<Bytes>{};
  const UniqueFd fd(open(log.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    missing.push_back(std::string("the issuer asks for ") + log.name + ", and " + log.file +
                      " cannot be read (" + errno_text(errno) + "); nothing is sent");
    return std::optional<Bytes>{};
  }
  auto content = read_to_the_end(fd.get(), log);
  if (!content) return pass_on(content);
  return std::optional<Bytes>(std::move(*content));
}

}  // namespace

Result<BootLogs> read_boot_logs(const LogFiles& files, const LogsWanted& wanted,
                                const std::string& tcti) {
  BootLogs logs;
  if (wanted.event_log) {
    const Log log{"the firmware's log", file_of(files.event_log, kernels_event_log, tcti),
                  longest_event_log, Code::eventlog_too_long};
    auto content = read_log(log, logs.missing);
    if (!content) return pass_on(content);
    logs.event_log = std::move(*content);
  }
  if (wanted.ima_log) {
    const Log log{"the IMA log", file_of(files.ima_log, kernels_ima_log, tcti), longest_ima_log,
                  Code::ima_too_long};
    auto content = read_log(log, logs.missing);
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
