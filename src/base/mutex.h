// Locks that clang checks: which mutex guards a member, which function runs under it. They compile
// to the standard ones. Source: https://clang.llvm.org/docs/ThreadSafetyAnalysis.html; why and how:
// docs/adr/0038-locks-that-a-compiler-checks.md.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define MINTMARK_LOCK_ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#else
#define MINTMARK_LOCK_ATTRIBUTE(...)
#endif

/// Of a member: read and written under this mutex alone.
#define MINTMARK_GUARDED_BY(mutex) MINTMARK_LOCK_ATTRIBUTE(guarded_by(mutex))
/// Of a function, or of a lambda behind its parameters: called under these mutexes, and returns
/// under them.
#define MINTMARK_REQUIRES(...) MINTMARK_LOCK_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define MINTMARK_REQUIRES_SHARED(...) \
  MINTMARK_LOCK_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
/// Of a function that takes them itself, or calls others' code: its caller holds none of them.
#define MINTMARK_EXCLUDES(...) MINTMARK_LOCK_ATTRIBUTE(locks_excluded(__VA_ARGS__))
/// Of a mutex: taken before that one, where both are.
#define MINTMARK_BEFORE(...) MINTMARK_LOCK_ATTRIBUTE(acquired_before(__VA_ARGS__))

namespace mintmark {

/// std::mutex. Taken by a MutexLock; by lock() and unlock() only where a function leaves its
/// caller's lock for a while.
class MINTMARK_LOCK_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() MINTMARK_LOCK_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() MINTMARK_LOCK_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

/// Holds a Mutex for a scope, but for what stands between unlock() and lock(). One thread.
class MINTMARK_LOCK_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MINTMARK_LOCK_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() MINTMARK_LOCK_ATTRIBUTE(release_capability()) {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void unlock() MINTMARK_LOCK_ATTRIBUTE(release_capability()) {
    held_ = false;
    mutex_.unlock();
  }
  void lock() MINTMARK_LOCK_ATTRIBUTE(acquire_capability()) {
    mutex_.lock();
    held_ = true;
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

/// Leaves a Mutex for a scope, inside a function that is called under it.
class MINTMARK_LOCK_ATTRIBUTE(scoped_lockable) MutexUnlock {
 public:
  explicit MutexUnlock(Mutex& mutex) MINTMARK_LOCK_ATTRIBUTE(release_capability(mutex))
      : mutex_(mutex) {
    mutex_.unlock();
  }
  ~MutexUnlock() MINTMARK_LOCK_ATTRIBUTE(release_capability()) { mutex_.lock(); }
  MutexUnlock(const MutexUnlock&) = delete;
  MutexUnlock& operator=(const MutexUnlock&) = delete;

 private:
  Mutex& mutex_;
};

/// std::condition_variable. What is waited for stands in a loop around the wait, where clang sees
/// that it is read under the mutex: a predicate in a lambda it would judge by itself.
class Condition {
 public:
  Condition() = default;
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  /// Leaves the mutex and holds it again; returns after notify, or for no reason.
  void wait(Mutex& mutex) MINTMARK_REQUIRES(mutex) {
    std::unique_lock<std::mutex> held(mutex.mutex_, std::adopt_lock);
    changed_.wait(held);
    (void)held.release();
  }
  /// False: it is that late.
  template <typename Clock, typename Duration>
  bool wait_until(Mutex& mutex, const std::chrono::time_point<Clock, Duration>& until)
      MINTMARK_REQUIRES(mutex) {
    std::unique_lock<std::mutex> held(mutex.mutex_, std::adopt_lock);
    const auto status = changed_.wait_until(held, until);
    (void)held.release();
    return status == std::cv_status::no_timeout;
  }
  void notify_one() noexcept { changed_.notify_one(); }
  void notify_all() noexcept { changed_.notify_all(); }

 private:
  std::condition_variable changed_;
};

/// std::shared_mutex.
class MINTMARK_LOCK_ATTRIBUTE(capability("mutex")) SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  void lock() MINTMARK_LOCK_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  [[nodiscard]] bool try_lock() MINTMARK_LOCK_ATTRIBUTE(try_acquire_capability(true)) {
    return mutex_.try_lock();
  }
  void unlock() MINTMARK_LOCK_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  void lock_shared() MINTMARK_LOCK_ATTRIBUTE(acquire_shared_capability()) { mutex_.lock_shared(); }
  void unlock_shared() MINTMARK_LOCK_ATTRIBUTE(release_shared_capability()) {
    mutex_.unlock_shared();
  }

 private:
  std::shared_mutex mutex_;
};

/// Holds a SharedMutex alone, for a scope.
class MINTMARK_LOCK_ATTRIBUTE(scoped_lockable) WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) MINTMARK_LOCK_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  /// After a try_lock() that succeeded.
  WriterLock(SharedMutex& mutex, std::adopt_lock_t) MINTMARK_REQUIRES(mutex) : mutex_(mutex) {}
  ~WriterLock() MINTMARK_LOCK_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

/// Holds a SharedMutex beside other readers: for a scope, or until unlock().
class MINTMARK_LOCK_ATTRIBUTE(scoped_lockable) ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) MINTMARK_LOCK_ATTRIBUTE(acquire_shared_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock_shared();
  }
  ~ReaderLock() MINTMARK_LOCK_ATTRIBUTE(release_capability()) {
    if (held_) mutex_.unlock_shared();
  }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

  void unlock() MINTMARK_LOCK_ATTRIBUTE(release_capability()) {
    held_ = false;
    mutex_.unlock_shared();
  }

 private:
  SharedMutex& mutex_;
  bool held_ = true;
};

}  // namespace mintmark
