// Where a signed token leaves: so that one who took something back can wait until nothing decided
// before can leave any more.
#pragma once

#include <cstdint>
#include <map>

#include "base/mutex.h"

namespace mintmark::issuer {

/// Whoever releases a token enters, looks once more whether what it was decided by still stands,
/// hands the token over, and leaves. Whoever changes what tokens are decided by makes the change
/// first and then waits: those inside may not have seen it, all later ones do. Thread-safe. Never
/// wait inside.
class ReleaseGate {
 public:
  /// Inside, as long as it lives.
  class Passage {
   public:
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;
    ~Passage();

   private:
    friend class ReleaseGate;
    Passage(ReleaseGate& gate, std::uint64_t generation) : gate_(gate), generation_(generation) {}
    ReleaseGate& gate_;
    std::uint64_t generation_;
  };

  [[nodiscard]] Passage enter();
  /// Returns when all who are inside now have left.
  void wait_for_those_inside() MINTMARK_EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  Condition left_;
  std::uint64_t generation_ MINTMARK_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, unsigned> inside_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::issuer
