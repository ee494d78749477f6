// What is remembered on disk of a PIN's fate: no restart of ours may spend a token's tries.
#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "hsm/vitals.h"

namespace mintmark::hsm {

/// Of one key store's PIN. Holds nothing of the PIN itself: only what its source looked like
/// (inode, size, times). Blocks for as long as the disk does. One thread.
///
/// A PIN that was refused is not tried before its source has changed. One that was offered twice
/// without an answer (the signer or the machine died inside C_Login) neither: nobody knows how the
/// token counts that.
class PinMemory {
 public:
  static constexpr unsigned most_unanswered = 2;

  /// `file` is ours; `source` is looked at anew in each call.
  PinMemory(std::string file, config::PinSource source);

  /// Why the PIN is not to be tried now; nullopt if it may. `hsm_pin_refused`.
  [[nodiscard]] std::optional<Error> objection() const;
  /// Before a process is started that will log in; on disk when it returns. `io_failed`.
  [[nodiscard]] Result<void> attempt_begins();
  /// After that process's end, however it ended. `io_failed`: it is not remembered.
  [[nodiscard]] Result<void> attempt_ended(const Vitals::Logins& logins);
  /// The token took it.
  void worked();
  /// For who logs in by themselves, in processes that may be several at once: what the source
  /// looked like, taken before the PIN is read from it.
  [[nodiscard]] std::string source_now() const { return stamp(); }
  /// The token refused what a source of that look held. On disk when it returns. `io_failed`.
  [[nodiscard]] Result<void> was_refused(const std::string& source) const;

 private:
  struct Record {
    std::string stamp;
    bool refused = false;
    unsigned unanswered = 0;
  };
  /// Of the source as it is now; empty where nothing is remembered, or another source.
  [[nodiscard]] Record remembered() const;
  [[nodiscard]] Result<void> write(const Record& record) const;
  [[nodiscard]] std::string stamp() const;

  const std::string file_;
  const config::PinSource source_;
  std::string attempted_;  ///< Stamp of the source that attempt_begins() saw.
};

}  // namespace mintmark::hsm
