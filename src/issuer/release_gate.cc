#include "issuer/release_gate.h"

namespace mintmark::issuer {

ReleaseGate::Passage ReleaseGate::enter() {
  const std::lock_guard lock(mutex_);
  ++inside_[generation_];
  return Passage(*this, generation_);
}

ReleaseGate::Passage::~Passage() {
  const std::lock_guard lock(gate_.mutex_);
  const auto entry = gate_.inside_.find(generation_);
  if (--entry->second != 0) return;
  gate_.inside_.erase(entry);
  gate_.left_.notify_all();
}

void ReleaseGate::wait_for_those_inside() {
  std::unique_lock lock(mutex_);
  // Those who enter from now on count elsewhere: a steady stream of them keeps nobody waiting.
  const std::uint64_t last = generation_++;
  left_.wait(lock, [this, last] { return inside_.empty() || inside_.begin()->first > last; });
}

}  // namespace mintmark::issuer
