#include "agent/serve/workers.h"

#include <algorithm>
#include <utility>

namespace mintmark::agent::serve {
namespace {

Error come_back(Code code, const char* why) {
  Error error{code, why};
  error.retry_after = 1;
  return error;
}

std::size_t half_of(std::size_t all) { return std::max<std::size_t>(all / 2, 1); }

}  // namespace

Workers::Workers(unsigned threads, unsigned waiting, std::chrono::milliseconds patience)
    : places_(threads + waiting), threads_of_one_(half_of(threads)), patience_(patience) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work(i); });
  threads_.emplace_back([this] { watch(); });
}

Workers::~Workers() {
  stop();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::stop() {
  std::vector<Waiting> left;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    left = overdue(Time::time_point::max());
  }
  changed_.notify_all();
  for (const Waiting& one : left)
    one.job.shed(come_back(Code::unavailable, "this agent is stopping"));
}

Result<void> Workers::submit(uid_t user, Job job) {
  const MutexLock lock(mutex_);
  if (stopping_)
    return tl::unexpected<Error>(come_back(Code::unavailable, "this agent is stopping"));
  if (all_held_ >= places_) {
    return tl::unexpected<Error>(
        come_back(Code::overloaded, "too many requests wait at this agent; come back"));
  }
  User& own = users_[user];
  if (own.line.size() + own.running >= half_of(places_)) {
    return tl::unexpected<Error>(come_back(
        Code::overloaded, "too many requests of this user wait at this agent; come back"));
  }
  ++all_held_;
  own.line.push_back({Time::now() + patience_, std::move(job)});
  changed_.notify_all();
  return {};
}

// Of those who wait and have a thread to spare: whose last turn was longest ago.
Workers::Users::iterator Workers::next_turn() {
  auto next = users_.end();
  for (auto one = users_.begin(); one != users_.end(); ++one) {
    const User& user = one->second;
    if (user.line.empty() || user.running >= threads_of_one_) continue;
    if (next == users_.end() || user.served < next->second.served) next = one;
  }
  return next;
}

void Workers::work(unsigned worker) {
  MutexLock lock(mutex_);
  while (true) {
    auto turn = next_turn();
    while (!stopping_ && turn == users_.end()) {
      changed_.wait(mutex_);
      turn = next_turn();
    }
    if (turn == users_.end()) return;
    const uid_t user = turn->first;
    User& own = turn->second;
    Job job = std::move(own.line.front().job);
    own.line.pop_front();
    ++own.running;
    own.served = ++turns_;
    lock.unlock();
    job.work(worker);
    job = {};
    lock.lock();
    --all_held_;
    if (--own.running == 0 && own.line.empty()) users_.erase(user);
    changed_.notify_all();
  }
}

std::vector<Workers::Waiting> Workers::overdue(Time::time_point now) {
  std::vector<Waiting> all;
  for (auto& [user, own] : users_) {
    while (!own.line.empty() && own.line.front().until <= now) {
      all.push_back(std::move(own.line.front()));
      own.line.pop_front();
    }
  }
  all_held_ -= all.size();
  std::erase_if(users_,
                [](const auto& one) { return one.second.line.empty() && one.second.running == 0; });
  return all;
}

Workers::Time::time_point Workers::first_deadline() const {
  auto first = Time::time_point::max();
  for (const auto& [user, own] : users_) {
    if (!own.line.empty()) first = std::min(first, own.line.front().until);
  }
  return first;
}

void Workers::watch() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    const auto first = first_deadline();
    if (first == Time::time_point::max())
      changed_.wait(mutex_);
    else
      changed_.wait_until(mutex_, first);
    const auto late = overdue(Time::now());
    if (late.empty()) continue;
    lock.unlock();
    for (const Waiting& one : late)
      one.job.shed(come_back(Code::overloaded, "no thread of this agent was free in time"));
    lock.lock();
  }
}

}  // namespace mintmark::agent::serve
