// What is known of all that was revoked, as services load it who missed something.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "revoke/frontiers.h"

namespace mintmark::revoke {

/// Made at most once in `apart`, for everybody who asks meanwhile. Thread-safe.
class Snapshots {
 public:
  /// {"snapshot": TEXT, "frontier": JWS}; TEXT is JSON {"log", "seq", "revoked"}
  /// (verify::RevokedSet::to_json), and the frontier's `snapshot` is base64url of its SHA-256.
  using Answer = std::shared_ptr<const std::string>;
  using Done = std::function<void(const Result<Answer>&)>;

  explicit Snapshots(FrontierParts parts,
                     std::chrono::milliseconds apart = std::chrono::milliseconds{1000});

  /// `done` is called once, from any thread, perhaps before this returns. Errors of SignEvent.
  void get(Done done);

 private:
  struct State;
  const FrontierParts parts_;
  const std::chrono::milliseconds apart_;
  /// Shared with signatures that come when nobody waits any more.
  const std::shared_ptr<State> state_;
};

}  // namespace mintmark::revoke
