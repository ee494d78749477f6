// What was revoked, as a gate's verifiers ask for it.
#pragma once

#include <memory>
#include <utility>

#include "gate/kept_keys.h"
#include "mintmark/verifier.h"

namespace mintmark::gate {

/// A subscription beside the keys that the gate keeps: a verifier takes new ones as soon as they
/// are here. Thread-safe.
class ToldRevocations final : public Revocations {
 public:
  ToldRevocations(std::shared_ptr<const Revocations> told, std::shared_ptr<const KeptKeys> keys)
      : told_(std::move(told)), keys_(std::move(keys)) {}

  [[nodiscard]] tl::expected<void, Refused> judge(const Token& token) const override {
    return told_->judge(token);
  }
  [[nodiscard]] std::uint64_t keys_epoch() const override { return keys_->version(); }

 private:
  std::shared_ptr<const Revocations> told_;
  std::shared_ptr<const KeptKeys> keys_;
};

}  // namespace mintmark::gate
