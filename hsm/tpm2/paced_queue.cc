#include "hsm/tpm2/paced_queue.h"

#include <algorithm>
#include <string>
#include <utility>

namespace mintmark::hsm::tpm2 {
namespace {

constexpr int weight_of_the_past = 7;  // Of eight.

Error too_late() {
  return {Code::deadline_passed, "the deadline passed before the TPM's turn came"};
}

Error closing() { return {Code::hsm_unavailable, "the key store is being closed"}; }

Error full(const std::string& why, PacedQueue::Span until) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(until).count();
  return {Code::overloaded, why, 0,
          static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 1, 600))};
}

std::string milliseconds(PacedQueue::Span span) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(span).count()) + " ms";
}

}  // namespace

PacedQueue::PacedQueue(std::size_t bound, Span signature)
    : bound_(bound),
      spans_{{Operation::sign, signature}},
      watch_([this] { watch_deadlines(); }),
      owner_([this] { work(); }) {}

PacedQueue::~PacedQueue() {
  std::deque<Call> refused;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    refused.swap(waiting_);
  }
  called_.notify_all();
  changed_.notify_all();
  for (const Call& call : refused) call.refuse(closing());
  owner_.join();
  watch_.join();
}

PacedQueue::Span PacedQueue::signature() const {
  const MutexLock lock(mutex_);
  return expected(Operation::sign);
}

PacedQueue::Span PacedQueue::expected(Operation operation) const {
  const auto known = spans_.find(operation);
  return known == spans_.end() ? spans_.at(Operation::sign) : known->second;
}

PacedQueue::Span PacedQueue::time_to_wait() const {
  Span wait{};
  if (running_) {
    const Span left = expected(running_->operation) - (Clock::now() - running_->since);
    wait = std::max(left, Span::zero());
  }
  for (const Call& call : waiting_) wait += expected(call.operation);
  return wait;
}

std::optional<Error> PacedQueue::try_push(Call& call) {
  if (call.deadline.passed()) return too_late();
  const MutexLock lock(mutex_);
  if (ending_) return closing();
  const bool idle = !running_ && waiting_.empty();
  const Span wait = time_to_wait();
  if (waiting_.size() >= bound_)
    return full(std::to_string(bound_) + " calls wait for the TPM already", wait);
  if (call.yields && !waiting_.empty()) {
    Error behind = full("", wait);
    behind.code = Code::activation_behind_tokens;
    behind.detail = "the TPM has tokens to sign first";
    return behind;
  }
  const Span whole = wait + expected(call.operation);
  if (call.operation == Operation::sign && !idle && Clock::now() + whole > call.deadline.at()) {
    return full("a signature takes this TPM " + milliseconds(expected(Operation::sign)) +
                    " and this one would be done in " + milliseconds(whole) +
                    ", after its deadline",
                wait);
  }
  waiting_.push_back(std::move(call));
  return std::nullopt;
}

void PacedQueue::submit(Call call) {
  if (auto refusal = try_push(call)) return call.refuse(std::move(*refusal));
  called_.notify_one();
  changed_.notify_one();
}

void PacedQueue::work() {
  for (;;) {
    MutexLock lock(mutex_);
    while (!ending_ && waiting_.empty()) called_.wait(mutex_);
    if (waiting_.empty()) return;
    Call call = std::move(waiting_.front());
    waiting_.pop_front();
    running_ = {call.operation, Clock::now()};
    lock.unlock();
    run(call);
  }
}

void PacedQueue::run(Call& call) {
  const bool late = call.deadline.passed();
  if (late) {
    call.refuse(too_late());
  } else {
    call.run();
  }
  const MutexLock lock(mutex_);
  const Span took = Clock::now() - running_->since;
  running_.reset();
  if (late) return;
  const auto [span, first] = spans_.try_emplace(call.operation, took);
  if (!first) span->second = (span->second * weight_of_the_past + took) / (weight_of_the_past + 1);
}

std::deque<PacedQueue::Call> PacedQueue::take_late() {
  std::deque<Call> late;
  std::deque<Call> left;
  for (Call& call : waiting_) (call.deadline.passed() ? late : left).push_back(std::move(call));
  waiting_.swap(left);
  return late;
}

void PacedQueue::watch_deadlines() {
  MutexLock lock(mutex_);
  while (!ending_) {
    if (waiting_.empty()) {
      changed_.wait(mutex_);
      continue;
    }
    const auto earliest = std::min_element(
        waiting_.begin(), waiting_.end(),
        [](const Call& a, const Call& b) { return a.deadline.at() < b.deadline.at(); });
    if (!earliest->deadline.passed()) {
      const auto at = earliest->deadline.at();
      changed_.wait_until(mutex_, at);
      continue;
    }
    const std::deque<Call> late = take_late();
    lock.unlock();
    for (const Call& call : late) call.refuse(too_late());
    lock.lock();
  }
}

}  // namespace mintmark::hsm::tpm2
