#include "issuer/minting_clock.h"

#include <string>

namespace mintmark::issuer {

void MintingClock::raise_mark(Moment mark) const {
  const std::int64_t wanted = to_unix(mark);
  std::int64_t present = mark_.load();
  while (present < wanted && !mark_.compare_exchange_weak(present, wanted)) {
  }
}

Result<Moment> MintingClock::minting_moment() const {
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
