// Client attestations seen before: recognised by their hash under the present key epoch, so that
// each signature is checked once.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"
#include "keyring/keyring.h"
#include "verify/client_attestation.h"

namespace mintmark::issuer {

/// Thread-safe, bounded: a full shard forgets all it has, which costs verifications and nothing
/// else.
class Attestations {
 public:
  static constexpr std::size_t shards = 16;
  static constexpr std::size_t entries_in_a_shard = 16'384;

  /// Verified now or before; its expiry is looked at every time. Errors of
  /// verify::check_client_attestation.
  [[nodiscard]] Result<std::shared_ptr<const verify::ClientAttestation>> recognise(
      std::string_view jwt, const keyring::Snapshot& keys, Moment now);

 private:
  struct Shard {
    Mutex mutex;
    std::uint64_t epoch MINTMARK_GUARDED_BY(mutex) = 0;
    // Keyed by the whole SHA-256: two attestations never share an entry.
    std::unordered_map<std::string, std::shared_ptr<const verify::ClientAttestation>> seen
        MINTMARK_GUARDED_BY(mutex);
  };
  std::array<Shard, shards> shards_;
};

}  // namespace mintmark::issuer
