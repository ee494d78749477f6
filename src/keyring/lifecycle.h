// The life of signing keys in one key store, as the keeper leads it: intent first, then the
// hardware, then the outcome; the journal alone holds the states, and no key object is ever
// written after its generation.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "hsm/key_store.h"
#include "keyring/keyring.h"
#include "keyring/rotation.h"
#include "store/store.h"

namespace mintmark::keyring {

/// One key store as the lifecycle sees it. References must outlive the Lifecycle.
struct KeyStoreAccess {
  std::string name;
  hsm::Signer& signer;
  hsm::KeyAdmin& admin;
};

/// What only the keeper knows, and what it is told. Each may be empty.
struct Surroundings {
  /// Since when whoever signs works by the journal as it is now; nullopt: not yet. Empty: always.
  std::function<std::optional<Moment>()> in_force_since;
  /// All verifiers that say what they hold have the key. Empty: yes.
  std::function<bool(const std::string& kid)> covered;
  /// Another store that is ready has a key that signs for the kind. Empty: no.
  std::function<bool(const KeyKind&)> elsewhere;
  /// These records have come into another state, and stand in the journal.
  std::function<void(std::span<const store::KeyRecord>)> changed;
  /// The keys that sign are in the hardware and fit: whatever else is still to be done.
  std::function<void()> signing;
};

/// A key pair of ours in the hardware that no record leads. It is left alone until an operator says
/// what it is.
struct Orphan {
  std::string id;  ///< CKA_ID, hexadecimal.
  std::string kid;
  std::string purpose;
  std::string algorithm;
  std::string unfit;       ///< Why it may not sign; "" if it may.
  std::string public_jwk;  ///< JSON.
};

/// Not thread-safe: used on the keeper's one thread; `post` brings completions back to it.
class Lifecycle {
 public:
  using Post = std::function<void(std::function<void()>)>;

  /// `sole`: no other store has the kinds that this one cannot make.
  Lifecycle(store::KeyStateStore& states, KeyStoreAccess access, RotationPlan plan, bool sole,
            const Clock& clock, Post post, Surroundings surroundings);

  /// Compares hardware and journal, ends interrupted intents, and does all that is due: makes what
  /// is missing, lets successors sign, ends what has ended. May be called at any time; one that
  /// comes while another is under way is done after it. Success: each wanted kind has a key that
  /// signs, here or elsewhere (where there are other stores: at least one kind).
  ///
  /// What fails is tried again by itself, ever more seldom, and a generation that ended the signer
  /// too. A token with keys of ours and a journal that knows none of a kind gets no new key of it:
  /// the journal may be the one that is lost.
  ///
  /// An active key that the hardware does not show, or shows as unfit, is `hsm_key_unknown` or
  /// `hsm_key_unfit` naming its kid: nothing is generated in its place and nothing destroyed,
  /// because a look-up that fails once must not end a key (a wrong token in the slot looks the
  /// same). What goes wrong beside what signs now is told by troubles(), and tried again.
  void reconcile(Deadline deadline, hsm::Done<void> done);

  /// When reconcile() has something to do; nullopt: nothing is foreseen.
  [[nodiscard]] std::optional<Moment> due() const { return due_; }
  [[nodiscard]] bool busy() const { return run_ != nullptr; }

  /// Asks for the successors of the active keys, of one purpose or of all, to sign as soon as
  /// verifiers may know them; reconcile() does it. Gives the kids that are to go.
  /// `key_none_active`, `store_failed`.
  [[nodiscard]] Result<std::vector<std::string>> ask_for_rotation(
      std::optional<hsm::Purpose> purpose);
  /// Takes back what the key signed: from now on it is not published and signs nothing, its
  /// successor signs in its place; reconcile() ends it in the hardware, and makes a successor where
  /// there was none. Works with no signer too. False: it was taken back before. `key_not_found`,
  /// `store_failed`.
  [[nodiscard]] Result<bool> revoke(const std::string& kid, const std::string& why);
  /// Gives an orphan its record: it is published from now on. `key_not_found` if there is no such
  /// orphan, `hsm_key_unfit` naming what speaks against it.
  [[nodiscard]] Result<void> adopt(const std::string& kid);
  /// Writes down that an orphan is to go; reconcile() ends it. `key_not_found`.
  [[nodiscard]] Result<void> give_up(const std::string& kid);

