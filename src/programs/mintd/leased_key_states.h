// The keeper's journal of keys, which is its own no longer than the lease.
#pragma once

#include <atomic>
#include <memory>

#include "store/store.h"

namespace mintmark::mintd {

/// As the one below, until the lease is lost: then all that would write is `lease_lost`. What
/// signers and operators had under way comes back later than that.
class LeasedKeyStates final : public store::KeyStateStore {
 public:
  explicit LeasedKeyStates(std::unique_ptr<store::KeyStateStore> below)
      : below_(std::move(below)) {}

  void lose_lease() { lost_ = true; }

  using KeyStateStore::put;
  [[nodiscard]] Result<void> put(std::span<const store::KeyRecord> keys) override {
    return lost_ ? lost() : below_->put(keys);
  }
  [[nodiscard]] Result<std::vector<store::KeyRecord>> list() const override {
    return below_->list();
  }
  [[nodiscard]] Result<void> forget(const std::string& id) override {
    return lost_ ? lost() : below_->forget(id);
  }
  [[nodiscard]] Result<Moment> clock_mark() const override { return below_->clock_mark(); }
  [[nodiscard]] Result<void> set_clock_mark(Moment mark) override {
    return lost_ ? lost() : below_->set_clock_mark(mark);
  }

 private:
  [[nodiscard]] static Result<void> lost() {
    return fail(Code::lease_lost, "another issuer may write the journal of keys");
  }

  std::unique_ptr<store::KeyStateStore> below_;
  std::atomic<bool> lost_{false};
};

}  // namespace mintmark::mintd
