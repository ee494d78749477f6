// Frontiers as they are made: who hears of one knows that he has heard of everything before it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"
#include "revoke/event_log.h"
#include "verify/frontier.h"

namespace mintmark::revoke {

/// Signs with a key of purpose `event`: `input` gives header and claims for the key's `alg` and
/// `kid`; `done` gets the compact JWS, once, from any thread or before this returns.
using SignEvent =
    std::function<void(std::function<std::string(std::string_view alg, std::string_view kid)> input,
                       Deadline deadline, std::function<void(Result<std::string>)> done)>;

/// What frontiers are made of. References must outlive whoever uses them.
struct FrontierParts {
  EventLog& events;
  const Clock& clock;
  SignEvent sign;
  /// kids of all keys that operators took back and that some verifier may still hold.
  std::function<std::set<std::string>()> revoked_keys;
  std::string issuer;
  std::chrono::seconds bound{10};
  std::chrono::seconds life{70};  ///< `exp` after `iat`; the signer's rules allow no more.
  std::chrono::milliseconds sign_deadline{5000};
};

/// Signs that of `position`; `snapshot` as verify::Frontier has it. As SignEvent; and
/// `frontier_malformed` where services would not read it.
void sign_frontier(const FrontierParts& parts, const Position& position, std::string snapshot,
                   std::function<void(Result<std::string>)> done);

/// A frontier that was signed.
struct SignedFrontier {
  std::shared_ptr<const std::string> jws;
  Position position;
  /// Grows by one with each that is begun.
  std::uint64_t number = 0;
};

/// Makes frontiers on a thread of its own: soon after one is wanted, never two within `apart` and
/// never two at once; and, while anybody listens, one each quarter of the bound. A key store that
/// fails is asked again as often: meanwhile services stop trusting by themselves. Thread-safe.
class Frontiers {
 public:
  /// `told` gets each frontier as soon as it is signed, or why none is; from the thread of
  /// Frontiers, one call at a time.
  using Told = std::function<void(const Result<SignedFrontier>&)>;
  Frontiers(FrontierParts parts, Told told,
            std::chrono::milliseconds apart = std::chrono::milliseconds{100});
  ~Frontiers() { stop(); }
  Frontiers(const Frontiers&) = delete;
  Frontiers& operator=(const Frontiers&) = delete;

  /// No call is made after it. Not from `told`.
  void stop();

  /// The next is wanted as soon as may be. Its number: what is signed with it or a later one says
  /// how things stood after this call.
  std::uint64_t want();
  /// Whether anybody listens; nobody does at first, and then the key is left alone.
  void heard(bool by_anybody);

  /// How long ago the last good one was begun, or somebody came to listen since; 0 while nobody
  /// does.
  [[nodiscard]] std::chrono::milliseconds age() const;

 private:
  struct State;
  void work();
  [[nodiscard]] std::optional<Result<SignedFrontier>> make();

  const FrontierParts parts_;
  const Told told_;
  const std::chrono::milliseconds apart_;
  /// Shared with signatures that come when nobody waits any more.
  const std::shared_ptr<State> state_;
  std::thread worker_;  // Last: it ends before what it works on.
};

}  // namespace mintmark::revoke
