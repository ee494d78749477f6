#include "hsm/pkcs11/work_queue.h"

#include <optional>
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
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    refused.swap(waiting_);
  }
  changed_.notify_all();
  for (const Call& call : refused) call.refuse(closing());
  for (std::thread& worker : workers_) worker.join();
}

void WorkQueue::submit(Call call) {
  if (call.deadline.passed()) return call.refuse(too_late());
  std::optional<Error> refusal;
  {
    const std::scoped_lock lock(mutex_);
    if (ending_) {
      refusal = closing();
    } else if (waiting_.size() >= bound_) {
      refusal =
          Error{Code::overloaded, std::to_string(bound_) + " calls wait for the token already"};
    } else {
      waiting_.push_back(std::move(call));
    }
  }
  if (refusal) return call.refuse(std::move(*refusal));
  changed_.notify_one();
}

void WorkQueue::work() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
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
