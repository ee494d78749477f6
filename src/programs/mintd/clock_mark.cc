#include "programs/mintd/clock_mark.h"

#include <algorithm>

namespace mintmark::mintd {

Result<void> ClockMark::load() {
  const auto mark = states_.clock_mark();
  if (!mark) return tl::unexpected<Error>(mark.error());
  mark_ = written_ = *mark;
  return {};
}

Result<void> ClockMark::tick() {
  mark_ = std::max(mark_, patient_.now());
  if (mark_ - written_ < written_every) return {};
  if (auto written = states_.set_clock_mark(mark_); !written) return written;
  written_ = mark_;
  return {};
}

Result<void> ClockMark::accept_present() {
  const Moment now = clock_.now();
  auto records = states_.list();
  if (!records) return pass_on(records);
  for (store::KeyRecord& record : *records) {
    for (Moment& moment : record.since) moment = std::min(moment, now);
    record.rotation_asked_at = std::min(record.rotation_asked_at, now);
  }
  if (auto written = states_.put(*records); !written) return written;
  if (auto written = states_.set_clock_mark(now); !written) return written;
  patient_.believe();
  mark_ = written_ = now;
  return {};
}

std::chrono::seconds ClockMark::behind() const {
  return std::max(mark_ - clock_.now(), std::chrono::seconds(0));
}

}  // namespace mintmark::mintd
