// A key store's answer, waited for.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>

#include "hsm/key_store.h"

namespace mintmark::test {

/// Hands out a `done` and gives its answer. A second call of the same `done` ends the process:
/// exactly once is the contract.
template <typename T>
class Answer {
 public:
  [[nodiscard]] hsm::Done<T> done() {
    return [state = state_](Result<T> result) {
      state->set_value(std::move(result));  // throws, uncaught, when called twice
    };
  }
  /// Throws if there is none within the time: a call that is never answered fails the test rather
  /// than hanging it.
  [[nodiscard]] Result<T> wait(std::chrono::seconds longest = std::chrono::seconds{60}) {
    if (future_.wait_for(longest) != std::future_status::ready) {
      throw std::runtime_error("the key store did not answer");
    }
    return future_.get();
  }

 private:
  std::shared_ptr<std::promise<Result<T>>> state_ = std::make_shared<std::promise<Result<T>>>();
  std::future<Result<T>> future_ = state_->get_future();
};

}  // namespace mintmark::test
