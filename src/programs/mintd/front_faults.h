// What is wrong below the front, looked at once a second and told of: its databases and their disk,
// the clock, descriptors, memory, the TLS certificate.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/metadata.h"
#include "base/mutex.h"
#include "issuer/minting_clock.h"
#include "programs/mintd/figures.h"
#include "programs/mintd/store_watch.h"

namespace mintmark::mintd {

/// Thread-safe; has a thread of its own, since a disk that fails makes whoever looks at it wait.
/// Each fault has one line when it begins and one when it is over, a figure, and its words in
/// /readyz (docs/operations.md, Faults below).
class FrontFaults {
 public:
  struct Parts {
    const issuer::MintingClock& clock;
    Figures& figures;
    /// When the served certificate ends; nothing where none is served.
    std::function<std::optional<Moment>()> certificate_ends;
  };
  /// All of `parts` must outlive it. `directory`: where the databases are.
  FrontFaults(Parts parts, std::string directory);
  ~FrontFaults();

  /// As it is at this moment, the files' trouble included; waits for nothing.
  void add_to(api::Readiness& readiness) const;

 private:
  void work();
  void look();
  void look_at_stores();
  void look_at_clock();
  void look_at_descriptors();
  void look_at_certificate();
  /// Logs where `now` begins, changes or ("") ends.
  void tell(const std::string& event, const std::string& now, const std::string& advice);

  Parts parts_;
  const std::string directory_;
  StoreWatch stores_;
  std::map<std::string, std::string> told_;
  std::atomic<bool> descriptors_scarce_ = false;
  Mutex mutex_;
  Condition changed_;
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it ends before what it works on.
};

}  // namespace mintmark::mintd
