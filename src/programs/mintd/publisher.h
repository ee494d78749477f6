// What the keeper publishes of the journal: the keys of all stores as one snapshot, and whether the
// front works by it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "keyring/lifecycle.h"

namespace mintmark::mintd {

/// One thread.
class Publisher {
 public:
  using SnapshotPtr = std::shared_ptr<const keyring::Snapshot>;

  /// `changed` is told of each new snapshot, to hand it to the front.
  Publisher(const store::KeyStateStore& states, const Clock& clock,
            std::function<void(const SnapshotPtr&)> changed)
      : states_(states), clock_(clock), changed_(std::move(changed)) {}

  /// Reads the journal; where it says something new there is a new snapshot, and where a key was
  /// revoked, though it be published no more: the front has to hear of it. `store_failed`: the
  /// one before stays, is not in force any more, and refresh() is to be called again.
  [[nodiscard]] Result<void> refresh();
  /// The last refresh() failed.
  [[nodiscard]] bool stale() const { return stale_; }
  /// nullptr before the first key.
  [[nodiscard]] const SnapshotPtr& snapshot() const { return snapshot_; }

  /// There is a front, which has not said yet what it works by.
  void front_started();
  /// There is none: nobody signs with anything.
  void front_gone();
  /// The front works by this snapshot, and nothing decided by an earlier one can leave it.
  void front_took(std::uint64_t epoch);
  /// The front, if there is one, works by the present snapshot.
  [[nodiscard]] bool in_force() const;
  /// Since when; nullopt: it does not.
  [[nodiscard]] std::optional<Moment> in_force_since() const;
  /// For how long the front has owed its word; 0 where it owes none.
  [[nodiscard]] std::chrono::steady_clock::duration owed_for() const;
  /// Counts that from now on.
  void ask_again() { owed_since_.reset(), judge(); }
  /// Calls `done` once, as soon as it is; perhaps at once.
  void when_in_force(std::function<void()> done);

 private:
  void judge();

  const store::KeyStateStore& states_;
  const Clock& clock_;
  std::function<void(const SnapshotPtr&)> changed_;
  SnapshotPtr snapshot_;
  std::set<std::string> revoked_;  ///< kids, of keys that are published no more too.
  std::uint64_t epoch_ = 0;
  bool front_ = false;
  std::uint64_t taken_ = 0;
  bool stale_ = false;
  std::optional<Moment> in_force_since_ = Moment{};
  std::optional<std::chrono::steady_clock::time_point> owed_since_;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace mintmark::mintd
