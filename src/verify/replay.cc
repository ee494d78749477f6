#include "verify/replay.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"

namespace mintmark::verify {
namespace {

struct FirstOctets {
  // The name is a hash already.
  std::size_t operator()(const Sha256& name) const {
    std::size_t value = 0;
    std::memcpy(&value, name.data(), sizeof value);
    return value;
  }
};

// A jkt is base64url of 32 octets, of one length: jkt || jti can be read in one way only.
Sha256 name_of(const ProvenRequest& proof) { return sha256(proof.jkt() + proof.jti()); }

}  // namespace

struct ReplayWindow::Shard {
  mutable std::mutex mutex;
  std::unordered_set<Sha256, FirstOctets> used;
  std::map<Moment, std::vector<Sha256>> by_second;  // What `used` holds, by iat.
  Moment forgotten = Moment::min();  // The last second that was dropped; none up to it is taken.

  void drop_oldest_second() {
    for (const Sha256& name : by_second.begin()->second) used.erase(name);
    forgotten = std::max(forgotten, by_second.begin()->first);
    by_second.erase(by_second.begin());
  }

  void drop_before(Moment first) {
    while (!by_second.empty() && by_second.begin()->first < first) drop_oldest_second();
  }

  // False where the proof itself is in the oldest second that is held.
  bool make_room_for(Moment issued) {
    if (issued <= by_second.begin()->first) return false;
    drop_oldest_second();
    return true;
  }
};

ReplayWindow::ReplayWindow(Moment start, ReplayLimits limits)
    : start_(start), limits_(limits), shards_(std::make_unique<Shard[]>(shards)) {}

ReplayWindow::~ReplayWindow() = default;

// By device, so that one device can crowd out its shard's neighbours at most, whatever jti it uses.
ReplayWindow::Shard& ReplayWindow::shard_of(const std::string& jkt) const {
  return shards_[std::hash<std::string>{}(jkt) % shards];
}

Result<void> ReplayWindow::remember(const ProvenRequest& proof, Moment now) {
  const Moment issued = proof.issued_at();
  if (issued <= start_) {
    return fail(Code::proof_before_start,
                "the proof was made before this service started; make a new one");
  }
  const Sha256 name = name_of(proof);
  Shard& shard = shard_of(proof.jkt());
  const std::lock_guard lock(shard.mutex);
  const Moment first = now - limits_.past;
  shard.drop_before(first);
  if (issued < first) return fail(Code::proof_iat_old, "the proof is too old");
  if (shard.used.count(name) != 0)
    return fail(Code::proof_replayed, "the proof's jti was used before");
  const bool full = shard.used.size() >= std::max<std::size_t>(limits_.entries / shards, 1);
  if (issued <= shard.forgotten || (full && !shard.make_room_for(issued))) {
    return fail(Code::replay_window_full, "too many proofs at once; make a new one");
  }
  shard.used.insert(name);
  shard.by_second[issued].push_back(name);
  return {};
}

std::size_t ReplayWindow::size() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < shards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    count += shards_[i].used.size();
  }
  return count;
}

}  // namespace mintmark::verify
