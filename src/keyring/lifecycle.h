// The life of signing keys, as the keeper leads it: intent first, then the hardware, then the
// outcome; the store alone holds the states. This first form gives each kind one active key;
// rotation will stand on the same journal.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "hsm/key_store.h"
#include "keyring/keyring.h"
#include "store/store.h"

namespace mintmark::keyring {

/// One key store as the lifecycle sees it. References must outlive the Lifecycle.
struct KeyStoreAccess {
  std::string name;
  hsm::Signer& signer;
  hsm::KeyAdmin& admin;
};

/// Not thread-safe: used on the keeper's one thread; `post` brings completions back to it.
class Lifecycle {
 public:
  using Post = std::function<void(std::function<void()>)>;

  /// `wanted`: the kinds of keys that must be there. A key of another kind that was made before
  /// stays active and published: what it signed is still good, and it may be wanted again.
  Lifecycle(store::KeyStateStore& states, KeyStoreAccess access, std::vector<KeyKind> wanted,
            const Clock& clock, Post post);

  /// Compares hardware and store, ends interrupted intents, generates what is missing, and gives
  /// the snapshot to publish. What the hardware cannot generate (`hsm_mechanism_missing`) ends it
  /// with that error, naming the kind.
  ///
  /// An active key that the hardware does not show, or shows as unfit, is `hsm_key_unknown` or
  /// `hsm_key_unfit` naming its kid: nothing is generated in its place and nothing destroyed,
  /// because a look-up that fails once must not end a key (a wrong token in the slot looks the
  /// same). Key pairs of ours that no record knows are reported by `orphans()` and left alone.
  void reconcile(Deadline deadline, hsm::Done<std::shared_ptr<const Snapshot>> done);

  /// Kids found in the hardware without a record, as of the last reconcile.
  [[nodiscard]] const std::vector<std::string>& orphans() const { return orphans_; }

 private:
  struct Run;
  void compare(const std::shared_ptr<Run>& run);
  [[nodiscard]] Result<void> settle(Run& run, store::KeyRecord& record);
  void generate_next(const std::shared_ptr<Run>& run);
  [[nodiscard]] Result<std::shared_ptr<const Snapshot>> publish(const Run& run);
  [[nodiscard]] Result<void> write(store::KeyRecord& record, const std::string& state);
  [[nodiscard]] tl::unexpected<Error> not_made(store::KeyRecord record, const Error& error);

  store::KeyStateStore& states_;
  KeyStoreAccess access_;
  std::vector<KeyKind> wanted_;
  const Clock& clock_;
  Post post_;
  std::vector<std::string> orphans_;
  std::uint64_t epoch_ = 0;
};

}  // namespace mintmark::keyring
