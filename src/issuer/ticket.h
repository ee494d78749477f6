// Enrolment tickets: what `begin` must remember, sealed and given to the device instead of kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/secret.h"
#include "base/time.h"

namespace mintmark::issuer {

/// An opened ticket.
struct Ticket {
  Secret secret;        ///< What TPM2_ActivateCredential must give back.
  Sha256 began_with{};  ///< Hash of what was presented at begin; finish must present the same.
  Moment expires{};
};

/// Seals with AES-256-GCM under keys that live in this process only and roll; thread-safe. A ticket
/// of an earlier process is `ticket_invalid`, and the device begins again.
class TicketSealer {
 public:
  static constexpr std::chrono::seconds life{60};
  static constexpr std::chrono::seconds key_life{600};

  explicit TicketSealer(const Clock& clock);

  [[nodiscard]] std::string seal(const Secret& secret, const Sha256& began_with);
  /// `ticket_invalid` (not ours, altered, or of an earlier process), `ticket_expired`.
  [[nodiscard]] Result<Ticket> open(std::string_view text);
  /// None that was sealed so far opens any more.
  void begin_again();

 private:
  struct Key {
    std::uint8_t number = 0;
    Secret value;
    Moment made{};
  };
  void roll() MINTMARK_REQUIRES(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  Key present_ MINTMARK_GUARDED_BY(mutex_);
  Key before_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::issuer
