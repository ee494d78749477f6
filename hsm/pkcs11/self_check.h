// Which signatures are verified before they leave.
#pragma once

#include <cstdint>

#include "config/config.h"

namespace mintmark::hsm::pkcs11 {

/// `always`, or `sampled`: the first of each session, where a handle reused or a session mixed up
/// would show, and one in 64 after it. Thread-safe.
class SelfCheck {
 public:
  explicit SelfCheck(config::SelfCheck policy) : policy_(policy) {}
  /// `number`: how many signatures the session made before this one.
  [[nodiscard]] bool is_due(std::uint64_t number) const {
    return policy_ == config::SelfCheck::always || number % 64 == 0;
  }

 private:
  const config::SelfCheck policy_;
};

}  // namespace mintmark::hsm::pkcs11
