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
    const std::lock_guard lock(mutex_);
    position_ = std::move(position);
    // Each is one that it takes.
    for (const Json& entry : entries) (void)latest_.apply(entry).has_value();
    latest = latest_.size();
  }
  if (latest < few) return;
  const std::unique_lock alone(reading_, std::try_to_lock);
  if (alone) settle();
}

bool LogState::forget(Moment now) {
  const std::unique_lock alone(reading_, std::try_to_lock);
  if (!alone) return false;
  settle();
  older_.forget(now);
  return true;
}

// Nobody reads.
void LogState::settle() {
  older_.merge(latest_);
  latest_ = {};
}

Position LogState::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

Snapshot LogState::snapshot() const {
  std::shared_lock reading(reading_);
  Snapshot latest;
  {
    const std::lock_guard lock(mutex_);
    latest = {position_, latest_};
  }
  Snapshot all{std::move(latest.position), older_};
  reading.unlock();
  all.revoked.merge(latest.revoked);
  return all;
}

Verdict LogState::judge(const verify::RevocableToken& token) const {
  const std::shared_lock reading(reading_);
  const Verdict older = older_.judge(token);
  if (older == Verdict::key_revoked) return older;
  const std::lock_guard lock(mutex_);
  const Verdict latest = latest_.judge(token);
  return latest == Verdict::good ? older : latest;
}

}  // namespace mintmark::revoke
