#include "hsm/pkcs11/session_pool.h"

#include <algorithm>
#include <utility>

#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {

SessionPool::SessionPool(const Module& module, CK_SLOT_ID slot, unsigned size, Vitals* vitals)
    : module_(module), vitals_(vitals), size_(size), slot_(slot), most_(size) {}

Result<void> SessionPool::fill() {
  const MutexLock lock(mutex_);
  while (idle_.size() < size_) {
    auto session = Session::open(module_, slot_, Access::read_only);
    if (!session) return pass_on(session);
    idle_.push_back(std::move(*session));
  }
  tell_size();
  return {};
}

void SessionPool::tell_size() const {
  if (vitals_ != nullptr) vitals_->set_sessions(idle_.size() + lent_);
}

Result<SessionPool::Lease> SessionPool::lease(Deadline deadline) {
  MutexLock lock(mutex_);
  while (!has_room() && came_back_.wait_until(mutex_, deadline.at())) continue;
  if (!has_room())
    return fail(Code::deadline_passed, "no session with the token came free in time");
  const std::uint64_t era = era_;
  ++lent_;
  if (!idle_.empty()) {
    Session session = std::move(idle_.back());
    idle_.pop_back();
    return Lease(*this, std::move(session), era);
  }
  const CK_SLOT_ID slot = slot_;
  lock.unlock();
  auto session = Session::open(module_, slot, Access::read_only);
  if (session) return Lease(*this, std::move(*session), era);
  lock.lock();
  --lent_;
  if (session.error().native == CKR_SESSION_COUNT && era == era_ && lent_ > 0) {
    // Fewer than we were promised: those that there are do for all, until one is given back.
    most_ = lent_;
    lock.unlock();
    return lease(deadline);
  }
  came_back_.notify_one();
  return pass_on(session);
}

void SessionPool::begin_new_era(CK_SLOT_ID slot) {
  const MutexLock lock(mutex_);
  ++era_;
  slot_ = slot;
  for (Session& session : idle_) session.abandon();
  idle_.clear();
}

void SessionPool::give_back(Session session, std::uint64_t era, bool sound) {
  const MutexLock lock(mutex_);
  --lent_;
  most_ = size_;
  if (era != era_) {
    session.abandon();
  } else if (sound) {
    idle_.push_back(std::move(session));
  }
  tell_size();
  came_back_.notify_one();
}

SessionPool::Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      session_(std::move(other.session_)),
      era_(other.era_),
      sound_(other.sound_) {}

SessionPool::Lease::~Lease() {
  if (pool_ != nullptr) pool_->give_back(std::move(session_), era_, sound_);
}

void SessionPool::Lease::discard_after(CK_RV rv) {
  sound_ = false;
  if (session_is_gone(rv)) session_.abandon();
}

}  // namespace mintmark::hsm::pkcs11
