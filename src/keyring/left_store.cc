#include "keyring/left_store.h"

namespace mintmark::keyring {

using store::KeyRecord;
using store::KeyState;

std::vector<KeyRecord> leave_behind(const std::vector<KeyRecord>& records,
                                    const std::set<std::string>& configured,
                                    std::chrono::seconds skew, Moment now) {
  std::vector<KeyRecord> moved;
  for (const KeyRecord& record : records) {
    if (configured.contains(record.store) || record.state == KeyState::destroyed) continue;
    KeyRecord next = record;
    if (record.state == KeyState::planned) {
      next.become(KeyState::destroyed, now);
    } else if (record.state != KeyState::retired) {
      if (record.state != KeyState::retiring) next.become(KeyState::retiring, now);
      next.become(next.revoked() ? KeyState::destroyed : KeyState::retired, now);
    } else if (now >= record.at(KeyState::retiring) + record.longest_life + skew) {
      next.become(KeyState::destroyed, now);
    } else {
      continue;
    }
    moved.push_back(std::move(next));
  }
  return moved;
}

}  // namespace mintmark::keyring
