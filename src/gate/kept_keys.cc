#include "gate/kept_keys.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/mutex.h"
#include "verify/boot_clock.h"
#include "verify/key_set.h"

namespace mintmark::gate {
namespace {

using clock = verify::BootClock;
using Fetched = tl::expected<KeyDocument, Refused>;

constexpr std::chrono::seconds shortest_age{2};
// Waiting stands still while the machine sleeps: so long after it wakes the clock is looked at.
constexpr std::chrono::seconds longest_wait{2};

}  // namespace

struct KeptKeys::State {
  State(std::unique_ptr<KeySource> source, const KeptKeysLimits& given)
      : issuer(std::move(source)), limits(given) {}

  void fetch_while_wanted();
  void take(const Fetched& fetched, clock::time_point asked_at) MINTMARK_REQUIRES(mutex);
  [[nodiscard]] std::chrono::milliseconds pause_after(bool failure) MINTMARK_REQUIRES(mutex);
  [[nodiscard]] Fetched newer_than(std::uint64_t& handed);
  [[nodiscard]] bool asking() const MINTMARK_REQUIRES(mutex) { return fetching || wanted; }
  [[nodiscard]] bool may_ask() const MINTMARK_REQUIRES(mutex) {
    return !asking() && clock::now() >= not_before;
  }
  [[nodiscard]] Fetched copy(std::uint64_t& handed) const MINTMARK_REQUIRES(mutex);

  const std::unique_ptr<KeySource> issuer;  // Of the thread.
  const KeptKeysLimits limits;
  std::atomic<clock::rep> usable_until{clock::time_point::min().time_since_epoch().count()};
  std::atomic<std::uint64_t> attempts{0};  // Fetches that ended; changes under the mutex.

