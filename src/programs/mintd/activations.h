// The front's side of `activate` and `activated` (control.h): strangers' credentials, one at a
// time.
#pragma once

#include <functional>
#include <optional>

#include "api/key_evidence.h"
#include "base/json.h"
#include "base/mutex.h"

namespace mintmark::mintd {

/// Thread-safe.
class Activations {
 public:
  /// `tell`: to the keeper, which answers each; from any thread.
  explicit Activations(std::function<void(const Json&)> tell) : tell_(std::move(tell)) {}

  /// `activation_busy` while another one is under way.
  void ask(const api::Activation& wanted, hsm::Done<Bytes> done);
  /// The keeper's `activated`; what answers nothing that is under way is dropped.
  void answered(const Json& message);

 private:
  struct Pending {
    std::uint64_t id;
    hsm::Done<Bytes> done;
  };
  std::function<void(const Json&)> tell_;
  Mutex mutex_;
  std::uint64_t last_ MINTMARK_GUARDED_BY(mutex_) = 0;
  std::optional<Pending> pending_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::mintd
