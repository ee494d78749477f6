// Session keys: keys that live in memory alone and for an hour at most. The device key names one in
// a client assertion (`cnf.jkt`, docs/adr/0011), and tokens are bound to it from there on: each
// costs one signature of the device key, each call none.
#pragma once

#include <chrono>
#include <memory>

#include "agent/device_key.h"
#include "agent/tokens.h"
#include "base/time.h"
#include "jose/software_key.h"

namespace mintmark::agent {

inline constexpr std::chrono::seconds longest_session{3600};

/// Never written anywhere, wiped when the last holder lets go. Immutable: sign is thread-safe.
class SessionKey final : public DeviceKey {
 public:
  /// `life` from `now` on: then nothing is signed with it any more. `agent_session_unfit`: more
  /// than an hour, or none; `internal`: OpenSSL makes no key.
  [[nodiscard]] static Result<std::shared_ptr<SessionKey>> make(std::chrono::seconds life,
                                                                Moment now);

  [[nodiscard]] const jose::PublicKey& public_key() const override { return public_key_; }
  [[nodiscard]] const std::string& jkt() const { return public_key_.thumbprint(); }
  [[nodiscard]] Moment made_at() const { return made_at_; }
  [[nodiscard]] Moment ends_at() const { return ends_at_; }
  /// By a clock that went back behind its making its age is not known: over.
  [[nodiscard]] bool is_over(Moment now) const { return now < made_at_ || now >= ends_at_; }
  /// New tokens should be bound to another one: three quarters of its life are over, so that tokens
  /// of this one still have a while.
  [[nodiscard]] bool is_due(Moment now) const {
    return is_over(now) || agent::is_due(made_at_, ends_at_, now);
  }
  [[nodiscard]] Result<Bytes> sign(BytesView octets) override;

 private:
  SessionKey(jose::SoftwarePair pair, jose::PublicKey public_key, Moment made_at, Moment ends_at)
      : pair_(std::move(pair)),
        public_key_(std::move(public_key)),
        made_at_(made_at),
        ends_at_(ends_at) {}
  jose::SoftwarePair pair_;
  jose::PublicKey public_key_;
  Moment made_at_;
  Moment ends_at_;
};

}  // namespace mintmark::agent
