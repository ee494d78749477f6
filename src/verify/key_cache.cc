#include "verify/key_cache.h"

#include <algorithm>

#include "base/mutex.h"

namespace mintmark::verify {
namespace {

// As good as for ever, and far from where nanoseconds overflow.
constexpr std::chrono::seconds longest_span = std::chrono::hours{24 * 365 * 10};

KeyCacheLimits bounded(const KeyCacheLimits& given) {
  return {.grace = std::min(given.grace, longest_span),
          .longest = std::min(given.longest, longest_span),
          .pause = std::min(given.pause, longest_span)};
}

}  // namespace

KeyCache::KeyCache(std::unique_ptr<KeySource> source, KeyCacheLimits limits, std::string purpose)
    : source_(std::move(source)), limits_(bounded(limits)), purpose_(std::move(purpose)) {}

bool KeyCache::is_fresh(const Copy& copy, Moment now) { return now < copy.fresh_until; }

bool KeyCache::is_usable(const Copy& copy, Moment now) const {
  return now < copy.fresh_until + limits_.grace;
}

bool KeyCache::may_fetch(Moment now) const {
  return !fetched_last_ || now >= *fetched_last_ + limits_.pause;
}

// True if nothing is to be gained by asking the source now.
bool KeyCache::satisfies(const Wish& wish) const {
  const bool fresh = copy_ && is_fresh(*copy_, wish.now);
  if (fresh && copy_->epoch == wish.epoch && copy_->keys->find(wish.kid) != nullptr) return true;
  return !may_fetch(wish.now) && (fresh || trouble_.has_value());
}

KeyCache::Keys KeyCache::held(Moment now) const {
  if (copy_ && is_usable(*copy_, now)) return copy_->keys;
  if (trouble_) return tl::unexpected<Error>(*trouble_);
  return fail(Code::keys_unavailable, "the issuer's keys are not there yet");
}

KeyCache::Keys KeyCache::held_while_fetching(std::string_view kid, Moment now) const {
  auto keys = held(now);
  if (!keys || (*keys)->find(kid) != nullptr) return keys;
  return fail(Code::keys_unavailable,
              "the issuer is being asked for keys that it may have published since; try again");
}

// Also of a copy that is out of date: what is used after it can only be newer.
std::vector<std::string> KeyCache::held_kids() const {
  return copy_ ? copy_->keys->kids() : std::vector<std::string>();
}

Result<KeyCache::Copy> KeyCache::fetch(const std::vector<std::string>& held_kids,
                                       const Wish& wish) const {
  auto document = source_->fetch_holding(held_kids);
  if (!document) {
    return fail(code_named(name_of(document.error().refusal)), std::move(document.error().detail));
  }
  auto keys = KeySet::parse(document->jwks, purpose_);
  if (!keys) return pass_on(keys);
  const auto age = std::max(limits_.pause, std::min(document->max_age, limits_.longest));
  return Copy{std::make_shared<const KeySet>(std::move(*keys)), wish.now + age, wish.epoch};
}

Result<KeyCache::Copy> KeyCache::fetch_alone(const Wish& wish) {
  // Gives the turn up also when a source of the caller's throws.
  struct Turn {
    KeyCache& cache;
    Moment asked_at;
    ~Turn() {  // Under the lock again.
      cache.fetching_ = false;
      cache.fetched_last_ = asked_at;
      cache.fetched_.notify_all();
    }
  };
  const auto kids = held_kids();
  fetching_ = true;
  const Turn turn{*this, wish.now};
  const MutexUnlock meanwhile(mutex_);
  return fetch(kids, wish);
}

KeyCache::Keys KeyCache::holding(std::string_view kid, Moment now, std::uint64_t epoch) {
  const Wish wish{kid, now, epoch};
  const MutexLock lock(mutex_);
  while (!satisfies(wish)) {
    if (!fetching_) break;
    if (copy_ && is_usable(*copy_, now)) return held_while_fetching(kid, now);
    fetched_.wait(mutex_);
  }
  if (satisfies(wish)) return held(now);
  auto copy = fetch_alone(wish);
  if (copy) {
    copy_ = std::move(*copy);
    trouble_.reset();
  } else {
    trouble_ = std::move(copy.error());
  }
  return held(now);
}

}  // namespace mintmark::verify
