// Pairs found once and kept: a search before each signature costs SoftHSM two thirds of its speed,
// and a network HSM more.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "hsm/pkcs11/key_objects.h"

namespace mintmark::hsm::pkcs11 {

/// Thread-safe.
class KeyTable {
 public:
  using Entry = std::shared_ptr<const KeyPair>;

  /// Null where the id is not known.
  [[nodiscard]] Entry find(const KeyId& id) const {
    const ReaderLock lock(mutex_);
    const auto found = pairs_.find(id);
    return found == pairs_.end() ? nullptr : found->second;
  }
  /// An id that named another key before is unfit: whoever asks by id means that one.
  Entry keep(KeyPair pair) {
    const WriterLock lock(mutex_);
    const auto [known, first] = kids_.try_emplace(pair.info.id, pair.info.kid());
    if (!first && known->second != pair.info.kid())
      pair.info.unfit = "CKA_ID names another key than " + known->second + ", as it did before";
    auto entry = std::make_shared<const KeyPair>(std::move(pair));
    pairs_[entry->info.id] = entry;
    return entry;
  }
  /// A key of that id was made just now: what was known of another is no more.
  void born(const KeyId& id) {
    const WriterLock lock(mutex_);
    pairs_.erase(id);
    kids_.erase(id);
    barred_.erase(id);
  }
  /// Takes the pair out and lets none of that id in again before allow(): it is being destroyed.
  Entry bar(const KeyId& id) {
    const WriterLock lock(mutex_);
    barred_.insert(id);
    const auto found = pairs_.find(id);
    if (found == pairs_.end()) return nullptr;
    Entry entry = std::move(found->second);
    pairs_.erase(found);
    return entry;
  }
  /// `back`: what bar() took out, if it is to stand there again.
  void allow(const KeyId& id, const Entry& back = nullptr) {
    const WriterLock lock(mutex_);
    barred_.erase(id);
    if (back) pairs_[id] = back;
  }
  [[nodiscard]] bool is_barred(const KeyId& id) const {
    const ReaderLock lock(mutex_);
    return barred_.count(id) != 0;
  }
  /// The handles; which key an id means stays known.
  void clear() {
    const WriterLock lock(mutex_);
    pairs_.clear();
  }

 private:
  mutable SharedMutex mutex_;
  std::map<KeyId, Entry> pairs_ MINTMARK_GUARDED_BY(mutex_);
  std::map<KeyId, std::string> kids_ MINTMARK_GUARDED_BY(mutex_);
  std::set<KeyId> barred_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::hsm::pkcs11
