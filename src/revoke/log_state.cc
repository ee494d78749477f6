#include "revoke/log_state.h"

#include <utility>

namespace mintmark::revoke {
namespace {

using Verdict = verify::RevokedSet::Verdict;

/// As many are quickly copied and quickly merged.
constexpr std::size_t few = 4096;

}  // namespace

LogState::LogState(Snapshot start)
    : older_(std::move(start.revoked)), position_(std::move(start.position)) {}

void LogState::advance(Position position, const std::vector<Json>& entries) {
  std::size_t latest = 0;
  {
    const MutexLock lock(mutex_);
    position_ = std::move(position);
    // Each is one that it takes.
    for (const Json& entry : entries) (void)latest_.apply(entry).has_value();
    latest = latest_.size();
  }
  if (latest < few) return;
  if (!reading_.try_lock()) return;
  const WriterLock alone(reading_, std::adopt_lock);
  settle();
}

bool LogState::forget(Moment now) {
  if (!reading_.try_lock()) return false;
  const WriterLock alone(reading_, std::adopt_lock);
  settle();
  older_.forget(now);
  return true;
}

void LogState::settle() {
  const MutexLock lock(mutex_);
  older_.merge(latest_);
  latest_ = {};
}

Position LogState::position() const {
  const MutexLock lock(mutex_);
  return position_;
}

Snapshot LogState::snapshot() const {
  ReaderLock reading(reading_);
  Snapshot latest;
  {
    const MutexLock lock(mutex_);
    latest = {position_, latest_};
  }
  Snapshot all{std::move(latest.position), older_};
  reading.unlock();
  all.revoked.merge(latest.revoked);
  return all;
}

Verdict LogState::judge(const verify::RevocableToken& token) const {
  const ReaderLock reading(reading_);
  const Verdict older = older_.judge(token);
  if (older == Verdict::key_revoked) return older;
  const MutexLock lock(mutex_);
  const Verdict latest = latest_.judge(token);
  return latest == Verdict::good ? older : latest;
}

}  // namespace mintmark::revoke
