#include "http/serving.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "http/session.h"

namespace mintmark::http {

Serving::Admission Serving::admit(const std::shared_ptr<Session>& session) {
  const std::lock_guard lock(mutex_);
  if (stopping()) return Admission::closed;
  const bool full = open_.size() >= limits.connections;
  if (full) turn_away();
  if (open_.size() >= limits.connections + limits.refused_connections) return Admission::closed;
  open_.insert(session);
  serving_.insert(session);
  return full ? Admission::refused : Admission::served;
}

void Serving::retire(const std::shared_ptr<Session>& session) {
  const std::lock_guard lock(mutex_);
  serving_.erase(session);
  call_if_drained();
}

void Serving::forget(const std::shared_ptr<Session>& session) {
  const std::lock_guard lock(mutex_);
  open_.erase(session);
  serving_.erase(session);
  call_if_drained();
}

void Serving::call_if_drained() {
  if (!drained_ || !serving_.empty()) return;
  boost::asio::post(io_, std::exchange(drained_, nullptr));
}

void Serving::stop(std::function<void()> drained) {
  const std::lock_guard lock(mutex_);
  if (stopping_.exchange(true, std::memory_order_acq_rel)) return;
  drained_ = std::move(drained);
  for (const auto& session : serving_) session->stop();
  call_if_drained();
}

void Serving::abandon() {
  Sessions left;
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true, std::memory_order_release);
    drained_ = nullptr;
    serving_.clear();
    left = std::exchange(open_, {});
  }
  for (const auto& session : left) session->abandon();
}

std::size_t Serving::open() const {
  const std::lock_guard lock(mutex_);
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
