// Sessions for calls, lent out one at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"
#include "hsm/pkcs11/module.h"
#include "hsm/vitals.h"

namespace mintmark::hsm::pkcs11 {

/// At most `size` read-only sessions of one token. A lease is for one operation, begun and ended
/// (one C_SignInit with its C_Sign): a session has one operation at a time, and two threads in one
/// session crash some modules. Thread-safe; leases must end before the pool, the pool before the
/// module.
class SessionPool {
 public:
  /// `vitals` hears how many sessions are open; may be null.
  SessionPool(const Module& module, CK_SLOT_ID slot, unsigned size, Vitals* vitals);

  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    [[nodiscard]] const Session& session() const { return session_; }
    /// Counts: the first signature of a session is number 0.
    [[nodiscard]] std::uint64_t next_signature() { return session_.next_signature(); }
    /// After a call that failed with `rv`: the session may hold half an operation, or be gone. It
    /// is not lent out again.
    void discard_after(CK_RV rv);

   private:
    friend class SessionPool;
    Lease(SessionPool& pool, Session session, std::uint64_t era)
        : pool_(&pool), session_(std::move(session)), era_(era) {}
    SessionPool* pool_;
    Session session_;
    std::uint64_t era_;
    bool sound_ = true;
  };

  /// Opens all sessions, to learn at the start whether the token allows them.
  [[nodiscard]] Result<void> fill();
  /// Waits for a session to come free, opens one if fewer than `size` are open; `deadline_passed`.
  [[nodiscard]] Result<Lease> lease(Deadline deadline);
  /// All sessions are gone with the login: what lies here is forgotten, what is lent out is
  /// forgotten when it comes back.
  void begin_new_era(CK_SLOT_ID slot);

 private:
  [[nodiscard]] bool has_room() const MINTMARK_REQUIRES(mutex_) {
    return !idle_.empty() || lent_ < std::min(size_, most_);
  }
  void tell_size() const MINTMARK_REQUIRES(mutex_);
  void give_back(Session session, std::uint64_t era, bool sound);

  const Module& module_;
  Vitals* const vitals_;
  const unsigned size_;
  Mutex mutex_;
  CK_SLOT_ID slot_ MINTMARK_GUARDED_BY(mutex_);
  /// Fewer than size_ for as long as the token allows no more.
  unsigned most_ MINTMARK_GUARDED_BY(mutex_);
  Condition came_back_;
  std::vector<Session> idle_ MINTMARK_GUARDED_BY(mutex_);
  unsigned lent_ MINTMARK_GUARDED_BY(mutex_) = 0;
  std::uint64_t era_ MINTMARK_GUARDED_BY(mutex_) = 0;
};

}  // namespace mintmark::hsm::pkcs11
