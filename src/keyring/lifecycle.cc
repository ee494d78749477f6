#include "keyring/lifecycle.h"

#include <algorithm>
#include <map>

#include "keyring/lifecycle_run.h"

namespace mintmark::keyring {
namespace {

using store::KeyRecord;
using store::KeyState;
using Act = RotationStep::Act;

/// What could not be done is tried again after so long, and ever more seldom.
constexpr std::chrono::seconds again_in{15};
constexpr unsigned most_doublings = 8;  // Once an hour.

std::chrono::seconds pause_after(unsigned failures) {
  return again_in * (1U << std::min(failures == 0 ? 0 : failures - 1, most_doublings));
}

void fill(KeyRecord& record, const hsm::KeyInfo& key) {
  record.kid = key.kid();
  record.public_jwk = key.public_key.to_jwk().dump();
}

}  // namespace

Lifecycle::Lifecycle(store::KeyStateStore& states, KeyStoreAccess access, RotationPlan plan,
                     bool sole, const Clock& clock, Post post, Surroundings surroundings)
    : states_(states),
      access_(std::move(access)),
      plan_(std::move(plan)),
      sole_(sole),
      clock_(clock),
      post_(std::move(post)),
      surroundings_(std::move(surroundings)) {}

void Lifecycle::reconcile(Deadline deadline, hsm::Done<void> done) {
  if (run_) return waiting_.emplace_back(deadline, std::move(done)), void();
  run_ = std::make_shared<Run>(deadline, std::move(done));
  due_.reset();
  access_.signer.list(deadline, [this, run = run_](Result<std::vector<hsm::KeyInfo>> keys) {
    post_([this, run, keys = std::move(keys)]() mutable {
      if (!keys) return finish(run, pass_on(keys));
      run->show(std::move(*keys));
      look(run);
    });
  });
}

void Lifecycle::look(const RunPtr& run) {
  if (auto checked = check_counted_on(*run); !checked) return finish(run, checked);
  if (auto noted = note_lives(); !noted) return finish(run, noted);
  find_orphans(*run);
  tell_signing(*run);
  settle_next(run);
}

bool Lifecycle::signs(const KeyKind& kind) const {
  const auto all = records();
  return all && std::any_of(all->begin(), all->end(), [&](const KeyRecord& record) {
           return record.state == KeyState::active && kind_of(record) == kind;
         });
}

/// Tokens do not wait for what is only tidy.
void Lifecycle::tell_signing(const Run& run) {
  if (run.refused || !surroundings_.signing) return;
  const auto signing = std::count_if(plan_.wanted.begin(), plan_.wanted.end(),
                                     [this](const KeyKind& kind) { return signs(kind); });
  if (signing == 0 || (sole_ && static_cast<std::size_t>(signing) < plan_.wanted.size())) return;
  surroundings_.signing();
}

RotationView Lifecycle::view(const Run& run) const {
  return {
      .now = clock_.now(),
      .usable = [&run](const KeyRecord& record) { return run.usable(record); },
      .consistent = run.consistent,
      .in_force_since = surroundings_.in_force_since ? surroundings_.in_force_since() : Moment{},
      .elsewhere =
          [this](const KeyKind& kind) {
            return surroundings_.elsewhere && surroundings_.elsewhere(kind);
          },
      .covered =
          [this](const KeyRecord& record) {
            return !surroundings_.covered || surroundings_.covered(record.kid);
          }};
}

bool Lifecycle::may_generate(const KeyKind& kind) {
  if (lacking_.contains(kind)) return false;
  const auto attempts = attempts_.find(kind);
  if (attempts != attempts_.end() && clock_.now() < attempts->second.next) {
    due_ = due_ ? std::min(*due_, attempts->second.next) : attempts->second.next;
    return false;
  }
  const auto all = records();
  const auto is_of_kind = [&](const auto& one) {
    return one.purpose == hsm::name_of(kind.purpose) &&
           one.algorithm == jose::name_of(kind.algorithm);
  };
  const bool journal_knows = all && std::any_of(all->begin(), all->end(), is_of_kind);
  return journal_knows || std::none_of(orphans_.begin(), orphans_.end(), is_of_kind);
}

bool Lifecycle::may_take(const Run& run, const RotationStep& step) {
  if (run.failed.contains(step)) return false;
  if (run.refused && step.act != Act::end) return false;
  return step.act != Act::generate || may_generate(step.kind);
}

void Lifecycle::step_next(const RunPtr& run) {
  auto all = records();
  if (!all) return finish(run, pass_on(all));
  const RotationOutlook outlook = look_ahead(*all, plan_, view(*run));
  due_ = outlook.due;
  const auto next = std::find_if(outlook.steps.begin(), outlook.steps.end(),
                                 [&](const RotationStep& step) { return may_take(*run, step); });
  if (next != outlook.steps.end()) return take(run, *next);
  for (const KeyKind& kind : outlook.overdue)
    run->troubles.push_back("the key for " + to_string(kind) +
                            " signs longer than it should: it has no successor" +
                            (plan_.generate ? "" : "; adopt one (mintctl keys adopt)"));
  if (run->refused) return finish(run, tl::unexpected<Error>(*run->refused));
  finish(run, check_signing(*run));
}

void Lifecycle::take(const RunPtr& run, const RotationStep& step) {
  if (step.act == Act::generate) return generate(run, step);
  auto all = records();
  if (!all) return finish(run, pass_on(all));
  const auto record = std::find_if(all->begin(), all->end(),
                                   [&](const KeyRecord& one) { return one.id == step.id; });
  if (record == all->end()) return finish(run, fail(Code::internal, "no record of " + step.id));
  if (step.act == Act::end) return end(run, *record, step);
  Result<void> done;
  if (step.act == Act::activate) done = activate(*record);
  if (step.act == Act::retire) done = write(*record, KeyState::retiring);
  if (step.act == Act::forget) done = write(*record, KeyState::destroyed);
  if (!done) could_not(*run, step, done.error());
  if (done && step.act == Act::activate) tell_signing(*run);
  step_next(run);
}

Result<void> Lifecycle::activate(const KeyRecord& record) {
  auto all = records();
  if (!all) return pass_on(all);
  // The one that goes first: at no moment are there two.
  std::vector<KeyRecord> both;
  for (const KeyRecord& other : *all) {
    if (other.state == KeyState::active && kind_of(other) == kind_of(record)) both.push_back(other);
  }
  const Moment now = clock_.now();
  for (KeyRecord& other : both) other.become(KeyState::retiring, now);
  both.push_back(record);
  both.back().become(KeyState::active, now);
  both.back().longest_life = plan_.life_of(kind_of(record)->purpose);
  return put(both);
}

void Lifecycle::generate(const RunPtr& run, const RotationStep& step) {
  const hsm::KeySpec spec{hsm::random_key_id(), step.kind.purpose, step.kind.algorithm};
  KeyRecord record;
  record.id = hsm::to_string(spec.id);
  record.store = access_.name;
  record.purpose = hsm::name_of(spec.purpose);
  record.algorithm = jose::name_of(spec.algorithm);
  if (auto planned = write(record, KeyState::planned); !planned) {
    could_not(*run, step, planned.error());
    return step_next(run);
  }
  record.become(KeyState::planned, clock_.now());
  // Counted before it is known how it ends: it may end the signer.
  Attempts& attempts = attempts_[step.kind];
  ++attempts.failed;
  attempts.next = clock_.now() + pause_after(signs(step.kind) ? attempts.failed : 1);
  access_.admin.generate(spec, run->deadline, [this, run, step, record](Result<hsm::KeyInfo> key) {
    post_([this, run, step, record, key = std::move(key)] { generated(run, step, record, key); });
  });
}

void Lifecycle::generated(const RunPtr& run, const RotationStep& step, KeyRecord record,
                          const Result<hsm::KeyInfo>& key) {
  if (!key || !key->unfit.empty()) {
    // Nothing was begun where the mechanism is missing, so the intent ends here; every other
    // failure may have left a key, and the next look at the hardware finds it.
    const bool missing = !key && key.error().code == Code::hsm_mechanism_missing;
    if (missing) lacking_.emplace(step.kind, key.error());
    if (auto ended = missing ? write(record, KeyState::destroyed) : Result<void>(); !ended)
      could_not(*run, step, ended.error());
    if (!missing)
      could_not(*run, step,
                key ? Error{Code::hsm_key_unfit, "the new key: " + key->unfit, 0} : key.error());
    return step_next(run);
  }
  fill(record, *key);
  if (auto published = write(record, KeyState::published); !published) {
    could_not(*run, step, published.error());
    return step_next(run);
  }
  attempts_.erase(step.kind);
  if (usable_) usable_->insert(record.id);
  run->show_new(*key);
  step_next(run);
}

void Lifecycle::end(const RunPtr& run, const KeyRecord& record, const RotationStep& step) {
  const hsm::KeyInfo* shown = run->find(record.id);
  if (shown != nullptr && shown->kid() != record.kid) {
    could_not(*run, step,
              {Code::hsm_key_unfit, "its CKA_ID names another key, " + shown->kid() + ", now", 0});
    return step_next(run);
  }
  const auto ended = [this, run, id = record.id, step](const Result<void>& gone) {
    // Ended before, and the outcome was not written down; believed of the right token alone.
    const bool was_gone =
        !gone && gone.error().code == Code::hsm_key_unknown && !run->shows(id) && run->confirmed;
    Result<void> done = was_gone ? Result<void>() : gone;
    if (done) {
      done = change(id, [this](KeyRecord& now) {
        now.become(now.revoked() ? KeyState::destroyed : KeyState::retired, clock_.now());
      });
    }
    if (!done)
      could_not(*run, step, done.error());
    else
      run->hide(id);
    step_next(run);
  };
  auto id = hsm::key_id_from(record.id);
  if (!id) return ended(pass_on(id));
  access_.admin.destroy(*id, run->deadline, [this, ended](const Result<void>& gone) {
    post_([ended, gone] { ended(gone); });
  });
}

void Lifecycle::could_not(Run& run, const RotationStep& step, const Error& error) {
  run.failed.insert(step);
  run.errors.emplace(step.kind, error);
  const bool making = step.act == Act::generate;
  run.troubles.push_back((making ? "no new key for " : "the key " + step.id + " for ") +
                         to_string(step.kind) + (making ? "" : " stays as it is") + ": " +
                         error.to_string());
}

Result<void> Lifecycle::check_signing(Run& run) {
  auto all = records();
  if (!all) return pass_on(all);
  std::size_t signing = 0;
  std::optional<Error> first;
  for (const KeyKind& kind : plan_.wanted) {
    const bool will = std::any_of(all->begin(), all->end(), [&](const KeyRecord& record) {
      return record.state == KeyState::published && kind_of(record) == kind;
    });
    const bool elsewhere = surroundings_.elsewhere && surroundings_.elsewhere(kind);
    if (signs(kind) || (will && elsewhere)) {
      ++signing;
      continue;
    }
    const Error error = why_none_signs(run, kind);
    if (elsewhere) run.troubles.push_back(error.to_string());
    if (!first) first = error;
  }
  if (!first || (!sole_ && signing > 0)) return {};
  return tl::unexpected<Error>(std::move(*first));
}

Error Lifecycle::why_none_signs(const Run& run, const KeyKind& kind) const {
  auto why = run.errors.find(kind);
  bool known = why != run.errors.end();
  if (const auto lacking = lacking_.find(kind); !known && lacking != lacking_.end()) {
    why = lacking;
    known = true;
  }
  if (known)
    return {why->second.code, "a key for " + to_string(kind) + ": " + why->second.detail,
            why->second.native};
  Error error{Code::keys_not_ready, "no key signs for " + to_string(kind), 0};
  if (plan_.generate && !orphans_.empty())
    error.detail +=
        ", and the token has keys of ours that the journal does not know: is this the right "
        "journal? mintctl keys adopt or give-up says what they are";
  if (!plan_.generate)
    error.detail += R"(: "keys"."generate" is false; adopt one (mintctl keys adopt))";
  return error;
}

void Lifecycle::finish(const RunPtr& run, const Result<void>& outcome) {
  if (!outcome) run->troubles.insert(run->troubles.begin(), outcome.error().to_string());
  troubles_ = std::move(run->troubles);
  const bool well = outcome && run->failed.empty() && run->consistent;
  failing_runs_ = well ? 0 : failing_runs_ + 1;
  if (!well) {
    const Moment again = clock_.now() + pause_after(outcome ? failing_runs_ : 1);
    due_ = due_ ? std::min(*due_, again) : again;
  }
  run_.reset();
  run->done(outcome);
  if (run_ || waiting_.empty()) return;
  auto next = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  reconcile(next.first, std::move(next.second));
}

Result<std::vector<KeyRecord>> Lifecycle::records() const {
  auto all = states_.list();
  if (!all) return all;
  std::erase_if(*all, [&](const KeyRecord& record) { return record.store != access_.name; });
  return all;
}

Result<void> Lifecycle::write(KeyRecord record, KeyState state) {
  record.become(state, clock_.now());
  return put(std::span(&record, 1));
}

Result<void> Lifecycle::change(const std::string& id, const std::function<void(KeyRecord&)>& how) {
  auto all = records();
  if (!all) return pass_on(all);
  const auto record =
      std::find_if(all->begin(), all->end(), [&](const KeyRecord& one) { return one.id == id; });
  if (record == all->end()) return fail(Code::internal, "no record of " + id);
  how(*record);
  return put(std::span(&*record, 1));
}

Result<void> Lifecycle::put(std::span<const KeyRecord> records) {
  if (auto written = states_.put(records); !written) return written;
  if (surroundings_.changed) surroundings_.changed(records);
  return {};
}

}  // namespace mintmark::keyring
