#include "keyring/lifecycle.h"

#include <algorithm>

namespace mintmark::keyring {
namespace {

const hsm::KeyInfo* find_key(const std::vector<hsm::KeyInfo>& keys, const std::string& id) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const hsm::KeyInfo& key) {
    return hsm::to_string(key.id) == id;
  });
  return found == keys.end() ? nullptr : &*found;
}

bool signs(const store::KeyRecord& record) { return record.state == "active"; }

void fill(store::KeyRecord& record, const hsm::KeyInfo& key) {
  record.kid = key.kid();
  record.public_jwk = key.public_key.to_jwk().dump();
}

}  // namespace

struct Lifecycle::Run {
  Deadline deadline;
  hsm::Done<std::shared_ptr<const Snapshot>> done;
  std::vector<hsm::KeyInfo> hardware;
  std::vector<store::KeyRecord> records;

  [[nodiscard]] bool has_active(const KeyKind& kind) const {
    return std::any_of(records.begin(), records.end(), [&](const store::KeyRecord& record) {
      return signs(record) && record.purpose == hsm::name_of(kind.purpose) &&
             record.algorithm == jose::name_of(kind.algorithm);
    });
  }
};

Lifecycle::Lifecycle(store::KeyStateStore& states, KeyStoreAccess access,
                     std::vector<KeyKind> wanted, const Clock& clock, Post post)
    : states_(states),
      access_(std::move(access)),
      wanted_(std::move(wanted)),
      clock_(clock),
      post_(std::move(post)) {}

void Lifecycle::reconcile(Deadline deadline, hsm::Done<std::shared_ptr<const Snapshot>> done) {
  auto run = std::make_shared<Run>(Run{deadline, std::move(done), {}, {}});
  access_.signer.list(deadline, [this, run](Result<std::vector<hsm::KeyInfo>> keys) {
    post_([this, run, keys = std::move(keys)]() mutable {
      if (!keys) return run->done(pass_on(keys));
      run->hardware = std::move(*keys);
      compare(run);
    });
  });
}

void Lifecycle::compare(const std::shared_ptr<Run>& run) {
  auto records = states_.list();
  if (!records) return run->done(pass_on(records));
  std::erase_if(*records,
                [&](const store::KeyRecord& record) { return record.store != access_.name; });
  run->records = std::move(*records);

  for (store::KeyRecord& record : run->records) {
    if (auto settled = settle(*run, record); !settled) return run->done(pass_on(settled));
  }
  orphans_.clear();
  for (const hsm::KeyInfo& key : run->hardware) {
    if (key.purpose == hsm::Purpose::tls) continue;  // Its certificate is its record.
    const bool known =
        std::any_of(run->records.begin(), run->records.end(), [&](const store::KeyRecord& record) {
          return record.id == hsm::to_string(key.id) && record.state != "destroyed";
        });
    if (!known) orphans_.push_back(key.kid());
  }
  generate_next(run);
}

Result<void> Lifecycle::settle(Run& run, store::KeyRecord& record) {
  const hsm::KeyInfo* key = find_key(run.hardware, record.id);
  if (record.state == "planned") {
    // The process ended between the intent and its outcome: the hardware tells which way it went.
    if (key == nullptr) return write(record, "destroyed");
    if (!key->unfit.empty())
      return fail(Code::hsm_key_unfit, "planned key " + record.id + ": " + key->unfit);
    const KeyKind kind{key->purpose, key->public_key.algorithm()};
    if (record.purpose != hsm::name_of(kind.purpose) ||
        record.algorithm != jose::name_of(kind.algorithm)) {
      return fail(Code::hsm_key_unfit, "the key " + record.id + ", planned for " + record.purpose +
                                           " " + record.algorithm + ", is for " + to_string(kind) +
                                           " in the hardware");
    }
    fill(record, *key);
    return write(record, run.has_active(kind) ? "published" : "active");
  }
  if (!signs(record)) return {};
  if (key == nullptr) {
    return fail(Code::hsm_key_unknown, "the active key " + record.kid + " (CKA_ID " + record.id +
                                           ") is not in key store \"" + access_.name +
                                           "\": is this the right token?");
  }
  if (!key->unfit.empty())
    return fail(Code::hsm_key_unfit, "the active key " + record.kid + ": " + key->unfit);
  if (key->kid() != record.kid) {
    return fail(Code::hsm_key_unfit,
                "CKA_ID " + record.id + " now names another key than " + record.kid);
  }
  return {};
}

void Lifecycle::generate_next(const std::shared_ptr<Run>& run) {
  const auto missing = std::find_if(wanted_.begin(), wanted_.end(),
                                    [&](const KeyKind& kind) { return !run->has_active(kind); });
  if (missing == wanted_.end()) return run->done(publish(*run));

  const hsm::KeySpec spec{hsm::random_key_id(), missing->purpose, missing->algorithm};
  store::KeyRecord record;
  record.id = hsm::to_string(spec.id);
  record.store = access_.name;
  record.purpose = hsm::name_of(spec.purpose);
  record.algorithm = jose::name_of(spec.algorithm);
  record.created_at = clock_.now();
  if (auto planned = write(record, "planned"); !planned) return run->done(pass_on(planned));

  access_.admin.generate(spec, run->deadline, [this, run, record](Result<hsm::KeyInfo> key) {
    post_([this, run, record, key = std::move(key)]() mutable {
      if (!key) return run->done(not_made(record, key.error()));
      if (!key->unfit.empty())
        return run->done(fail(Code::hsm_key_unfit, "the new key: " + key->unfit));
      fill(record, *key);
      if (auto active = write(record, "active"); !active) return run->done(pass_on(active));
      run->records.push_back(record);
      generate_next(run);
    });
  });
}

tl::unexpected<Error> Lifecycle::not_made(store::KeyRecord record, const Error& error) {
  // Nothing was begun where the mechanism is missing, so the intent ends here; every other failure
  // may have left a key, and the next reconcile looks.
  if (error.code == Code::hsm_mechanism_missing) {
    if (auto ended = write(record, "destroyed"); !ended) return pass_on(ended);
  }
  return fail(error.code,
              "a key for " + record.purpose + " " + record.algorithm + ": " + error.detail,
              error.native);
}

Result<void> Lifecycle::write(store::KeyRecord& record, const std::string& state) {
  record.state = state;
  record.changed_at = clock_.now();
  return states_.put(record);
}

Result<std::shared_ptr<const Snapshot>> Lifecycle::publish(const Run& run) {
  std::vector<PublishedKey> keys;
  for (const store::KeyRecord& record : run.records) {
    if (record.state != "active" && record.state != "published" && record.state != "retiring" &&
        record.state != "retired")
      continue;
    auto id = hsm::key_id_from(record.id);
    auto purpose = hsm::purpose_named(record.purpose);
    auto algorithm = jose::algorithm_named(record.algorithm);
    auto jwk = parse_json(record.public_jwk);
    if (!id || !purpose || !algorithm || !jwk)
      return fail(Code::store_failed, "the record of key " + record.id + " cannot be read");
    auto key = jose::PublicKey::from_jwk(*jwk, *algorithm);
    if (!key) return pass_on(key);
    if (key->algorithm() != *algorithm)
      return fail(Code::store_failed,
                  "the record of key " + record.id + " has a key that is not " + record.algorithm);
    keys.push_back({*id, record.store, *purpose, signs(record), std::move(*key)});
  }
  return Snapshot::make(++epoch_, std::move(keys));
}

}  // namespace mintmark::keyring