  mutable Mutex mutex;
  Condition changed;
  bool ending MINTMARK_GUARDED_BY(mutex) = false;
  bool wanted MINTMARK_GUARDED_BY(mutex) = true;
  bool again MINTMARK_GUARDED_BY(mutex) = false;  // Also after the fetch that is under way.
  bool fetching MINTMARK_GUARDED_BY(mutex) = false;
  std::atomic<std::uint64_t> version{0};  // Of the document; 0: there is none.
  KeyDocument document MINTMARK_GUARDED_BY(mutex);
  std::vector<std::string> kids MINTMARK_GUARDED_BY(mutex);
  clock::time_point fetched_at MINTMARK_GUARDED_BY(mutex);
  clock::time_point started_at MINTMARK_GUARDED_BY(mutex);
  clock::time_point not_before MINTMARK_GUARDED_BY(mutex) = clock::time_point::min();
  std::chrono::milliseconds backed_off MINTMARK_GUARDED_BY(mutex){0};  // After the last failure.
  clock::time_point due MINTMARK_GUARDED_BY(mutex) = clock::time_point::max();
  std::optional<Refused> trouble MINTMARK_GUARDED_BY(mutex);
};

// The thread. The lock is free while the issuer is asked.
void KeptKeys::State::fetch_while_wanted() {
  MutexLock lock(mutex);
  while (!ending) {
    if (!wanted && clock::now() < due) {
      const auto planned = due;
      const auto until = std::min(planned, clock::now() + longest_wait);
      while (!ending && !wanted && due == planned && changed.wait_until(mutex, until)) continue;
      continue;
    }
    fetching = true;
    started_at = clock::now();
    const auto asked_at = started_at;
    const auto held = kids;
    lock.unlock();
    const auto fetched = issuer->fetch_holding(held);
    lock.lock();
    take(fetched, asked_at);
  }
}

// An issuer that is away is looked for soon, then ever more seldom: strangers have no part in it.
// Before the first keys nobody gets in: whoever was started beside the issuer asks at that pace.
std::chrono::milliseconds KeptKeys::State::pause_after(bool failure) {
  if (!failure) {
    backed_off = std::chrono::milliseconds{0};
    return limits.pause;
  }
  const auto shortest = std::min(limits.short_pause, limits.pause);
  backed_off = version == 0 ? shortest : std::clamp(backed_off * 2, shortest, limits.pause);
  return backed_off;
}

void KeptKeys::State::take(const Fetched& fetched, clock::time_point asked_at) {
  fetching = wanted = false;
  attempts.fetch_add(1, std::memory_order_acq_rel);
  auto keys = fetched ? verify::KeySet::parse(fetched->jwks) : fail(Code::internal, "");
  const auto pause = pause_after(!fetched || !keys);
  not_before = asked_at + pause;
  due = clock::now() + pause;
  if (fetched && keys) {
    document = *fetched;
    document.max_age = std::clamp(document.max_age, shortest_age, limits.longest);
    kids = keys->kids();
    ++version;
    fetched_at = asked_at;
    trouble.reset();
    due = asked_at + document.max_age / 2;
    const auto end = asked_at + document.max_age + limits.grace;
    usable_until.store(end.time_since_epoch().count(), std::memory_order_release);
  } else {
    trouble = fetched ? Refused{Refusal::keys_malformed, keys.error().detail} : fetched.error();
  }
  if (std::exchange(again, false)) due = std::min(due, asked_at + limits.short_pause);
  changed.notify_all();
}

// Good until the next one is fetched, in whole seconds that end before then: a verifier that kept
// it longer would not learn which keys were taken back. How long it may be used where none comes is
// for `usable` to say.
Fetched KeptKeys::State::copy(std::uint64_t& handed) const {
  handed = version;
  KeyDocument given = document;
  const auto left = std::chrono::floor<std::chrono::seconds>(due - clock::now());
  given.max_age = std::max(left, std::chrono::seconds{0});
  return given;
}

Fetched KeptKeys::State::newer_than(std::uint64_t& handed) {
  const MutexLock lock(mutex);
  if (version > handed) return copy(handed);
  if (may_ask()) {
    wanted = true;
    started_at = clock::now();
    changed.notify_all();
  }
  return tl::unexpected<Refused>(
      {Refusal::keys_unavailable, "the issuer's keys are not here as they are now"});
}

namespace {

template <typename State>
class KeptSource final : public KeySource {
 public:
  explicit KeptSource(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Fetched fetch() override { return state_->newer_than(handed_); }

 private:
  std::shared_ptr<State> state_;
  std::uint64_t handed_ = 0;
};

}  // namespace

struct KeptKeys::Thread {
  explicit Thread(std::shared_ptr<State> given)
      : state(std::move(given)), runs([kept = state] { kept->fetch_while_wanted(); }) {}
  ~Thread() {
    const MutexLock lock(state->mutex);
    state->ending = true;
    state->changed.notify_all();
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  std::shared_ptr<State> state;
  std::jthread runs;
};

KeptKeys::KeptKeys(std::unique_ptr<KeySource> issuer, const KeptKeysLimits& limits)
    : state_(std::make_shared<State>(std::move(issuer), limits)),
      thread_(std::make_unique<Thread>(state_)) {}
KeptKeys::~KeptKeys() = default;

std::unique_ptr<KeySource> KeptKeys::source() const {
  return std::make_unique<KeptSource<State>>(state_);
}

void KeptKeys::ask_again() const {
  const MutexLock lock(state_->mutex);
  if (state_->fetching)
    state_->again = true;
  else
    state_->due = std::min(state_->due, state_->started_at + state_->limits.short_pause);
  state_->changed.notify_all();
}

std::uint64_t KeptKeys::version() const { return state_->version.load(); }

bool KeptKeys::usable() const {
  return clock::now().time_since_epoch().count() <
         state_->usable_until.load(std::memory_order_acquire);
}

bool KeptKeys::asking() const {
  const MutexLock lock(state_->mutex);
  return state_->asking();
}

std::uint64_t KeptKeys::attempts() const {
  return state_->attempts.load(std::memory_order_acquire);
}

void KeptKeys::await_answer(std::chrono::milliseconds longest) const {
  const MutexLock lock(state_->mutex);
  if (!state_->asking()) return;
  const auto before = state_->attempts.load();
  const auto until = state_->started_at + longest;
  while (!state_->ending && state_->attempts == before &&
         state_->changed.wait_until(state_->mutex, until))
    continue;
}

KeptKeys::Standing KeptKeys::standing() const {
  const MutexLock lock(state_->mutex);
  Standing standing;
  standing.ever = state_->version != 0;
  standing.usable = usable();
  if (standing.ever)
    standing.age = std::chrono::floor<std::chrono::seconds>(clock::now() - state_->fetched_at);
  standing.trouble = state_->trouble;
  return standing;
}

}  // namespace mintmark::gate
