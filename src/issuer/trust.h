// The EK roots in force; a reload puts others in their place, whole.
#pragma once

#include <atomic>
#include <memory>

#include "attest/tpm2/trust.h"

namespace mintmark::issuer {

/// Thread-safe; no reader waits. A request is judged by what it found first.
class TrustInForce {
 public:
  explicit TrustInForce(std::shared_ptr<const attest::tpm2::EkTrust> first)
      : present_(std::move(first)) {}

  /// Never nullptr.
  [[nodiscard]] std::shared_ptr<const attest::tpm2::EkTrust> present() const {
    return present_.load();
  }
  void swap(std::shared_ptr<const attest::tpm2::EkTrust> next) { present_.store(std::move(next)); }

 private:
  std::atomic<std::shared_ptr<const attest::tpm2::EkTrust>> present_;
};

}  // namespace mintmark::issuer