  /// As of the last look at the hardware.
  [[nodiscard]] const std::vector<Orphan>& orphans() const { return orphans_; }
  /// What could not be done, for people; empty: all is well.
  [[nodiscard]] const std::vector<std::string>& troubles() const { return troubles_; }
  [[nodiscard]] const RotationPlan& plan() const { return plan_; }

 private:
  struct Run;
  using RunPtr = std::shared_ptr<Run>;
  void look(const RunPtr& run);
  [[nodiscard]] Result<void> check_counted_on(Run& run);
  [[nodiscard]] Result<void> check_present(Run& run, const store::KeyRecord& record);
  void tell_signing(const Run& run);
  [[nodiscard]] Result<void> note_lives();
  void find_orphans(Run& run);
  [[nodiscard]] Result<std::vector<Orphan>::iterator> orphan(const std::string& kid);
  void settle_next(const RunPtr& run);
  [[nodiscard]] bool is_left_over(const Run& run, const store::KeyRecord& record) const;
  void step_next(const RunPtr& run);
  void take(const RunPtr& run, const RotationStep& step);
  void generate(const RunPtr& run, const RotationStep& step);
  void generated(const RunPtr& run, const RotationStep& step, store::KeyRecord record,
                 const Result<hsm::KeyInfo>& key);
  void end(const RunPtr& run, const store::KeyRecord& record, const RotationStep& step);
  [[nodiscard]] bool may_take(const Run& run, const RotationStep& step);
  [[nodiscard]] bool may_generate(const KeyKind& kind);
  [[nodiscard]] bool signs(const KeyKind& kind) const;
  void could_not(Run& run, const RotationStep& step, const Error& error);
  [[nodiscard]] Result<void> activate(const store::KeyRecord& record);
  void finish(const RunPtr& run, const Result<void>& outcome);
  [[nodiscard]] Result<void> check_signing(Run& run);
  [[nodiscard]] Error why_none_signs(const Run& run, const KeyKind& kind) const;
  [[nodiscard]] RotationView view(const Run& run) const;

  [[nodiscard]] Result<std::vector<store::KeyRecord>> records() const;
  [[nodiscard]] Result<void> write(store::KeyRecord record, store::KeyState state);
  /// The record as it is now, changed: an operator may have said something of it meanwhile.
  [[nodiscard]] Result<void> change(const std::string& id,
                                    const std::function<void(store::KeyRecord&)>& how);
  /// Into the journal, all or none, and told.
  [[nodiscard]] Result<void> put(std::span<const store::KeyRecord> records);

  store::KeyStateStore& states_;
  KeyStoreAccess access_;
  const RotationPlan plan_;
  const bool sole_;
  const Clock& clock_;
  Post post_;
  Surroundings surroundings_;
  RunPtr run_;  ///< Under way.
  std::vector<std::pair<Deadline, hsm::Done<void>>> waiting_;
  std::map<KeyKind, Error> lacking_;  ///< What the hardware cannot make: not tried again.
  /// Generations that were begun and did not succeed: when the next may be.
  struct Attempts {
    unsigned failed = 0;
    Moment next{};
  };
  std::map<KeyKind, Attempts> attempts_;
  unsigned failing_runs_ = 0;
  std::optional<std::set<std::string>> usable_;  ///< Ids, as of the last look; nullopt: none yet.
  std::vector<Orphan> orphans_;
  std::vector<std::string> troubles_;
  std::optional<Moment> due_;
};

/// What is published, of all stores: the records of the journal, at one epoch.
[[nodiscard]] Result<std::shared_ptr<const Snapshot>> publish(
    const std::vector<store::KeyRecord>& records, std::uint64_t epoch);

}  // namespace mintmark::keyring
