#include "keyring/keyring.h"

#include <algorithm>
#include <set>

namespace mintmark::keyring {
namespace {

std::string jwks_of(const std::vector<PublishedKey>& keys) {
  Json set = Json::array();
  for (const PublishedKey& key : keys) {
    Json jwk = key.public_key.to_jwk();
    jwk["kid"] = key.kid();
    jwk["use"] = "sig";
    jwk["alg"] = jose::name_of(key.public_key.algorithm());
    jwk["mintmark_purpose"] = hsm::name_of(key.purpose);
    set.push_back(std::move(jwk));
  }
  return Json{{"keys", std::move(set)}}.dump();
}

Result<PublishedKey> key_from(const Json& json) {
  if (!json.is_object()) return fail(Code::internal, "a key of the snapshot is no object");
  auto id = hsm::key_id_from(json.value("id", ""));
  if (!id) return pass_on(id);
  auto purpose = hsm::purpose_named(json.value("purpose", ""));
  if (!purpose) return pass_on(purpose);
  auto key = jose::PublicKey::from_jwk(json.value("jwk", Json::object()));
  if (!key) return pass_on(key);
  return PublishedKey{*id, json.value("store", ""), *purpose, json.value("active", false),
                      std::move(*key)};
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> Snapshot::make(std::uint64_t epoch,
                                                       std::vector<PublishedKey> keys) {
  std::set<std::string> kids;
  std::set<std::pair<std::string, KeyKind>> active;
  for (const PublishedKey& key : keys) {
    if (key.purpose == hsm::Purpose::tls)
      return fail(Code::internal, "the key " + key.kid() + " is for TLS and is never published");
    if (!kids.insert(key.kid()).second)
      return fail(Code::internal, "the kid " + key.kid() + " stands twice");
    if (key.active && !active.emplace(key.store, key.kind()).second)
      return fail(Code::internal,
                  "two active keys for " + to_string(key.kind()) + " in key store " + key.store);
  }
  // In one order whatever the journal's was: the entity tag must not change with a restart.
  std::sort(keys.begin(), keys.end(), [](const PublishedKey& left, const PublishedKey& right) {
    return left.kid() < right.kid();
  });
  auto snapshot = std::shared_ptr<Snapshot>(new Snapshot());
  snapshot->epoch_ = epoch;
  snapshot->keys_ = std::move(keys);
  snapshot->jwks_ = jwks_of(snapshot->keys_);
  snapshot->etag_ = '"' + to_hex(BytesView(sha256(snapshot->jwks_)).first(16)) + '"';
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

Result<std::shared_ptr<const Snapshot>> Snapshot::from_json(const Json& json) {
  if (!json.is_object() || !json.contains("epoch") || !json["epoch"].is_number_unsigned() ||
      !json.contains("keys") || !json["keys"].is_array()) {
    return fail(Code::internal, "a key snapshot has an epoch and keys");
  }
  std::vector<PublishedKey> keys;
  for (const Json& entry : json["keys"]) {
    auto key = key_from(entry);
    if (!key) return pass_on(key);
    keys.push_back(std::move(*key));
  }
  return make(json["epoch"].get<std::uint64_t>(), std::move(keys));
}

Json Snapshot::to_json() const {
  Json keys = Json::array();
  for (const PublishedKey& key : keys_) {
    keys.push_back({{"id", hsm::to_string(key.id)},
                    {"store", key.store},
                    {"purpose", hsm::name_of(key.purpose)},
                    {"active", key.active},
                    {"jwk", key.public_key.to_jwk()}});
  }
  return {{"epoch", epoch_}, {"keys", std::move(keys)}};
}

const PublishedKey* Snapshot::current(hsm::Purpose purpose, jose::Algorithm algorithm) const {
  for (const PublishedKey& key : keys_) {
    if (key.active && key.kind() == KeyKind{purpose, algorithm}) return &key;
  }
  return nullptr;
}

std::vector<const PublishedKey*> Snapshot::signing(const KeyKind& kind) const {
  std::vector<const PublishedKey*> keys;
  for (const PublishedKey& key : keys_) {
    if (key.active && key.kind() == kind) keys.push_back(&key);
  }
  return keys;
}

Result<const PublishedKey*> Snapshot::current_of(const std::shared_ptr<const Snapshot>& snapshot,
                                                 KeyKind kind) {
  const PublishedKey* key = snapshot ? snapshot->current(kind.purpose, kind.algorithm) : nullptr;
  if (key == nullptr)
    return fail(Code::keys_not_ready, "the signing key for " + to_string(kind) + " is not ready");
  return key;
}

const PublishedKey* Snapshot::find(std::string_view kid, hsm::Purpose purpose) const {
  for (const PublishedKey& key : keys_) {
    if (key.purpose == purpose && key.kid() == kid) return &key;
  }
  return nullptr;
}

}  // namespace mintmark::keyring
