// What mint-gate serve counts; docs/gate.md has the table for people.
#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "gate/kept_keys.h"
#include "http/message.h"
#include "telemetry/metrics.h"

namespace mintmark::programs {

/// Thread-safe.
class GateFigures {
 public:
  explicit GateFigures(std::shared_ptr<const gate::KeptKeys> keys);

  void decided(const http::Answered& answered);
  void reloaded(bool successful);
  void tls_certificate_ends(const std::string& listener, Moment when);
  [[nodiscard]] telemetry::Metrics& metrics() { return metrics_; }

 private:
  telemetry::Metrics metrics_;
  telemetry::Outcomes decisions_;
  telemetry::Seconds seconds_;
};

}  // namespace mintmark::programs
