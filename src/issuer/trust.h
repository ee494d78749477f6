// Whose word is in force: roots and the formats made with them. A reload puts others in their
// place, whole.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "attest/format.h"
#include "attest/tpm2/trust.h"
#include "base/atomic_shared.h"

namespace mintmark::issuer {

/// Whose word counts, of one load of the configuration.
struct Roots {
  std::shared_ptr<const attest::tpm2::EkTrust> ek;  ///< nullptr: no TPM enrols here.
  /// Of certificates of AKs; nullptr: none is taken.
  std::shared_ptr<const attest::tpm2::EkTrust> ak;
  /// Those taken here beside tpm2, by their names.
  std::map<std::string, std::shared_ptr<const attest::Format>> formats;
};

/// Thread-safe; no reader waits. A request is judged by what it found first.
class TrustInForce {
 public:
  explicit TrustInForce(Roots first) : present_(std::make_shared<const Roots>(std::move(first))) {}
  explicit TrustInForce(std::shared_ptr<const attest::tpm2::EkTrust> of_eks)
      : TrustInForce(Roots{std::move(of_eks), nullptr, {}}) {}

  /// Never nullptr.
  [[nodiscard]] std::shared_ptr<const Roots> present() const { return present_.load(); }
  void swap(Roots next) { present_.store(std::make_shared<const Roots>(std::move(next))); }
  void swap(std::shared_ptr<const attest::tpm2::EkTrust> of_eks) {
    swap(Roots{std::move(of_eks), nullptr, {}});
  }

 private:
  AtomicShared<const Roots> present_;
};

}  // namespace mintmark::issuer
