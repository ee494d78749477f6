// From the journal's records to what verifiers and the front are given.
#include "keyring/lifecycle.h"

namespace mintmark::keyring {
namespace {

Result<PublishedKey> published(const store::KeyRecord& record) {
  auto id = hsm::key_id_from(record.id);
  const auto kind = kind_of(record);
  auto jwk = parse_json(record.public_jwk);
  if (!id || !kind || !jwk)
    return fail(Code::store_failed, "the record of key " + record.id + " cannot be read");
  auto key = jose::PublicKey::from_jwk(*jwk, kind->algorithm);
  if (!key) return pass_on(key);
  if (key->algorithm() != kind->algorithm)
    return fail(Code::store_failed,
                "the record of key " + record.id + " has a key that is not " + record.algorithm);
  return PublishedKey{*id, record.store, kind->purpose, record.state == store::KeyState::active,
                      std::move(*key)};
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> publish(const std::vector<store::KeyRecord>& records,
                                                std::uint64_t epoch) {
  std::vector<PublishedKey> keys;
  for (const store::KeyRecord& record : records) {
    if (!is_published(record)) continue;
    auto key = published(record);
    if (!key) return pass_on(key);
    keys.push_back(std::move(*key));
  }
  return Snapshot::make(epoch, std::move(keys));
}

}  // namespace mintmark::keyring
