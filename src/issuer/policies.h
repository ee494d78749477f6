// The policy in force; a reload puts another in its place, whole.
#pragma once

#include <memory>

#include "base/atomic_shared.h"
#include "issuer/release_gate.h"
#include "policy/policy.h"

namespace mintmark::issuer {

/// Thread-safe; no reader waits. A request keeps the policy it was decided by, and whether that is
/// still the present one is seen by comparing the two.
class Policies {
 public:
  Policies(ReleaseGate& gate, std::shared_ptr<const policy::Policy> first)
      : gate_(gate), present_(std::move(first)) {}

  /// Never nullptr.
  [[nodiscard]] std::shared_ptr<const policy::Policy> present() const { return present_.load(); }
  /// Returns when no token can leave any more that the one before granted. Not inside the gate.
  void swap(std::shared_ptr<const policy::Policy> next) {
    present_.store(std::move(next));
    gate_.wait_for_those_inside();
  }

 private:
  ReleaseGate& gate_;
  AtomicShared<const policy::Policy> present_;
};

}  // namespace mintmark::issuer
