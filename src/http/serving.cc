#include "http/serving.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <new>
#include <utility>

#include "http/session.h"

namespace mintmark::http {
namespace {

/// How many beyond a share are given the time to read that they are.
constexpr std::size_t refused_of_share = 4;
constexpr std::chrono::seconds between_reports{10};
/// Of all that are open, so many at once give way: looking through them is shared by as many new
/// ones.
constexpr std::size_t part_that_gives_way = 64;

}  // namespace

std::size_t Serving::of_share(const std::optional<ConnectionShare>& share) const {
  const auto found = share ? open_of_share_.find(share->of) : open_of_share_.end();
  return found == open_of_share_.end() ? 0 : found->second;
}

bool Serving::is_full(const std::optional<ConnectionShare>& share) const {
  return open_.size() >= limits.connections || (share && of_share(share) >= share->most);
}

void Serving::enter(const std::shared_ptr<Session>& session,
                    const std::optional<ConnectionShare>& share) {
  try {
    std::size_t* const count = share ? &open_of_share_[share->of] : nullptr;
    serving_.insert(session);
    open_.emplace(session, share);
    if (count != nullptr) ++*count;
  } catch (const std::bad_alloc&) {
    serving_.erase(session);
    if (share && of_share(share) == 0) open_of_share_.erase(share->of);
    throw;
  }
}

void Serving::leave(Open::iterator one) {
  const auto share = one->second ? open_of_share_.find(one->second->of) : open_of_share_.end();
  if (share != open_of_share_.end() && --share->second == 0) open_of_share_.erase(share);
  serving_.erase(one->first);
  open_.erase(one);
}

Serving::Closed::~Closed() {
  for (const auto& session : sessions) {
    try {
      session->abandon();
    } catch (const std::bad_alloc&) {
      // Its deadline ends it, and it counts no more.
    }
  }
}

void Serving::take_longest_waiting(const ConnectionShare* of, Closed& closed) {
  const auto gives_way = limits.gives_way;
  if (gives_way == GivesWay::nobody) return;
  const auto now = Time::now();
  std::vector<std::pair<Session::Standing, Open::iterator>> all;
  for (auto one = open_.begin(); one != open_.end(); ++one) {
    if (of != nullptr && (!one->second || one->second->of != of->of)) continue;
    const auto standing = one->first->standing();
    if (standing.may_give_way(gives_way, now)) all.emplace_back(standing, one);
  }
  const auto most = std::max<std::size_t>(
      (of != nullptr ? of->most : limits.connections) / part_that_gives_way, 1);
  const std::size_t count = std::min(most, all.size());
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
  closed.sessions.reserve(all.size());  // From here on nothing wants memory.
  for (const auto& [standing, one] : all) {
    if (!one->first->give_way(standing)) continue;  // Its request is whole since.
    closed.sessions.push_back(one->first);
    leave(one);
  }
  gave_way_.fetch_add(closed.sessions.size(), std::memory_order_relaxed);
}

bool Serving::make_room() {
  Closed closed;
  const MutexLock lock(mutex_);
  take_longest_waiting(nullptr, closed);
  return !closed.sessions.empty();
}

Serving::Admission Serving::admit_to(const std::shared_ptr<Session>& session,
                                     const std::optional<ConnectionShare>& share, Closed& closed) {
  if (is_full(share)) {
    const bool share_is = share && of_share(share) >= share->most;
    take_longest_waiting(share_is ? &*share : nullptr, closed);
  }
  const bool full = is_full(share);
  if (full) turn_away();
  if (open_.size() >= limits.connections + limits.refused_connections ||
      (share && of_share(share) >= share->most + refused_of_share))
    return Admission::closed;
  enter(session, share);
  return full ? Admission::refused : Admission::served;
}

Serving::Admission Serving::admit(const std::shared_ptr<Session>& session, const std::string& name,
                                  const LocalPeer* peer) {
  std::optional<ConnectionShare> share;
  if (limits.share_of) share = limits.share_of(name, peer);
  Admission admission = Admission::closed;
  Closed closed;
  {
    const MutexLock lock(mutex_);
    if (stopping()) return Admission::closed;
    admission = admit_to(session, share, closed);
  }
  if (share && admission != Admission::served) report_turned_away(name);
  return admission;
}

// Whoever is turned away can come again at once: the log is not his to fill.
void Serving::report_seldom(std::string_view event, const Error& error) {
  {
    const MutexLock lock(mutex_);
    const auto told = std::find_if(told_.begin(), told_.end() - 1, [&](const Told& one) {
      return one.event.empty() || one.event == event;
    });
    const auto now = Time::now();
    if (told->event == event && now < told->at + between_reports) return;
    *told = {event, now};
  }
  report(event, error);
}

void Serving::accept_failed(const Error& why) {
  failed_accepts_.fetch_add(1, std::memory_order_relaxed);
  report_seldom("http_accept_failed", why);
}

void Serving::report_turned_away(const std::string& name) {
  report_seldom("http_connections_turned_away",
                {Code::http_too_many_connections,
                 name + " has as many connections as it may have, or all together are as many; " +
                     std::to_string(turned_away()) + " were turned away since the start",
                 0});
}

void Serving::retire(const std::shared_ptr<Session>& session) {
  const MutexLock lock(mutex_);
  serving_.erase(session);
  call_if_drained();
}

void Serving::forget(const std::shared_ptr<Session>& session) {
  const MutexLock lock(mutex_);
  if (const auto found = open_.find(session); found != open_.end()) leave(found);
  call_if_drained();
}

void Serving::call_if_drained() {
  if (!drained_ || !serving_.empty()) return;
  boost::asio::post(io_, std::exchange(drained_, nullptr));
}

void Serving::stop(std::function<void()> drained) {
  const MutexLock lock(mutex_);
  if (stopping_.exchange(true, std::memory_order_acq_rel)) return;
  drained_ = std::move(drained);
  for (const auto& session : serving_) session->stop();
  call_if_drained();
}

void Serving::abandon() {
  Open left;
  {
    const MutexLock lock(mutex_);
    stopping_.store(true, std::memory_order_release);
    drained_ = nullptr;
    serving_.clear();
    open_of_share_.clear();
    left = std::exchange(open_, {});
  }
  for (const auto& [session, share] : left) session->abandon();
}

std::size_t Serving::open() const {
  const MutexLock lock(mutex_);
  return open_.size();
}

void Serving::report(std::string_view event, const Error& error) const noexcept {
  if (!report_to) return;
  try {
    report_to(event, error);
  } catch (...) {
    // A log that fails must not end what it tells about.
  }
}

}  // namespace mintmark::http
