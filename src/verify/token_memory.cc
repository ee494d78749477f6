#include "verify/token_memory.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <mutex>
#include <unordered_map>

namespace mintmark::verify {
namespace {

constexpr std::size_t most_shards = 16;
// An RSA key of 4096 bits makes 1 KiB of it; a device could write anything there.
constexpr std::size_t longest_head = 2U << 10U;

struct FirstOctets {
  // A hash already, which the issuer's signature keeps strangers from choosing.
  std::size_t operator()(const Sha256& name) const {
    std::size_t value = 0;
    std::memcpy(&value, name.data(), sizeof value);
    return value;
  }
};

}  // namespace

struct TokenMemory::Shard {
  struct Place {
    Sha256 name;
    Entry entry;
  };
  using Places = std::list<Place>;

  mutable std::mutex mutex;
  Places latest_first;
  std::unordered_map<Sha256, Places::iterator, FirstOctets> by_name;

  void drop_last() {
    by_name.erase(latest_first.back().name);
    latest_first.pop_back();
  }
};

TokenMemory::TokenMemory(std::size_t tokens)
    : count_(std::min(tokens, most_shards)),
      tokens_a_shard_(count_ == 0 ? 0 : tokens / count_),
      shards_(std::make_unique<Shard[]>(count_)) {}

TokenMemory::~TokenMemory() = default;

// By other octets than those that the shard's own table goes by.
TokenMemory::Shard* TokenMemory::shard_of(const Sha256& token) const {
  return count_ == 0 ? nullptr : &shards_[token.back() % count_];
}

TokenMemory::Entry TokenMemory::find(const Sha256& token) {
  Shard* shard = shard_of(token);
  if (shard == nullptr) return {};
  const std::lock_guard lock(shard->mutex);
  const auto found = shard->by_name.find(token);
  if (found == shard->by_name.end()) return {};
  shard->latest_first.splice(shard->latest_first.begin(), shard->latest_first, found->second);
  return found->second->entry;
}

void TokenMemory::remember(const Sha256& token, std::shared_ptr<const CheckedToken> checked) {
  Shard* shard = shard_of(token);
  if (shard == nullptr) return;
  const std::lock_guard lock(shard->mutex);
  const auto found = shard->by_name.find(token);
  if (found != shard->by_name.end()) {
    found->second->entry.token = std::move(checked);
    return;
  }
  if (shard->by_name.size() >= tokens_a_shard_) shard->drop_last();
  shard->latest_first.push_front({token, {std::move(checked), nullptr}});
  shard->by_name.emplace(token, shard->latest_first.begin());
}

void TokenMemory::remember(const Sha256& token, ProofHead head) {
  Shard* shard = shard_of(token);
  if (shard == nullptr || !head || head->text().size() > longest_head) return;
  const std::lock_guard lock(shard->mutex);
  const auto found = shard->by_name.find(token);
  if (found != shard->by_name.end()) found->second->entry.head = std::move(head);
}

std::size_t TokenMemory::size() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    count += shards_[i].by_name.size();
  }
  return count;
}

}  // namespace mintmark::verify
