// A shared_ptr that several threads read and replace.
#pragma once

#include <memory>
#include <utility>

#include "base/mutex.h"

namespace mintmark {

/// What std::atomic<std::shared_ptr<T>> is meant to be: in libstdc++ 12 a load gives its lock
/// back without release, so that it races with the store after it
/// (https://github.com/google/sanitizers/issues/1558). Thread-safe; who has loaded keeps what he
/// has. What is replaced is destroyed outside the lock.
template <typename T>
class AtomicShared {
 public:
  AtomicShared() = default;
  explicit AtomicShared(std::shared_ptr<T> first) : present_(std::move(first)) {}
  AtomicShared(const AtomicShared&) = delete;
  AtomicShared& operator=(const AtomicShared&) = delete;

  [[nodiscard]] std::shared_ptr<T> load() const {
    const MutexLock lock(mutex_);
    return present_;
  }
  void store(std::shared_ptr<T> next) {
    const MutexLock lock(mutex_);
    present_.swap(next);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<T> present_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark
