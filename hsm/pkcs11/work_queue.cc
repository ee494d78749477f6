#include "hsm/pkcs11/work_queue.h"

#include <utility>

namespace mintmark::hsm::pkcs11 {
namespace {

Error too_late() {
  return {Code::deadline_passed, "the deadline passed before the token's turn came"};
}

Error closing() { return {Code::hsm_unavailable, "the key store is being closed"}; }

}  // namespace

WorkQueue::WorkQueue(unsigned workers, unsigned bound) : bound_(bound) {
  for (unsigned i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

WorkQueue::~WorkQueue() {
  std::deque<Call> refused;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    refused.swap(waiting_);
  }
  changed_.notify_all();
  for (const Call& call : refused) call.refuse(closing());
  for (std::thread& worker : workers_) worker.join();
}

std::optional<Error> WorkQueue::try_push(Call& call) {
  if (call.deadline.passed()) return too_late();
  const MutexLock lock(mutex_);
  if (ending_) return closing();
  if (waiting_.size() >= bound_) {
    return Error{Code::overloaded, std::to_string(bound_) + " calls wait for the token already"};
  }
  waiting_.push_back(std::move(call));
  return std::nullopt;
}

void WorkQueue::submit(Call call) {
  if (auto refusal = try_push(call)) return call.refuse(std::move(*refusal));
  changed_.notify_one();
}

void WorkQueue::work() {
  for (;;) {
    MutexLock lock(mutex_);
    while (!ending_ && waiting_.empty()) changed_.wait(mutex_);
    if (waiting_.empty()) return;
    const Call call = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    if (call.deadline.passed()) {
      call.refuse(too_late());
    } else {
      call.run();
    }
  }
}

}  // namespace mintmark::hsm::pkcs11
