// Somebody on the bus between a program and its TPM: hears all, and may change it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"

namespace mintmark::test {

/// Stands before swtpm's command port and passes one connection at a time on, each way. What goes
/// by is remembered. The control port is passed on unheard. Throws if it cannot listen.
class TpmBus {
 public:
  explicit TpmBus(std::uint16_t swtpm_port);
  ~TpmBus();
  TpmBus(const TpmBus&) = delete;
  TpmBus& operator=(const TpmBus&) = delete;

  /// How a program reaches the TPM by way of it.
  [[nodiscard]] std::string tcti() const;
  /// Everything that went by, both ways.
  [[nodiscard]] Bytes heard() const;
  /// May change a whole command, or a whole answer to the command of that code (Part 2, 6.5.2).
  /// Emptied: the program is cut off, and what it left in the TPM is flushed, as a resource manager
  /// does.
  using Change = std::function<void(std::uint32_t command, Bytes& octets)>;
  void change_commands(Change change);
  void change_answers(Change change);
  /// Flushed, as by a resource manager, when the next command comes.
  void flush_before_next_command();
  /// What the TPM holds when the next command comes: objects, sessions, NV indexes of its owner.
  void look_before_next_command();
  /// As seen then; nullopt until there was one.
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> held() const;

 private:
  void pass_on(int listener, std::uint16_t to, bool listening_in);
  void converse(int program, int tpm, bool listening_in);

  std::uint16_t port_ = 0;
  std::vector<UniqueFd> listeners_;
  std::atomic<bool> ending_ = false;
  mutable std::mutex mutex_;
  Bytes heard_;
  Change commands_;
  Change answers_;
  bool flushes_ = false;
  bool looks_ = false;
  std::optional<std::vector<std::uint32_t>> held_;
  std::vector<std::thread> threads_;
};

}  // namespace mintmark::test
