// The register of devices: the store and what is in memory, changed together and in one order.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "hsm/key_store.h"
#include "issuer/devices.h"
#include "store/store.h"

namespace mintmark::issuer {

/// What a change of a device ended.
struct Ended {
  std::string device;
  bool standing = false;  ///< It was revoked; else its evidence ended before its time.
  Moment at{};
  /// Found at start: what was issued after `at` was granted by what is so now.
  bool long_ago = false;
};
/// What is so by a device's row; nothing where both go on.
[[nodiscard]] std::optional<Ended> ended_by(const store::DeviceRecord& record);
/// At start: its last attestation showed another boot than the one before, on which standing tokens
/// were granted. Whether that was carried on then is not known. `store_failed`.
[[nodiscard]] Result<std::optional<Ended>> ended_by_boot(const store::DeviceRecord& record);

/// Changes are written on a thread of its own, one after the other: no thread that serves strangers
/// waits for a disk, and memory never has an older row than the store. Thread-safe. Ends after what
/// was asked for is done.
class DeviceRegister {
 public:
  using Change = std::function<Result<store::DeviceRecord>(store::DeviceStore&)>;
  static constexpr std::size_t longest_queue = 1024;

  /// Carries on what a change ended, perhaps for the second time, and calls `done` once when that
  /// is on disk too.
  using Follow = std::function<void(const Ended& ended, std::function<void(Result<void>)> done)>;

  /// Both must outlive it. `follow` is called on the register's thread; empty: nothing follows.
  DeviceRegister(store::DeviceStore& store, Devices& devices, Follow follow = {});
  ~DeviceRegister();
  DeviceRegister(const DeviceRegister&) = delete;
  DeviceRegister& operator=(const DeviceRegister&) = delete;

  /// Asked before a device gets a key; what it refuses with is passed on. Set before anybody comes.
  void check_keys_by(std::function<Result<void>(const std::string& jkt)> check) {
    check_key_ = std::move(check);
  }
  /// Whether a device may have this key. Whoever changes a device's key asks first.
  [[nodiscard]] Result<void> check_key(const std::string& jkt) const {
    return check_key_ ? check_key_(jkt) : Result<void>();
  }

  /// Called after each change, when it is in force. From the register's thread; must not block. Set
  /// before anybody comes.
  void on_changed(std::function<void()> changed) { on_changed_ = std::move(changed); }

  /// `done` is called once, from the register's thread or from where `follow` ended, with the row
  /// as it now stands, after it is on disk, after no token can leave any more that was decided by
  /// the row before, and after what follows. Errors of the change; `overloaded`; those of `follow`,
  /// after which the change stands and may be asked for again.
  void change(Change change, hsm::Done<store::DeviceRecord> done);

 private:
  void work();
  void carry_out(const Change& change, const hsm::Done<store::DeviceRecord>& done);

  struct Order {
    Change change;
    hsm::Done<store::DeviceRecord> done;
  };
  store::DeviceStore& store_;
  Devices& devices_;
  std::function<Result<void>(const std::string& jkt)> check_key_;
  std::function<void()> on_changed_;
  Follow follow_;
  Mutex mutex_;
  Condition changed_;
  std::deque<Order> orders_ MINTMARK_GUARDED_BY(mutex_);
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::thread worker_;
};

}  // namespace mintmark::issuer
