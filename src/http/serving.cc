#include "http/serving.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "http/session.h"

namespace mintmark::http {
namespace {

/// How many beyond a share are given the time to read that they are.
constexpr std::size_t refused_of_share = 4;
constexpr std::chrono::seconds between_reports{10};

}  // namespace

Serving::Admission Serving::admit_to(const std::shared_ptr<Session>& session,
                                     const std::optional<ConnectionShare>& share) {
  const auto found = share ? open_of_share_.find(share->of) : open_of_share_.end();
  const std::size_t of_share = found == open_of_share_.end() ? 0 : found->second;
  const bool full = open_.size() >= limits.connections || (share && of_share >= share->most);
  if (full) turn_away();
  if (open_.size() >= limits.connections + limits.refused_connections ||
      (share && of_share >= share->most + refused_of_share))
    return Admission::closed;
  open_.emplace(session, share);
  if (share) ++open_of_share_[share->of];
  serving_.insert(session);
  return full ? Admission::refused : Admission::served;
}

Serving::Admission Serving::admit(const std::shared_ptr<Session>& session, const std::string& name,
                                  const LocalPeer* peer) {
  std::optional<ConnectionShare> share;
  if (limits.share_of) share = limits.share_of(peer);
  Admission admission = Admission::closed;
  {
    const MutexLock lock(mutex_);
    if (stopping()) return Admission::closed;
    admission = admit_to(session, share);
  }
  if (share && admission != Admission::served) report_turned_away(name);
  return admission;
}

// Whoever is turned away can come again at once: the log is not his to fill.
void Serving::report_turned_away(const std::string& name) {
  {
    const MutexLock lock(mutex_);
    const auto now = Time::now();
    if (told_ != Time::time_point{} && now < told_ + between_reports) return;
    told_ = now;
  }
  report("http_connections_turned_away",
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
  const auto found = open_.find(session);
  if (found != open_.end() && found->second) {
    const auto share = open_of_share_.find(found->second->of);
    if (--share->second == 0) open_of_share_.erase(share);
  }
  open_.erase(session);
  serving_.erase(session);
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
