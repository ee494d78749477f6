#include "api/activation_limit.h"

#include <algorithm>

namespace mintmark::api {
namespace {

constexpr std::chrono::seconds window{60};

Error too_many(const std::string& whose, std::chrono::steady_clock::duration until) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(until).count();
  return {Code::activation_rate, "too many activations " + whose + " in this minute", 0,
          static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 1, window.count()))};
}

}  // namespace

ActivationLimit::ActivationLimit(unsigned per_minute)
    : per_minute_(per_minute), per_address_(std::max(1U, per_minute / 2)) {}

Result<void> ActivationLimit::take(const std::string& address, Clock::time_point now) {
  if (per_minute_ == 0)
    return tl::unexpected<Error>(Error{Code::activation_rate,
                                       "this issuer's operator allows no activations", 0,
                                       static_cast<std::uint32_t>(window.count())});
  const MutexLock lock(mutex_);
  while (!taken_.empty() && taken_.front().at + window <= now) taken_.pop_front();
  if (taken_.size() >= per_minute_)
    return tl::unexpected<Error>(too_many("here", taken_.front().at + window - now));
  const auto is_theirs = [&](const Taken& one) { return one.address == address; };
  if (std::count_if(taken_.begin(), taken_.end(), is_theirs) >= per_address_) {
    const auto first = std::find_if(taken_.begin(), taken_.end(), is_theirs);
    return tl::unexpected<Error>(too_many("from your address", first->at + window - now));
  }
  taken_.push_back({now, address});
  return {};
}

}  // namespace mintmark::api
