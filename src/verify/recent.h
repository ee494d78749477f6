// What was asked for lately, by a hash.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <list>
#include <memory>
#include <unordered_map>

#include "base/bytes.h"
#include "base/mutex.h"

namespace mintmark::verify {

/// Bounded; the one that was asked for least lately gives way. The names are hashes of what
/// strangers cannot choose freely. Thread-safe: shards, each with its own lock. `Value` is cheap to
/// copy and makes an empty one of itself.
template <typename Value>
class Recent {
 public:
  /// How many at most; 0: none.
  explicit Recent(std::size_t most)
      : count_(std::min(most, most_shards)),
        most_a_shard_(count_ == 0 ? 0 : most / count_),
        shards_(std::make_unique<Shard[]>(count_)) {}

  /// Empty where it is not known.
  [[nodiscard]] Value find(const Sha256& name) {
    Shard* shard = shard_of(name);
    if (shard == nullptr) return {};
    const MutexLock lock(shard->mutex);
    Value* value = shard->find(name);
    return value == nullptr ? Value{} : *value;
  }

  /// Takes the place of what was known by that name.
  void put(const Sha256& name, Value value) {
    Shard* shard = shard_of(name);
    if (shard == nullptr) return;
    const MutexLock lock(shard->mutex);
    if (Value* known = shard->find(name)) {
      *known = std::move(value);
      return;
    }
    if (shard->by_name.size() >= most_a_shard_) shard->drop_last();
    shard->latest_first.push_front({name, std::move(value)});
    shard->by_name.emplace(name, shard->latest_first.begin());
  }

  /// `change(Value&)`, under the lock; nothing happens where it is not known.
  template <typename Change>
  void change(const Sha256& name, Change change) {
    Shard* shard = shard_of(name);
    if (shard == nullptr) return;
    const MutexLock lock(shard->mutex);
    if (Value* known = shard->find(name)) change(*known);
  }

  [[nodiscard]] std::size_t size() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const MutexLock lock(shards_[i].mutex);
      count += shards_[i].by_name.size();
    }
    return count;
  }

 private:
  static constexpr std::size_t most_shards = 16;

  struct FirstOctets {
    std::size_t operator()(const Sha256& name) const {
      std::size_t value = 0;
      std::memcpy(&value, name.data(), sizeof value);
      return value;
    }
  };
  struct Place {
    Sha256 name;
    Value value;
  };
  using Places = std::list<Place>;

  struct Shard {
    mutable Mutex mutex;
    Places latest_first MINTMARK_GUARDED_BY(mutex);
    std::unordered_map<Sha256, typename Places::iterator, FirstOctets> by_name
        MINTMARK_GUARDED_BY(mutex);

    Value* find(const Sha256& name) MINTMARK_REQUIRES(mutex) {
      const auto found = by_name.find(name);
      if (found == by_name.end()) return nullptr;
      latest_first.splice(latest_first.begin(), latest_first, found->second);
      return &found->second->value;
    }
    void drop_last() MINTMARK_REQUIRES(mutex) {
      by_name.erase(latest_first.back().name);
      latest_first.pop_back();
    }
  };

  // By other octets than those that the shard's own table goes by.
  [[nodiscard]] Shard* shard_of(const Sha256& name) const {
    return count_ == 0 ? nullptr : &shards_[name.back() % count_];
  }

  std::size_t count_;  // Of shards.
  std::size_t most_a_shard_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace mintmark::verify
