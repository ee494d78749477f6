#include "hsm/pkcs11/work_queue.h"

#include <utility>

namespace mintmark::hsm::pkcs11 {
namespace {

Error too_late() {
  return {Code::deadline_passed, "the deadline passed before the token's turn came"};
}

Error closing() { return {Code::hsm_unavailable, "the key store is being closed"}; }

}  // namespace

WorkQueue::WorkQueue(unsigned workers, unsigned bound) : waiting_(bound) {
  for (unsigned i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

WorkQueue::~WorkQueue() {
  std::deque<Call> refused;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    refused = waiting_.take([](const Call& /*call*/) { return true; });
  }
  changed_.notify_all();
  for (const Call& call : refused) call.refuse(closing());
  for (std::thread& worker : workers_) worker.join();
}

std::optional<Error> WorkQueue::try_push(Call& call) {
  if (call.deadline.passed()) return too_late();
  const MutexLock lock(mutex_);
  if (ending_) return closing();
  const Lane lane = call.lane;
  if (waiting_.full(lane)) {
    return Error{Code::overloaded, std::to_string(waiting_.bound(lane)) +
                                       " calls of its kind wait for the token already"};
  }
  waiting_.push(lane, std::move(call));
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
    const std::deque<Call> late =
        waiting_.take_first([](const Call& call) { return call.deadline.passed(); });
    std::optional<Call> next;
    if (!waiting_.empty()) next = waiting_.pop();
    lock.unlock();
    for (const Call& call : late) call.refuse(too_late());
    if (next) next->run();
  }
}

}  // namespace mintmark::hsm::pkcs11
