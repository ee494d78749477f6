#include "programs/mintd/publisher.h"

#include <algorithm>
#include <set>

namespace mintmark::mintd {
namespace {

bool same_keys(const keyring::Snapshot& left, const keyring::Snapshot& right) {
  return std::equal(
      left.keys().begin(), left.keys().end(), right.keys().begin(), right.keys().end(),
      [](const keyring::PublishedKey& one, const keyring::PublishedKey& other) {
        return one.id == other.id && one.store == other.store && one.purpose == other.purpose &&
               one.active == other.active && one.kid() == other.kid();
      });
}

std::set<std::string> revoked_of(const std::vector<store::KeyRecord>& records) {
  std::set<std::string> kids;
  for (const store::KeyRecord& record : records) {
    if (record.revoked()) kids.insert(record.kid);
  }
  return kids;
}

}  // namespace

Result<void> Publisher::refresh() {
  const auto records = states_.list();
  auto next = records ? keyring::publish(*records, epoch_ + 1)
                      : Result<SnapshotPtr>(tl::unexpected<Error>(records.error()));
  stale_ = !next;
  if (next && ((*next)->keys().empty() ? snapshot_ != nullptr : true) &&
      !(snapshot_ && same_keys(**next, *snapshot_) && revoked_of(*records) == revoked_)) {
    ++epoch_;
    revoked_ = revoked_of(*records);
    snapshot_ = std::move(*next);
    changed_(snapshot_);
  }
  judge();
  if (stale_) return pass_on(next);
  return {};
}

void Publisher::front_started() {
  front_ = true;
  taken_ = 0;
  owed_since_.reset();
  judge();
}

void Publisher::front_gone() {
  front_ = false;
  judge();
}

void Publisher::front_took(std::uint64_t epoch) {
  if (epoch <= epoch_) taken_ = std::max(taken_, epoch);
  judge();
}

bool Publisher::in_force() const { return !stale_ && (!front_ || !snapshot_ || taken_ == epoch_); }

std::optional<Moment> Publisher::in_force_since() const { return in_force_since_; }

std::chrono::steady_clock::duration Publisher::owed_for() const {
  if (!owed_since_) return {};
  return std::chrono::steady_clock::now() - *owed_since_;
}

void Publisher::when_in_force(std::function<void()> done) {
  waiting_.push_back(std::move(done));
  judge();
}

void Publisher::judge() {
  const bool owes = front_ && snapshot_ && taken_ != epoch_;
  if (!owes) owed_since_.reset();
  if (owes && !owed_since_) owed_since_ = std::chrono::steady_clock::now();
  if (!in_force()) {
    in_force_since_.reset();
    return;
  }
  if (!in_force_since_) in_force_since_ = clock_.now();
  for (const auto& done : std::exchange(waiting_, {})) done();
}

}  // namespace mintmark::mintd
