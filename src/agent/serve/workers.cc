#include "agent/serve/workers.h"

#include <algorithm>

namespace mintmark::agent::serve {
namespace {

tl::unexpected<Error> overloaded(const char* why) {
  Error error{Code::overloaded, why};
  error.retry_after = 1;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace

Workers::Workers(unsigned threads, unsigned waiting) : places_(threads + waiting) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work(i); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Result<void> Workers::submit(uid_t user, Job job) {
  const std::lock_guard lock(mutex_);
  if (all_held_ >= places_) return overloaded("too many requests wait at this agent; come back");
  std::size_t& own = held_[user];
  if (own >= std::max<std::size_t>(places_ / 2, 1))
    return overloaded("too many requests of this user wait at this agent; come back");
  ++own;
  ++all_held_;
  line_.push_back({user, std::move(job)});
  changed_.notify_one();
  return {};
}

void Workers::work(unsigned worker) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !line_.empty(); });
    if (line_.empty()) return;
    Waiting next = std::move(line_.front());
    line_.pop_front();
    lock.unlock();
    next.job(worker);
    next.job = nullptr;
    lock.lock();
    --all_held_;
    if (--held_[next.user] == 0) held_.erase(next.user);
  }
}

}  // namespace mintmark::agent::serve
