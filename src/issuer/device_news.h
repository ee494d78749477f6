// What changes of devices mean to services, and that they are told of each
// (docs/shared-signals.md).
#pragma once

#include <chrono>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/mutex.h"
#include "revoke/event_log.h"
#include "store/store.h"

namespace mintmark::issuer {

/// As entries of the event log: {"type": "compliance", "sub", "compliant", "by"} where it may have
/// tokens now and might not before, or the other way; {"type": "claims", "sub", "claims", "by"}
/// where it may have them as before and they say other things. Pure.
[[nodiscard]] std::vector<Json> news_of(const store::DeviceChange& change);

/// Takes from the store what changed, into the event log, then out of the store: in order, each at
/// least once, wherever the process or the power ends in between; twice after such an end. Where
/// the disk fails it tries again. Works on a thread of its own from beginning to end.
class DeviceNews {
 public:
  static constexpr std::chrono::milliseconds usual_pause{1000};

  /// What was left from before is told at once, and from now on the store keeps news. Both must
  /// outlive it. `pause`: after a failure.
  DeviceNews(store::DeviceStore& store, revoke::EventLog& events,
             std::chrono::milliseconds pause = usual_pause);
  /// Waits for what is being written.
  ~DeviceNews();
  DeviceNews(const DeviceNews&) = delete;
  DeviceNews& operator=(const DeviceNews&) = delete;

  /// There may be something new. Never blocks.
  void look();

 private:
  void work();
  /// True: there may be more.
  [[nodiscard]] Result<bool> tell_some();

  store::DeviceStore& store_;
  revoke::EventLog& events_;
  const std::chrono::milliseconds pause_;
  Mutex mutex_;
  Condition changed_;
  bool may_be_more_ MINTMARK_GUARDED_BY(mutex_) = true;
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::thread worker_;  // Last: it ends before what it works on.
};

}  // namespace mintmark::issuer
