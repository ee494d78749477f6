#include "issuer/release_gate.h"

namespace mintmark::issuer {

ReleaseGate::Passage ReleaseGate::enter() {
  const MutexLock lock(mutex_);
  ++inside_[generation_];
  return Passage(*this, generation_);
}

ReleaseGate::Passage::~Passage() {
  const MutexLock lock(gate_.mutex_);
  const auto entry = gate_.inside_.find(generation_);
  if (--entry->second != 0) return;
  gate_.inside_.erase(entry);
  gate_.left_.notify_all();
}

void ReleaseGate::wait_for_those_inside() {
  const MutexLock lock(mutex_);
  // Those who enter from now on count elsewhere: a steady stream of them keeps nobody waiting.
  const std::uint64_t last = generation_++;
  while (!inside_.empty() && inside_.begin()->first <= last) left_.wait(mutex_);
}

}  // namespace mintmark::issuer
