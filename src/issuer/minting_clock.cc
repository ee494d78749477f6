#include "issuer/minting_clock.h"

#include <algorithm>
#include <string>

namespace mintmark::issuer {

Moment MintingClock::now() const {
  const MutexLock lock(patience_mutex_);
  return patient_.now();
}

std::chrono::seconds MintingClock::doubted() const {
  const MutexLock lock(patience_mutex_);
  (void)patient_.now();
  return patient_.doubted();
}

std::chrono::seconds MintingClock::behind() const {
  return std::max(mark() - clock_.now(), std::chrono::seconds(0));
}

void MintingClock::raise_mark(Moment mark) const {
  const std::int64_t wanted = to_unix(mark);
  std::int64_t present = mark_.load();
  while (present < wanted && !mark_.compare_exchange_weak(present, wanted)) {
  }
}

void MintingClock::compare_with(Moment keepers) const {
  const MutexLock lock(patience_mutex_);
  if (patient_.now() > keepers + no_jump_) patient_.expect(keepers);
}

void MintingClock::accept_present() {
  {
    const MutexLock lock(patience_mutex_);
    patient_.believe();
  }
  mark_.store(to_unix(clock_.now()));
}

Result<Moment> MintingClock::minting_moment() const {
  if (const auto ahead = doubted(); ahead.count() > 0) {
    return fail(Code::clock_jumped, "this machine's clock jumped ahead by " +
                                        std::to_string(ahead.count()) +
                                        " s, which is not believed at once; set it right, or, if "
                                        "it was wrong before and is right now, mintctl "
                                        "clock accept");
  }
  const Moment now = clock_.now();
  const Moment mark = this->mark();
  if (now >= mark) {
    if (now > mark) raise_mark(now);
    return now;
  }
  if (mark - now <= tolerated) return mark;
  return fail(Code::clock_behind,
              "this machine's clock is " + std::to_string((mark - now).count()) +
                  " s behind the latest moment at which this issuer worked; set it right, or, if "
                  "it was wrong before and is right now, mintctl clock accept");
}

Result<void> MintingClock::check() const {
  const Result<Moment> moment = minting_moment();
  if (!moment) return tl::unexpected<Error>(moment.error());
  return {};
}

}  // namespace mintmark::issuer
