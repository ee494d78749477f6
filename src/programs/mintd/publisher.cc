#include "programs/mintd/publisher.h"

#include <algorithm>

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

}  // namespace

Result<void> Publisher::refresh() {
  const auto records = states_.list();
  if (!records) return tl::unexpected<Error>(records.error());
  auto next = keyring::publish(*records, epoch_ + 1);
  if (!next) return pass_on(next);
  if ((*next)->keys().empty() && !snapshot_) return {};
  if (snapshot_ && same_keys(**next, *snapshot_)) return {};
  ++epoch_;
  snapshot_ = std::move(*next);
  changed_(snapshot_);
  return {};
}

void Publisher::front_started() {
  front_ = true;
  taken_ = 0;
}

void Publisher::front_gone() {
  front_ = false;
  tell_those_who_wait();
}

void Publisher::front_took(std::uint64_t epoch) {
  taken_ = std::max(taken_, epoch);
  tell_those_who_wait();
}

bool Publisher::in_force() const { return !front_ || !snapshot_ || taken_ == epoch_; }

void Publisher::when_in_force(std::function<void()> done) {
  waiting_.push_back(std::move(done));
  tell_those_who_wait();
}

void Publisher::tell_those_who_wait() {
  if (!in_force()) return;
  for (const auto& done : std::exchange(waiting_, {})) done();
}

}  // namespace mintmark::mintd
