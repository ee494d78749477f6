// Push-based delivery (RFC 8935): each SET to its receiver, until it is taken.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"
#include "http/message.h"
#include "revoke/signals/set.h"
#include "revoke/signals/streams.h"

namespace mintmark::revoke::signals {

struct PushLimits {
  unsigned threads = 4;
  unsigned threads_of_service = 2;        ///< However many streams it has.
  std::size_t at_once = 16;               ///< SETs of one stream, then another one has its turn;
  std::chrono::milliseconds turn{1'000};  ///< sooner where the receiver is slow.
  std::chrono::milliseconds signature{6'000};
  std::chrono::milliseconds call{5'000};
  std::chrono::milliseconds first_retry{1'000};  ///< Doubled each time,
  std::chrono::milliseconds longest_retry{300'000};
  std::chrono::seconds give_up{std::chrono::hours(24)};  ///< Then the stream is paused.
};

/// POSTs a SET. A status is an answer; errors are those of http::Client. Of one thread.
using SendSet = std::function<Result<http::Response>(
    const std::string& url, const http::Headers& headers, const std::string& set, Deadline)>;

/// A few threads, each with connections of its own: a receiver that hangs holds up one of them for
/// one call at most, and then waits longer than before; one that is slow holds up no more than its
/// service's share of the threads. SETs of a stream go one after the other, in
/// order; one comes twice where an answer, or this process, was lost. Thread-safe.
class Pusher {
 public:
  /// Told of each SET that was taken (nullptr) or given up (`ssf_push_refused`), and of each call
  /// that failed (`ssf_push_failed`). Any thread.
  using Told = std::function<void(const Error* error)>;

  Pusher(Streams& streams, SignSet sign, std::function<SendSet()> make_send, Told told,
         PushLimits limits = {});
  ~Pusher();
  Pusher(const Pusher&) = delete;
  Pusher& operator=(const Pusher&) = delete;

  /// Something may wait at a stream. Never blocks.
  void wake();
  /// Ends the threads when their calls have come back; once.
  void end();

 private:
  using steady = std::chrono::steady_clock;
  struct Run {
    std::string service;
    bool ready = true;
    bool busy = false;
    steady::time_point due{};
    std::chrono::milliseconds retry{0};
    /// The one that was not taken, as it was signed.
    std::optional<std::pair<std::string, std::string>> signed_set;
  };
  /// What came of a turn.
  struct Turn {
    bool more = false;
    bool failed = false;
    std::chrono::milliseconds retry_after{0};
  };
  struct Delivery;

  void work();
  void look_for_streams() MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] std::set<std::string> services_at_their_limit() const MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] Run* next_run(std::string& id) MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] steady::time_point next_due() const MINTMARK_REQUIRES(mutex_);
  void settle(Run& run, const Turn& turn) const MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] Turn deliver(const std::string& id, Run& run, const SendSet& send);
  [[nodiscard]] Turn deliver_to(const PushTarget& target, const std::string& id, Run& run,
                                const SendSet& send);
  [[nodiscard]] Turn failed(const std::string& id, const PushTarget& target, const Error& error,
                            const SendSet& send);
  void give_up(const std::string& id, const PushTarget& target, const SendSet& send);
  [[nodiscard]] Result<std::string> signed_set(const PushTarget& target, const PlannedSet& set,
                                               Run* run);
  [[nodiscard]] Result<void> push(const PushTarget& target, const std::string& set,
                                  const SendSet& send);

  Streams& streams_;
  SignSet sign_;
  std::function<SendSet()> make_send_;
  Told told_;
  const PushLimits limits_;
  Mutex mutex_;
  Condition changed_;
  bool woken_ MINTMARK_GUARDED_BY(mutex_) = true;
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  steady::time_point looked_ MINTMARK_GUARDED_BY(mutex_){};
  std::map<std::string, Run> runs_ MINTMARK_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

/// What an answer to a push says: nothing: it was taken (202). `ssf_push_refused`: the receiver
/// will never take this SET (400 with an error code of RFC 8935 §2.4 that speaks of the SET).
/// `ssf_push_failed`, with retry_after where the receiver says so: try again.
[[nodiscard]] Result<void> judge_push(const Result<http::Response>& answer);

}  // namespace mintmark::revoke::signals
