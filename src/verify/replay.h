// Each proof once (RFC 9449 §11.1): the memory of the proofs that were used and could be used
// again.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "base/error.h"
#include "base/time.h"
#include "verify/proof.h"

namespace mintmark::verify {

struct ReplayLimits {
  std::chrono::seconds past = proof_past;  ///< At least what check_proof is told.
  std::size_t entries = 1U << 20U;  ///< In all shards together; some 100 octets each when in use.
};

/// Remembers SHA-256(jkt, jti) until the proof is too old to be taken. Thread-safe; the devices are
/// spread over shards, each with its own lock and its own share of the entries.
///
/// It never takes a proof that it may have forgotten: a full shard gives up its oldest second and
/// from then on refuses every proof of that second and of those before (`replay_window_full`).
class ReplayWindow {
 public:
  static constexpr std::size_t shards = 64;

  /// `start`: the second in which this memory begins. What was used before died with an earlier
  /// process, so a proof made not later than that second is refused (`proof_before_start`).
  explicit ReplayWindow(Moment start, ReplayLimits limits = {});
  ~ReplayWindow();
  ReplayWindow(const ReplayWindow&) = delete;
  ReplayWindow& operator=(const ReplayWindow&) = delete;

  /// Call it last, when nothing else can refuse the request: from here on the proof is used.
  /// `proof_replayed`, `proof_before_start`, `proof_iat_old`, `replay_window_full`.
  [[nodiscard]] Result<void> remember(const ProvenRequest& proof, Moment now);

  /// How many proofs are remembered now.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Shard;
  [[nodiscard]] Shard& shard_of(const std::string& jkt) const;

  Moment start_;
  ReplayLimits limits_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace mintmark::verify
