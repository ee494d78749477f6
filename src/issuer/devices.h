// All devices in memory, as the store has them: a token request costs no look-up on disk.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "attest/standing.h"
#include "base/mutex.h"
#include "issuer/release_gate.h"
#include "store/store.h"

namespace mintmark::issuer {

/// A record of the store, parsed.
[[nodiscard]] Result<attest::RecordedDevice> parse_record(const store::DeviceRecord& record);

/// Thread-safe. An entry, once given out, does not change; a newer one takes its place, and whether
/// it did is seen by comparing the two.
class Devices {
 public:
  explicit Devices(ReleaseGate& gate) : gate_(gate) {}

  /// Reads every device; `store_failed` if one cannot be read: no device is silently left out.
  [[nodiscard]] Result<void> load(const store::DeviceStore& store);
  /// nullptr if unknown.
  [[nodiscard]] std::shared_ptr<const attest::RecordedDevice> find(const std::string& id) const;
  /// Whether a device that is in memory has this key; in time proportional to their number.
  [[nodiscard]] bool has_key(const std::string& jkt) const;
  /// Returns when no token can leave any more that was decided by an entry this one replaces. Not
  /// inside the gate.
  void put(attest::RecordedDevice device);
  [[nodiscard]] std::size_t size() const;

 private:
  ReleaseGate& gate_;
  mutable SharedMutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const attest::RecordedDevice>> by_id_
      MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::issuer
