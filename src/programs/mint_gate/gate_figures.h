// What mint-gate serve counts; docs/gate.md has the table for people.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/time.h"
#include "gate/kept_keys.h"
#include "http/message.h"
#include "mintmark/verifier.h"
#include "telemetry/metrics.h"

namespace mintmark::programs {

/// Thread-safe.
class GateFigures {
 public:
  /// `told`: who tells what was revoked, or null. `verifier`: the one in force, asked before each
  /// text.
  GateFigures(std::shared_ptr<const gate::KeptKeys> keys, std::shared_ptr<const Subscription> told,
              std::function<std::shared_ptr<const Verifier>()> verifier);

  void decided(const http::Answered& answered);
  void reloaded(bool successful);
  void tls_certificate_ends(const std::string& listener, Moment when);
  /// `count`: connections that could not be taken, of all listeners.
  void show_failed_accepts(std::function<std::uint64_t()> count);
  [[nodiscard]] telemetry::Metrics& metrics() { return metrics_; }

 private:
  void show_revocations(std::shared_ptr<const Subscription> told);
  void show_what_is_scarce();

  telemetry::Metrics metrics_;
  telemetry::Outcomes decisions_;
  telemetry::Seconds seconds_;
};

}  // namespace mintmark::programs
