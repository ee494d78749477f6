#include "verify/replay.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"

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

tl::unexpected<Error> window_full() {
  return fail(Code::replay_window_full, "too many requests at once; make a new one");
}

}  // namespace

struct ReplayWindow::Shard {
  mutable Mutex mutex;
  std::unordered_set<Sha256, FirstOctets> used MINTMARK_GUARDED_BY(mutex);
  // What `used` holds, by iat.
  std::map<Moment, std::vector<Sha256>> by_second MINTMARK_GUARDED_BY(mutex);
  // The last second that was dropped; none up to it is taken.
  Moment forgotten MINTMARK_GUARDED_BY(mutex) = Moment::min();
  // Likewise, by a clock that was ahead: it may yet come.
  Moment doubtful MINTMARK_GUARDED_BY(mutex) = Moment::min();

  void drop_oldest_second() MINTMARK_REQUIRES(mutex) {
    for (const Sha256& name : by_second.begin()->second) used.erase(name);
    forgotten = std::max(forgotten, by_second.begin()->first);
    by_second.erase(by_second.begin());
  }

  void drop_before(Moment first) MINTMARK_REQUIRES(mutex) {
    while (!by_second.empty() && by_second.begin()->first < first) drop_oldest_second();
  }

  // False where the proof itself is in the oldest second that is held.
  bool make_room_for(Moment issued) MINTMARK_REQUIRES(mutex) {
    if (issued <= by_second.begin()->first) return false;
    drop_oldest_second();
    return true;
  }
};

ReplayWindow::ReplayWindow(Moment start, ReplayLimits limits)
    : start_(start), limits_(limits), shards_(std::make_unique<Shard[]>(shards)) {}

ReplayWindow::~ReplayWindow() = default;

// By device, so that one device can crowd out its shard's neighbours at most, whatever jti it uses.
ReplayWindow::Shard& ReplayWindow::shard_of(const std::string& key) const {
  return shards_[std::hash<std::string>{}(key) % shards];
}

ReplayWindow::Outcome ReplayWindow::use(const std::string& key, const std::string& jti,
                                        Moment moment, Moment now, bool known_to_be_new) {
  // A thumbprint is base64url of 32 octets, of one length: key || jti can be read in one way only.
  const Sha256 name = sha256(key + jti);
  Shard& shard = shard_of(key);
  const MutexLock lock(shard.mutex);
  const Moment first = now - limits_.past;
  shard.drop_before(first);
  if (moment < first) return Outcome::too_old;
  if (shard.used.count(name) != 0) return Outcome::used_before;
  if (!known_to_be_new && moment <= shard.doubtful) return Outcome::doubtful;
  const bool full = shard.used.size() >= std::max<std::size_t>(limits_.entries / shards, 1);
  if (moment <= shard.forgotten || (full && !shard.make_room_for(moment))) return Outcome::full;
  shard.used.insert(name);
  shard.by_second[moment].push_back(name);
  return Outcome::first_use;
}

void ReplayWindow::begin_again(Moment now) {
  if (start_.load() > now) start_ahead_ = std::max(start_ahead_.load(), start_.load());
  start_ = now;
  for (std::size_t i = 0; i < shards; ++i) {
    Shard& shard = shards_[i];
    const MutexLock lock(shard.mutex);
    shard.doubtful = std::max(shard.doubtful, shard.forgotten);
    shard.forgotten = Moment::min();
  }
}

Result<void> ReplayWindow::remember(const ProvenRequest& proof, Moment now, bool made_since_start) {
  const auto before_start = [] {
    return fail(Code::proof_before_start,
                "the proof may have been used before this service started; make a new one");
  };
  const Moment start = std::max(start_.load(), start_ahead_.load());
  if (!made_since_start && proof.issued_at() <= start + limits_.future) return before_start();
  switch (use(proof.jkt(), proof.jti(), proof.issued_at(), now, made_since_start)) {
    case Outcome::first_use:
      return {};
    case Outcome::used_before:
      return fail(Code::proof_replayed, "the proof's jti was used before");
    case Outcome::too_old:
      return fail(Code::proof_iat_old, "the proof is too old");
    case Outcome::doubtful:
      return before_start();
    case Outcome::full:
      break;
  }
  return window_full();
}

Result<void> ReplayWindow::remember(const ClientAssertion& assertion, Moment now,
                                    bool beside_new_proof) {
  const Moment made =
      assertion.issued_at().value_or(assertion.expires_at() - assertion_life - assertion_future);
  if (made <= start_.load() + limits_.future) {
    return fail(Code::assertion_before_start,
                "the client assertion was made before this service started, or does not say when "
                "(iat); make a new one");
  }
  // By its exp, since that is when it can be forgotten.
  switch (use(assertion.key().thumbprint(), assertion.jti(), assertion.expires_at(), now,
              beside_new_proof)) {
    case Outcome::first_use:
      return {};
    case Outcome::used_before:
      return fail(Code::assertion_replayed, "the client assertion's jti was used before");
    case Outcome::too_old:
      return fail(Code::assertion_expired, "the client assertion has expired");
    case Outcome::doubtful:
      return fail(Code::assertion_before_start,
                  "the client assertion may have been used while this service's clock was ahead; "
                  "send a DPoP proof with it, or come again later");
    case Outcome::full:
      break;
  }
  return window_full();
}

std::size_t ReplayWindow::size() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < shards; ++i) {
    const MutexLock lock(shards_[i].mutex);
    count += shards_[i].used.size();
  }
  return count;
}

}  // namespace mintmark::verify
