// What the hardware shows, held against the journal; and what is left over from a process that
// ended between an intent and its outcome.
#include <algorithm>

#include "keyring/lifecycle_run.h"

namespace mintmark::keyring {

using store::KeyRecord;
using store::KeyState;

namespace {

KeyRecord record_of(const Orphan& orphan, const std::string& store) {
  KeyRecord record;
  record.id = orphan.id;
  record.store = store;
  record.purpose = orphan.purpose;
  record.algorithm = orphan.algorithm;
  return record;
}

/// The record that knows a key by its id or its kid, the one of a key that is not destroyed first.
const KeyRecord* record_like(const std::vector<KeyRecord>& all, const std::string& id,
                             const std::string& kid) {
  const KeyRecord* found = nullptr;
  for (const KeyRecord& record : all) {
    if (record.id != id && record.kid != kid) continue;
    if (found == nullptr || found->state == KeyState::destroyed) found = &record;
  }
  return found;
}

/// Intents that came to nothing are kept as long as the hardware may still answer one of them.
constexpr std::chrono::hours late_answers{24};

}  // namespace

Result<void> Lifecycle::check_counted_on(Run& run) {
  auto all = records();
  if (!all) return pass_on(all);
  for (const KeyRecord& record : *all) {
    if (record.state != KeyState::active && record.state != KeyState::published) continue;
    auto present = check_present(run, record);
    if (present) continue;
    // What signs: nothing is made in its place, and nothing destroyed.
    run.consistent = false;
    if (!run.refused) run.refused = present.error();
  }
  usable_.emplace();
  for (const KeyRecord& record : *all) {
    if (run.usable(record)) usable_->insert(record.id);
  }
  return {};
}

Result<void> Lifecycle::check_present(Run& run, const KeyRecord& record) {
  const hsm::KeyInfo* key = run.find(record.id);
  if (key != nullptr && run.usable(record)) {
    run.confirmed = true;
    return {};
  }
  const std::string name = "the " + std::string(name_of(record.state)) + " key " + record.kid;
  Error error{Code::hsm_key_unfit, "", 0};
  if (key == nullptr) {
    error = {Code::hsm_key_unknown,
             name + " (CKA_ID " + record.id + ") is not in key store \"" + access_.name +
                 "\": is this the right token?",
             0};
  } else if (!key->unfit.empty()) {
    error.detail = name + ": " + key->unfit;
  } else {
    error.detail = name + ": CKA_ID " + record.id + " now names another key";
  }
  if (record.state == KeyState::active) return tl::unexpected<Error>(std::move(error));
  // Tokens go on; but a look-up that lacks something is believed in nothing that cannot be undone.
  run.consistent = false;
  run.troubles.push_back(error.to_string() + ". If it is lost for good: mintctl keys revoke");
  return {};
}

void Lifecycle::find_orphans(Run& run) {
  orphans_.clear();
  const auto all = states_.list();  // Of all stores: two names may mean one token.
  for (const auto& [id, key] : run.hardware) {
    if (key.purpose == hsm::Purpose::tls) continue;  // Its certificate is its record.
    const KeyRecord* known = all ? record_like(*all, id, key.kid()) : nullptr;
    if (known == nullptr) {
      orphans_.push_back({id, key.kid(), std::string(hsm::name_of(key.purpose)),
                          std::string(jose::name_of(key.public_key.algorithm())), key.unfit,
                          key.public_key.to_jwk().dump()});
      continue;
    }
    const bool is_it = known->store == access_.name && known->id == id &&
                       (known->kid.empty() || known->kid == key.kid());
    if (!is_it && known->state != KeyState::destroyed)
      run.troubles.push_back("the key " + key.kid() + " (CKA_ID " + id +
                             ") is left alone: the journal has it, or its CKA_ID, in key store \"" +
                             known->store + "\" as " + std::string(name_of(known->state)));
  }
}

Result<std::vector<Orphan>::iterator> Lifecycle::orphan(const std::string& kid) {
  const auto found = std::find_if(orphans_.begin(), orphans_.end(),
                                  [&](const Orphan& one) { return one.kid == kid; });
  if (found != orphans_.end()) return found;
  return fail(Code::key_not_found, "key store \"" + access_.name + "\" shows no key " +
                                       printable(kid) + " without a record");
}

/// The configuration may give tokens a longer life than they had when the key began to sign.
Result<void> Lifecycle::note_lives() {
  auto all = records();
  if (!all) return pass_on(all);
  for (KeyRecord& record : *all) {
    const bool nothing = record.state == KeyState::destroyed && record.kid.empty();
    if (nothing && clock_.now() >= record.at(KeyState::destroyed) + late_answers) {
      if (auto forgotten = states_.forget(record.id); !forgotten) return forgotten;
    }
    const auto kind = kind_of(record);
    if (record.state != KeyState::active || !kind) continue;
    const auto life = plan_.life_of(kind->purpose);
    if (life <= record.longest_life) continue;
    record.longest_life = life;
    if (auto written = states_.put(record); !written) return written;
  }
  return {};
}

bool Lifecycle::is_left_over(const Run& run, const KeyRecord& record) const {
  // An intent without an outcome was never published: whether its key was made whole or not (a
  // kill can leave SoftHSM with one that cannot sign), it goes. So does what came back after its
  // end was written down, from a backup of the token.
  if (record.state == KeyState::planned) return true;
  if (record.state != KeyState::retired && record.state != KeyState::destroyed) return false;
  // A ceremony may have used the id again: another key is another key.
  const hsm::KeyInfo* key = run.find(record.id);
  return key != nullptr && (record.kid.empty() || record.kid == key->kid());
}

void Lifecycle::settle_next(const RunPtr& run) {
  if (!run->consistent) return step_next(run);
  auto all = records();
  if (!all) return finish(run, pass_on(all));
  const auto next = std::find_if(all->begin(), all->end(), [&](const KeyRecord& record) {
    return !run->settled.contains(record.id) && is_left_over(*run, record);
  });
  if (next == all->end()) return step_next(run);
  run->settled.insert(next->id);
  auto id = hsm::key_id_from(next->id);
  if (!id) return finish(run, pass_on(id));
  // Asked for what is not shown too: one half of a pair may be there.
  access_.admin.destroy(*id, run->deadline, [this, run, record = *next](const Result<void>& gone) {
    post_([this, run, record, gone] {
      if (!gone && gone.error().code != Code::hsm_key_unknown) {
        run->troubles.push_back("what is left of key " + record.id +
                                " could not be ended: " + gone.error().to_string());
        run->failed.insert({RotationStep::Act::end, {}, record.id});
      } else if (record.state == KeyState::planned) {
        if (auto written = write(record, KeyState::destroyed); !written)
          run->troubles.push_back(written.error().to_string());
      }
      if (gone) run->hide(record.id);
      settle_next(run);
    });
  });
}

Result<std::vector<std::string>> Lifecycle::ask_for_rotation(std::optional<hsm::Purpose> purpose) {
  auto all = records();
  if (!all) return pass_on(all);
  std::vector<KeyRecord> asked;
  std::vector<std::string> kids;
  for (const KeyRecord& record : *all) {
    if (record.state != KeyState::active || !plan_.wants(record)) continue;
    if (purpose && record.purpose != hsm::name_of(*purpose)) continue;
    kids.push_back(record.kid);
    if (record.rotation_asked_at != Moment{}) continue;
    asked.push_back(record);
    asked.back().rotation_asked_at = clock_.now();
  }
  if (kids.empty())
    return fail(Code::key_none_active,
                "key store \"" + access_.name + "\" has no active key" +
                    (purpose ? " for " + std::string(hsm::name_of(*purpose)) : std::string()) +
                    " to rotate");
  if (auto written = states_.put(asked); !written) return pass_on(written);
  return kids;
}

Result<bool> Lifecycle::revoke(const std::string& kid, const std::string& why) {
  auto all = records();
  if (!all) return pass_on(all);
  const auto bad = std::find_if(all->begin(), all->end(),
                                [&](const KeyRecord& record) { return record.kid == kid; });
  if (bad == all->end())
    return fail(Code::key_not_found,
                "no key " + printable(kid) + " in key store \"" + access_.name + "\"");
  if (bad->revoked()) return false;
  const Moment now = clock_.now();
  const bool signs = bad->state == KeyState::active;
  std::vector<KeyRecord> changes{*bad};
  changes.front().revoked_why = why;
  // Of one that ended in its time somebody may hold a copy: services are told all the same.
  if (bad->state == KeyState::retired || bad->state == KeyState::destroyed)
    changes.front().become(KeyState::destroyed, now);
  else if (bad->state != KeyState::retiring)
    changes.front().become(KeyState::retiring, now);
  for (const KeyRecord& next : *all) {
    if (!signs || next.state != KeyState::published || kind_of(next) != kind_of(*bad)) continue;
    if (usable_ && !usable_->contains(next.id)) continue;
    changes.push_back(next);
    changes.back().become(KeyState::active, now);
    changes.back().longest_life = plan_.life_of(kind_of(next)->purpose);
    break;
  }
  if (auto written = put(changes); !written) return pass_on(written);
  return true;
}

Result<void> Lifecycle::adopt(const std::string& kid) {
  auto found = orphan(kid);
  if (!found) return pass_on(found);
  const Orphan& key = **found;
  const auto all = states_.list();
  if (!all) return tl::unexpected<Error>(all.error());
  if (const KeyRecord* known = record_like(*all, key.id, key.kid); known != nullptr)
    return fail(Code::hsm_key_exists, "the key " + kid + " has a record, in key store \"" +
                                          known->store + "\" as " +
                                          std::string(name_of(known->state)));
  if (!key.unfit.empty()) return fail(Code::hsm_key_unfit, "the key " + kid + ": " + key.unfit);
  KeyRecord record = record_of(key, access_.name);
  record.kid = key.kid;
  record.public_jwk = key.public_jwk;
  record.become(KeyState::planned, clock_.now());
  if (auto written = write(record, KeyState::published); !written) return written;
  orphans_.erase(*found);
  return {};
}

Result<void> Lifecycle::give_up(const std::string& kid) {
  auto found = orphan(kid);
  if (!found) return pass_on(found);
  const auto all = states_.list();
  if (!all) return tl::unexpected<Error>(all.error());
  if (record_like(*all, (*found)->id, (*found)->kid) != nullptr)
    return fail(Code::hsm_key_exists, "the key " + kid + " has a record by now");
  // As an intent whose outcome is not wanted: the next look ends it.
  KeyRecord record = record_of(**found, access_.name);
  record.kid = (*found)->kid;
  if (auto written = write(record, KeyState::planned); !written) return written;
  orphans_.erase(*found);
  return {};
}

}  // namespace mintmark::keyring
