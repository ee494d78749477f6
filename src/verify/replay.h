// Each proof once (RFC 9449 §11.1), each client assertion once (RFC 7523 §3): the memory of those
// that were used and could be used again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>

#include "base/error.h"
#include "base/time.h"
#include "verify/client_assertion.h"
#include "verify/proof.h"

namespace mintmark::verify {

struct ReplayLimits {
  std::chrono::seconds past = proof_past;  ///< At least what check_proof is told.
  /// What may be taken though it is made that much later than now (what check_proof is told), so
  /// that an earlier process may have taken it. 0 where something else says that none did.
  std::chrono::seconds future = proof_future;
  std::size_t entries = 1U << 20U;  ///< In all shards together; some 100 octets each when in use.
};

/// Remembers SHA-256(key, jti) until what bears it is too old to be taken. Thread-safe; keys are
/// spread over shards, each with its own lock and its own share of the entries.
///
/// It never takes what it may have forgotten: a full shard gives up its oldest second and from then
/// on refuses all of that second and of those before (`replay_window_full`).
class ReplayWindow {
 public:
  static constexpr std::size_t shards = 64;

  /// `start`: the second in which this memory begins. What was used before died with an earlier
  /// process, so what that may have taken is refused: all that says it was made by then, or up to
  /// `future` later (`proof_before_start`, `assertion_before_start`).
  explicit ReplayWindow(Moment start, ReplayLimits limits = {});
  ~ReplayWindow();
  ReplayWindow(const ReplayWindow&) = delete;
  ReplayWindow& operator=(const ReplayWindow&) = delete;

  /// Call it last, when nothing else can refuse the request: from here on the proof is used.
  /// `made_since_start`: it bears a nonce that this process gave, which says so better than its
  /// `iat`. `proof_replayed`, `proof_before_start`, `proof_iat_old`, `replay_window_full`.
  [[nodiscard]] Result<void> remember(const ProvenRequest& proof, Moment now,
                                      bool made_since_start = false);
  /// Likewise. Without `iat` an assertion may be as old as its longest life lets it be.
  /// `assertion_replayed`, `assertion_before_start`, `assertion_expired`, `replay_window_full`.
  /// Proofs and assertions need a window each: theirs are of different lengths.
  /// `beside_new_proof`: it came with a proof by the key that it names, which is known to be new.
  [[nodiscard]] Result<void> remember(const ClientAssertion& assertion, Moment now,
                                      bool beside_new_proof = false);

  /// The clock is right now, and may have been ahead before: an operator says so. As if this memory
  /// began at `now`, so that nobody has to wait until the wrong time comes. What was used by that
  /// time is refused all the same when it comes: by what is remembered of it, or, where that was
  /// forgotten, like what may have been used before the start. Nonces and tickets that tell
  /// `made_since_start` must be made anew first.
  void begin_again(Moment now);

  /// How much is remembered now.
  [[nodiscard]] std::size_t size() const;

 private:
  enum class Outcome { first_use, used_before, too_old, full, doubtful };
  struct Shard;
  [[nodiscard]] Shard& shard_of(const std::string& key) const;
  [[nodiscard]] Outcome use(const std::string& key, const std::string& jti, Moment moment,
                            Moment now, bool known_to_be_new);

  std::atomic<Moment> start_;
  std::atomic<Moment> start_ahead_ = Moment::min();  ///< Likewise, by a clock that was wrong.
  ReplayLimits limits_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace mintmark::verify
