#include "revoke/live_tokens.h"

#include <algorithm>
#include <thread>

namespace mintmark::revoke {
namespace {

/// So few at a time that tokens hardly wait for what is forgotten.
constexpr std::size_t forgotten_at_a_time = 1000;

}  // namespace

void LiveTokens::put(audit::Issued token) {
  const MutexLock lock(mutex_);
  if (by_jti_.contains(std::string_view(token.jti))) return;
  auto& device = *by_device_.try_emplace(std::move(token.device)).first;
  auto& terms =
      *terms_.try_emplace({std::move(token.audience), std::move(token.kid), std::move(token.rule)})
           .first;
  ++terms.second;
  token.jti.shrink_to_fit();
  const Kept* kept =
      &*by_jti_
            .insert(Kept{std::move(token.jti), &device, &terms.first, token.issued_at,
                         token.expires_at, token.list, token.index, token.ends_with_evidence,
                         static_cast<std::uint32_t>(device.second.size())})
            .first;
  device.second.push_back(kept);
  by_end_[kept->expires_at].push_back(kept);
}

void LiveTokens::read(const Kept& kept, audit::Issued& into) {
  into.jti = kept.jti;
  into.device = kept.device->first;
  into.audience = kept.terms->audience;
  into.kid = kept.terms->kid;
  into.rule = kept.terms->rule;
  into.issued_at = kept.issued_at;
  into.expires_at = kept.expires_at;
  into.list = kept.list;
  into.index = kept.index;
  into.ends_with_evidence = kept.ends_with_evidence;
}

LiveTokens::Entry LiveTokens::entry_of(const Kept& kept) {
  auto entry = std::make_shared<audit::Issued>();
  read(kept, *entry);
  return entry;
}

LiveTokens::Entry LiveTokens::find(std::string_view jti) const {
  const MutexLock lock(mutex_);
  const auto found = by_jti_.find(jti);
  return found == by_jti_.end() ? nullptr : entry_of(*found);
}

std::vector<LiveTokens::Entry> LiveTokens::of_device(const std::string& device) const {
  const MutexLock lock(mutex_);
  std::vector<Entry> entries;
  const auto found = by_device_.find(device);
  if (found == by_device_.end()) return entries;
  entries.reserve(found->second.size());
  for (const Kept* kept : found->second) entries.push_back(entry_of(*kept));
  return entries;
}

std::vector<LiveTokens::Entry> LiveTokens::all(
    const std::function<bool(const audit::Issued&)>& wanted) const {
  const MutexLock lock(mutex_);
  std::vector<Entry> entries;
  audit::Issued looked_at;  // One for all: its strings keep their room.
  for (const Kept& kept : by_jti_) {
    read(kept, looked_at);
    if (wanted(looked_at)) entries.push_back(std::make_shared<const audit::Issued>(looked_at));
  }
  return entries;
}

void LiveTokens::drop(const Kept* kept) {
  // The last takes its place: a device that has very many costs no more than another.
  auto& of_device = kept->device->second;
  of_device.back()->place = kept->place;
  of_device.at(kept->place) = of_device.back();
  of_device.pop_back();
  if (of_device.empty()) by_device_.erase(kept->device->first);
  const auto terms = terms_.find(*kept->terms);
  if (--terms->second == 0) terms_.erase(terms);
  by_jti_.erase(by_jti_.find(std::string_view(kept->jti)));
}

void LiveTokens::forget(Moment now) {
  while (forget_some(now)) std::this_thread::yield();
}

bool LiveTokens::forget_some(Moment now) {
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < forgotten_at_a_time; ++i) {
    if (by_end_.empty() || by_end_.begin()->first >= now) return false;
    auto& ended = by_end_.begin()->second;
    drop(ended.back());
    ended.pop_back();
    if (ended.empty()) by_end_.erase(by_end_.begin());
  }
  return true;
}

void LiveTokens::remove(std::string_view jti) {
  const MutexLock lock(mutex_);
  const auto found = by_jti_.find(jti);
  if (found == by_jti_.end()) return;
  const auto at = by_end_.find(found->expires_at);
  auto& ending = at->second;
  // What does not leave was put a moment ago.
  const auto place = std::find(ending.rbegin(), ending.rend(), &*found);
  *place = ending.back();
  ending.pop_back();
  if (ending.empty()) by_end_.erase(at);
  drop(&*found);
}

bool LiveTokens::knows_key(std::string_view kid) const {
  const MutexLock lock(mutex_);
  return std::any_of(terms_.begin(), terms_.end(),
                     [&](const auto& terms) { return terms.first.kid == kid; });
}

std::size_t LiveTokens::size() const {
  const MutexLock lock(mutex_);
  return by_jti_.size();
}

}  // namespace mintmark::revoke
