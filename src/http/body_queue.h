// Between whoever writes an answer that goes on and the connection that sends it.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "http/message.h"

namespace mintmark::http {

/// What was written and not sent yet. Thread-safe.
class BodyQueue {
 public:
  struct Shape {
    std::size_t limit = 0;  ///< Octets that may wait; what carries them is not counted.
    bool chunked = true;    ///< RFC 9112 §7.1; false: as they are, until the connection closes.
  };
  /// `wake` is called by the writing thread, under no lock, when there is something to take and the
  /// reading side was not woken since it last found nothing.
  BodyQueue(Shape shape, std::function<void()> wake) : shape_(shape), wake_(std::move(wake)) {}

  [[nodiscard]] BodyWriter::Written write(std::shared_ptr<const std::string> part)
      MINTMARK_EXCLUDES(mutex_);
  void end() MINTMARK_EXCLUDES(mutex_);

  /// For the connection. Puts all that waits into `out`, whose content was sent: it counts no more.
  /// False: there was nothing, and who writes next wakes.
  [[nodiscard]] bool take(std::string& out);
  /// Nothing more comes, and all of it was taken.
  [[nodiscard]] bool ended() const;
  /// From now on writers are told that the connection is gone. True: it was not before.
  bool close();

 private:
  /// True: to be woken.
  [[nodiscard]] bool has_news() MINTMARK_REQUIRES(mutex_);

  const Shape shape_;
  const std::function<void()> wake_;
  mutable Mutex mutex_;
  std::deque<std::shared_ptr<const std::string>> waiting_ MINTMARK_GUARDED_BY(mutex_);
  std::size_t octets_ MINTMARK_GUARDED_BY(mutex_) =
      0;  ///< Of what waits and of what is being sent.
  std::size_t sending_ MINTMARK_GUARDED_BY(mutex_) = 0;  ///< Of the latter.
  bool woken_ MINTMARK_GUARDED_BY(mutex_) = false;
  bool all_written_ MINTMARK_GUARDED_BY(mutex_) = false;
  bool all_taken_ MINTMARK_GUARDED_BY(mutex_) = false;
  bool gone_ MINTMARK_GUARDED_BY(mutex_) = false;
};

/// The writer's end. Dropped, it has ended.
class QueueWriter final : public BodyWriter {
 public:
  explicit QueueWriter(std::shared_ptr<BodyQueue> queue) : queue_(std::move(queue)) {}
  ~QueueWriter() override { queue_->end(); }
  Written write(std::shared_ptr<const std::string> part) override {
    return queue_->write(std::move(part));
  }
  void end() override { queue_->end(); }

 private:
  const std::shared_ptr<BodyQueue> queue_;
};

}  // namespace mintmark::http
