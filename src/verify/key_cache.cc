#include "verify/key_cache.h"

#include <algorithm>

namespace mintmark::verify {

KeyCache::KeyCache(std::unique_ptr<KeySource> source, KeyCacheLimits limits)
    : source_(std::move(source)), limits_(limits) {}

// A clock that was set back says nothing about the copy's age.
bool KeyCache::is_fresh(const Copy& copy, Moment now) {
  return copy.fetched_at <= now && now < copy.fresh_until;
}

bool KeyCache::is_usable(const Copy& copy, Moment now) const {
  return copy.fetched_at <= now && now < copy.fresh_until + limits_.grace;
}

bool KeyCache::may_fetch(Moment now) const {
  return !fetched_last_ || now < *fetched_last_ || now >= *fetched_last_ + limits_.pause;
}

Result<std::shared_ptr<const KeySet>> KeyCache::held(Moment now) const {
  const std::lock_guard lock(mutex_);
  if (copy_ && is_usable(*copy_, now)) return copy_->keys;
  if (trouble_) return tl::unexpected<Error>(*trouble_);
  return fail(Code::keys_unavailable, "the issuer's keys are not there yet");
}

// True if nothing is to be gained by asking the source now.
bool KeyCache::satisfies(std::string_view kid, Moment now) const {
  const std::lock_guard lock(mutex_);
  const bool fresh = copy_ && is_fresh(*copy_, now);
  if (fresh && copy_->keys->find(kid) != nullptr) return true;
  return !may_fetch(now) && (fresh || trouble_.has_value());
}

Result<KeyCache::Copy> KeyCache::fetch(Moment now) const {
  auto document = source_->fetch();
  if (!document) {
    return fail(code_named(name_of(document.error().refusal)), std::move(document.error().detail));
  }
  auto keys = KeySet::parse(document->jwks);
  if (!keys) return pass_on(keys);
  const auto age = std::max(limits_.pause, std::min(document->max_age, limits_.longest));
  return Copy{std::make_shared<const KeySet>(std::move(*keys)), now, now + age};
}

Result<std::shared_ptr<const KeySet>> KeyCache::holding(std::string_view kid, Moment now) {
  if (satisfies(kid, now)) return held(now);
  std::unique_lock fetching(fetching_, std::try_to_lock);
  if (!fetching) {
    if (auto keys = held(now); keys && (*keys)->find(kid) != nullptr) return keys;
    fetching.lock();
    if (satisfies(kid, now)) return held(now);
  }
  auto copy = fetch(now);
  {
    const std::lock_guard lock(mutex_);
    fetched_last_ = now;
    trouble_.reset();
    if (copy)
      copy_ = *copy;
    else
      trouble_ = copy.error();
  }
  return held(now);
}

}  // namespace mintmark::verify
