// What the front knows of tokens that are out, and how they are taken back: the logs on disk, the
// live tokens and status lists in memory, and the Revoker over them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/atomic_shared.h"
#include "base/mutex.h"
#include "config/config.h"
#include "issuer/device_register.h"
#include "issuer/ledger.h"
#include "issuer/minting_clock.h"
#include "issuer/release_gate.h"
#include "programs/mintd/figures.h"

namespace mintmark::mintd {

/// Thread-safe, but for restore(). Opens events.db, issued.db and status.db in the front's
/// directory. Its end waits for what is being written; that calls back into whoever asked.
class FrontRevocation {
 public:
  /// All must outlive it.
  struct Parts {
    const issuer::MintingClock& clock;
    issuer::ReleaseGate& gate;
    Figures& figures;
  };
  /// Errors of open_device_store.
  [[nodiscard]] static Result<std::unique_ptr<FrontRevocation>> open(const config::Config& config,
                                                                     Parts parts);
  ~FrontRevocation();

  /// Before anything is served: live tokens as they were logged, their entries as the events have
  /// them, and events for what the store says was revoked and the events do not. Waits for the
  /// disk. `issuance_log_failed`, `revocation_failed`, errors of the store.
  [[nodiscard]] Result<void> restore(const store::DeviceStore& devices);

  /// The clock is right again, and was wrong: what it had forgotten is read from the log anew, as
  /// at start. Errors likewise.
  [[nodiscard]] Result<void> read_live_again();

  [[nodiscard]] revoke::EventLog& events() { return *events_; }
  [[nodiscard]] revoke::StatusIndexes& statuses() { return *statuses_; }
  [[nodiscard]] revoke::LiveTokens& tokens() { return tokens_; }
  [[nodiscard]] revoke::Revoker& revoker() { return *revoker_; }
  [[nodiscard]] issuer::Ledger ledger() {
    return {*log_, *statuses_, tokens_, *events_, *revoker_};
  }

  /// What a change of a device ended is revoked too, before the change is answered.
  void device_ended(const issuer::Ended& ended, std::function<void(Result<void>)> done);
  /// The keys of this epoch are in force; `revoked`: kids of those that were taken back. `done`
  /// when services are being told.
  void keys_changed(std::uint64_t epoch, const std::vector<std::string>& revoked,
                    std::function<void(Result<void>)> done);
  void policy_changed();
  /// kids that frontiers name; never nullptr.
  [[nodiscard]] std::shared_ptr<const std::set<std::string>> revoked_keys() const {
    return revoked_keys_.load();
  }

 private:
  FrontRevocation(const config::Config& config, Parts parts);
  [[nodiscard]] Result<void> catch_up(const store::DeviceRecord& record);
  void told(const revoke::Revocation& what, std::size_t live);
  void say(Json entry, std::function<void(Result<void>)> done);
  void name_keys(const std::set<std::string>& kids);
  void let_go_of_keys();
  void sweep();

  Parts parts_;
  std::chrono::seconds keep_issued_;
  Figures::Revocations figures_;
  Mutex keys_mutex_;  ///< Between a look at revoked_keys_ and its change.
  AtomicShared<const std::set<std::string>> revoked_keys_;
  std::atomic<std::uint64_t> told_keys_epoch_ = 0;
  std::atomic<std::int64_t> policy_epoch_ = 0;
  std::unique_ptr<revoke::StatusIndexes> statuses_;
  revoke::LiveTokens tokens_;
  std::optional<revoke::Revoker> revoker_;
  // What is behind calls back into what stands before it, until its end.
  std::unique_ptr<revoke::EventLog> events_;
  std::unique_ptr<audit::IssuanceLog> log_;
  Mutex sweeping_mutex_;
  Condition sweeping_ends_;
  bool ending_ MINTMARK_GUARDED_BY(sweeping_mutex_) = false;
  std::thread sweeper_;
};

}  // namespace mintmark::mintd
