// What is known of all that was revoked, as services load it who missed something.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "revoke/frontiers.h"

namespace mintmark::revoke {

/// Made on a thread of its own, one at a time for everybody who asks meanwhile; never two within
/// `apart`, nor more than half of the time; and none while the last one says all there is. Thread-
/// safe.
class Snapshots {
 public:
  /// {"snapshot": TEXT, "frontier": JWS}; TEXT is JSON {"log", "seq", "revoked"}
  /// (verify::RevokedSet::to_json), and the frontier's `snapshot` is base64url of its SHA-256.
  using Answer = std::shared_ptr<const std::string>;
  using Done = std::function<void(const Result<Answer>&)>;

  explicit Snapshots(FrontierParts parts,
                     std::chrono::milliseconds apart = std::chrono::milliseconds{1000});
  ~Snapshots() { stop(); }
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  /// `done` is called once, from any thread, perhaps before this returns. Errors of SignEvent;
  /// `deadline_passed` where that says nothing; `internal`; `overloaded`, after stop().
  void get(Done done);
  /// From here on `parts` may end.
  void stop();

 private:
  using Steady = std::chrono::steady_clock;
  /// Shared with a signature that comes when nobody waits any more.
  struct Signature {
    Mutex mutex;
    Condition came;
    std::optional<Result<std::string>> frontier MINTMARK_GUARDED_BY(mutex);

    void take(Result<std::string> outcome);
  };

  struct Made {
    Answer answer;
    std::uint64_t seq = 0;
    Steady::time_point began = {};
  };

  [[nodiscard]] bool is_fresh() const MINTMARK_REQUIRES(mutex_);
  void work();
  [[nodiscard]] Result<Made> try_make();
  [[nodiscard]] Result<Made> make();
  [[nodiscard]] Result<std::string> sign(const Position& position, const std::string& text);

  const FrontierParts parts_;
  const std::chrono::milliseconds apart_;
  Mutex mutex_;
  Condition changed_;
  std::vector<Done> waiting_ MINTMARK_GUARDED_BY(mutex_);
  std::shared_ptr<Signature> signature_
      MINTMARK_GUARDED_BY(mutex_);  ///< Of the one that is being made.
  Made last_ MINTMARK_GUARDED_BY(mutex_);
  Steady::time_point began_ MINTMARK_GUARDED_BY(mutex_){};  ///< Whatever came of it.
  Steady::duration took_ MINTMARK_GUARDED_BY(mutex_){};
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::thread worker_;  // Last: it ends before what it works on.
};

}  // namespace mintmark::revoke
