// Poll-based delivery (RFC 8936): who asks gets what waits, or waits for it without a thread.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "revoke/signals/set.h"
#include "revoke/signals/streams.h"

namespace mintmark::revoke::signals {

struct PollLimits {
  std::size_t sets = 64;  ///< In one answer, whatever is asked for.
  std::chrono::milliseconds wait{30'000};
  std::size_t waiting_jobs = 256;
  std::size_t jobs_of_service = 32;  ///< Of those.
};

/// §2.4 of RFC 8936.
struct PollWish {
  Owner owner;
  std::string stream;
  std::size_t most = 0;      ///< 0: it only acknowledges.
  bool immediately = false;  ///< `returnImmediately`.
  std::vector<std::string> acknowledged;
  /// jti -> "err: description" of those that the receiver could not take: acknowledged too, since
  /// they would not be taken the next time either, and logged.
  std::map<std::string, std::string> errors;
};

struct PollAnswer {
  std::map<std::string, std::string> sets;  ///< jti -> compact JWS.
  bool more = false;
};

/// One thread of its own, which reads the log, waits for the disk and keeps the time of those who
/// wait; services take turns. Signatures are asked for and not waited for. Thread-safe.
class Polls {
 public:
  using Done = std::function<void(Result<PollAnswer>)>;

  Polls(Streams& streams, SignSet sign, PollLimits limits = {});
  /// Those who wait are answered with nothing.
  ~Polls();
  Polls(const Polls&) = delete;
  Polls& operator=(const Polls&) = delete;

  /// `done` is called once, from any thread. Of several who wait at one stream, the last one does,
  /// the others are answered. `ssf_stream_unknown`, `overloaded`; errors of the log, the store and
  /// the signer.
  void poll(PollWish wish, Done done);
  /// Other calls of a service that wait for the disk, in their turn. False: too many wait. One that
  /// throws is dropped.
  [[nodiscard]] bool run(const std::string& service, std::function<void()> job);
  /// Something may wait at a stream. Never blocks.
  void wake();
  /// Ends the thread; once.
  void end();

 private:
  struct Waiting {
    PollWish wish;
    std::vector<std::string> audience;
    Done done;
    std::chrono::steady_clock::time_point until;
  };
  struct Signing;
  using Job = std::function<void()>;

  void work();
  [[nodiscard]] Job next_job() MINTMARK_EXCLUDES(mutex_);
  [[nodiscard]] Job take_turn() MINTMARK_REQUIRES(mutex_);
  void look_again() MINTMARK_REQUIRES(mutex_);
  void begin(Waiting waiting);
  void attempt(Waiting waiting);
  void sign(const Waiting& waiting, Outbox outbox);
  void forget_signed(const std::string& stream);

  Streams& streams_;
  SignSet sign_;
  const PollLimits limits_;
  Mutex mutex_;
  Condition changed_;
  std::map<std::string, std::deque<Job>> jobs_
      MINTMARK_GUARDED_BY(mutex_);  ///< By service; none is empty.
  std::size_t jobs_waiting_ MINTMARK_GUARDED_BY(mutex_) = 0;
  std::string last_turn_ MINTMARK_GUARDED_BY(mutex_);  ///< Of this service was the last job.
  bool woken_ MINTMARK_GUARDED_BY(mutex_) = false;
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point looked_{};  ///< Of the thread alone, like what follows.
  std::map<std::string, Waiting> waiting_;          ///< By stream.
  /// By stream: what was signed and not yet acknowledged, so that it is signed once.
  struct Signed;
  std::shared_ptr<Signed> signed_;
  std::thread thread_;
};

}  // namespace mintmark::revoke::signals
