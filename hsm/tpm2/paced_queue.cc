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
    : waiting_(bound),
      spans_{{Operation::sign, signature}},
      watch_([this] { watch_deadlines(); }),
      owner_([this] { work(); }) {}

PacedQueue::~PacedQueue() {
  std::deque<Call> refused;
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    refused = waiting_.take([](const Call& /*call*/) { return true; });
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

PacedQueue::Span PacedQueue::time_of(Lane lane, std::size_t most) const {
  Span time{};
  for (const Call& call : waiting_.of(lane)) {
    if (most-- == 0) break;
    time += expected(call.operation);
  }
  return time;
}

PacedQueue::Span PacedQueue::time_to_wait(Lane lane) const {
  Span wait{};
  if (running_) {
    const Span left = expected(running_->operation) - (Clock::now() - running_->since);
    wait = std::max(left, Span::zero());
  }
  constexpr std::size_t in_a_row = Lanes<Call>::in_a_row;
  const std::size_t tokens = waiting_.of(Lane::tokens).size();
  const std::size_t others = waiting_.of(Lane::others).size();
  if (lane == Lane::tokens)
    return wait + time_of(lane, tokens) + time_of(Lane::others, (tokens + in_a_row) / in_a_row);
  return wait + time_of(lane, others) + time_of(Lane::tokens, (others + 1) * in_a_row);
}

std::optional<Error> PacedQueue::try_push(Call& call) {
  if (call.deadline.passed()) return too_late();
  const MutexLock lock(mutex_);
  if (ending_) return closing();
  const bool idle = !running_ && waiting_.empty();
  const Span wait = time_to_wait(call.lane);
  if (waiting_.full(call.lane))
    return full(
        std::to_string(waiting_.bound(call.lane)) + " calls of its kind wait for the TPM already",
        wait);
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
  const Lane lane = call.lane;
  waiting_.push(lane, std::move(call));
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
    Call call = waiting_.pop();
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
  return waiting_.take([](const Call& call) { return call.deadline.passed(); });
}

PacedQueue::Clock::time_point PacedQueue::earliest_deadline() const {
  auto earliest = Clock::time_point::max();
  for (const Lane lane : {Lane::tokens, Lane::others}) {
    for (const Call& call : waiting_.of(lane)) earliest = std::min(earliest, call.deadline.at());
  }
  return earliest;
}

void PacedQueue::watch_deadlines() {
  MutexLock lock(mutex_);
  while (!ending_) {
    if (waiting_.empty()) {
      changed_.wait(mutex_);
      continue;
    }
    const auto at = earliest_deadline();
    if (at > Clock::now()) {
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
