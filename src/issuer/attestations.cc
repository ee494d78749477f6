#include "issuer/attestations.h"

namespace mintmark::issuer {

Result<std::shared_ptr<const verify::ClientAttestation>> Attestations::recognise(
    std::string_view jwt, const keyring::Snapshot& keys, Moment now) {
  const Sha256 hash = sha256(jwt);
  const std::string name(as_text(hash));
  Shard& shard = shards_[hash[0] % shards];
  {
    const MutexLock lock(shard.mutex);
    if (shard.epoch != keys.epoch()) {
      shard.seen.clear();
      shard.epoch = keys.epoch();
    }
    if (const auto found = shard.seen.find(name); found != shard.seen.end()) {
      if (auto current = verify::check_not_expired(*found->second, now); !current)
        return pass_on(current);
      return found->second;
    }
  }
  const auto find_key = [&keys](std::string_view kid) -> const jose::PublicKey* {
    const keyring::PublishedKey* key = keys.find(kid, hsm::Purpose::client_attestation);
    return key == nullptr ? nullptr : &key->public_key;
  };
  auto checked = verify::check_client_attestation(jwt, find_key, now);
  if (!checked) return pass_on(checked);
  auto entry = std::make_shared<const verify::ClientAttestation>(std::move(*checked));
  const MutexLock lock(shard.mutex);
  if (shard.epoch == keys.epoch()) {
    if (shard.seen.size() >= entries_in_a_shard) shard.seen.clear();
    shard.seen.emplace(name, entry);
  }
  return entry;
}

}  // namespace mintmark::issuer
