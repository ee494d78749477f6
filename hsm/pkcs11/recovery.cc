#include "hsm/pkcs11/recovery.h"

#include <algorithm>

namespace mintmark::hsm::pkcs11 {
namespace {

bool disturbs_others(Remedy remedy) {
  return remedy >= Remedy::log_in && remedy <= Remedy::restart;
}

Remedy stronger(Remedy remedy) { return static_cast<Remedy>(static_cast<int>(remedy) + 1); }

}  // namespace

Remedy Recovery::choose(const RvFacts& fault, Clock::time_point now) {
  if (fault.first == Remedy::none || fault.first == Remedy::stop) return fault.first;
  const MutexLock lock(mutex_);
  calm_ = false;
  const Remedy remedy = std::min(std::max(fault.first, next_), fault.last);
  if (disturbs_others(remedy)) {
    if (now < not_before_) return Remedy::wait;
    not_before_ = now + spacing_;
    spacing_ = std::min(spacing_ * 2, longest_spacing);
  }
  if (remedy == Remedy::reinitialise) ++reinitialisations_;
  const bool stays = remedy == Remedy::reinitialise && reinitialisations_ < most_reinitialisations;
  next_ = stays ? remedy : std::min(stronger(remedy), Remedy::restart);
  return remedy;
}

void Recovery::went_well() {
  if (calm_) return;  // The usual case takes no lock.
  const MutexLock lock(mutex_);
  calm_ = true;
  next_ = Remedy::none;
  reinitialisations_ = 0;
  not_before_ = {};
  spacing_ = shortest_spacing;
}

}  // namespace mintmark::hsm::pkcs11
