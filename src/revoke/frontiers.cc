#include "revoke/frontiers.h"

#include <utility>

#include "base/mutex.h"
#include "jose/base64url.h"
#include "verify/boot_clock.h"

namespace mintmark::revoke {
namespace {

/// Milliseconds since 1970 by a clock that nobody sets and that goes on while the machine sleeps,
/// as that of who follows does: how late frontiers come is told by comparing theirs.
std::int64_t steady_milliseconds() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  static const auto began = verify::BootClock::now();
  static const auto began_at = std::chrono::system_clock::now().time_since_epoch();
  const auto since = verify::BootClock::now() - began;
  return duration_cast<milliseconds>(began_at + since).count();
}

/// As services read it: what they would all refuse must be seen here, where somebody can mend it.
Result<void> check(const FrontierParts& parts, const verify::Frontier& frontier) {
  const Moment now = parts.clock.now();
  const std::string input =
      verify::frontier_input(frontier, parts.issuer, "none", "none", now, parts.life);
  const auto octets = jose::from_base64url(std::string_view(input).substr(input.find('.') + 1));
  auto claims = parse_json(octets ? as_text(*octets) : std::string_view());
  if (!claims) return pass_on(claims);
  auto read = verify::read_frontier(*claims);
  if (!read) return pass_on(read);
  return {};
}

}  // namespace

void sign_frontier(const FrontierParts& parts, const Position& position, std::string snapshot,
                   std::function<void(Result<std::string>)> done) {
  verify::Frontier frontier;
  frontier.log = position.log;
  frontier.seq = position.seq;
  frontier.head = position.head;
  frontier.ms = steady_milliseconds();
  frontier.bound = parts.bound;
  frontier.revoked_keys = parts.revoked_keys();
  frontier.snapshot = std::move(snapshot);
  if (auto good = check(parts, frontier); !good) return done(pass_on(good));
  parts.sign(
      [frontier = std::move(frontier), issuer = parts.issuer, iat = parts.clock.now(),
       life = parts.life](std::string_view alg, std::string_view kid) {
        return verify::frontier_input(frontier, issuer, alg, kid, iat, life);
      },
      Deadline::in(parts.sign_deadline), std::move(done));
}

struct Frontiers::State {
  using Steady = std::chrono::steady_clock;
  Mutex mutex;
  Condition changed;
  bool wanted MINTMARK_GUARDED_BY(mutex) = false;
  bool heard MINTMARK_GUARDED_BY(mutex) = false;
  bool ending MINTMARK_GUARDED_BY(mutex) = false;
  std::uint64_t begun MINTMARK_GUARDED_BY(mutex) = 0;
  Steady::time_point began MINTMARK_GUARDED_BY(mutex){};
  Steady::time_point last_good MINTMARK_GUARDED_BY(mutex) = Steady::now();
  std::optional<Result<std::string>> jws
      MINTMARK_GUARDED_BY(mutex);  ///< Of the one that was begun.
};

Frontiers::Frontiers(FrontierParts parts, Told told, std::chrono::milliseconds apart)
    : parts_(std::move(parts)),
      told_(std::move(told)),
      apart_(apart),
      state_(std::make_shared<State>()),
      worker_([this] { work(); }) {}

void Frontiers::stop() {
  {
    const MutexLock lock(state_->mutex);
    state_->ending = true;
  }
  state_->changed.notify_all();
  if (worker_.joinable()) worker_.join();
}

std::uint64_t Frontiers::want() {
  std::uint64_t next = 0;
  {
    const MutexLock lock(state_->mutex);
    next = state_->begun + 1;
    if (std::exchange(state_->wanted, true)) return next;
  }
  state_->changed.notify_all();
  return next;
}

void Frontiers::heard(bool by_anybody) {
  {
    const MutexLock lock(state_->mutex);
    if (std::exchange(state_->heard, by_anybody) == by_anybody) return;
    if (by_anybody) state_->last_good = State::Steady::now();
  }
  state_->changed.notify_all();
}

std::chrono::milliseconds Frontiers::age() const {
  const MutexLock lock(state_->mutex);
  if (!state_->heard) return std::chrono::milliseconds{0};
  return std::chrono::duration_cast<std::chrono::milliseconds>(State::Steady::now() -
                                                               state_->last_good);
}

void Frontiers::work() {
  const auto heartbeat = std::chrono::milliseconds(parts_.bound) / 4;
  MutexLock lock(state_->mutex);
  while (!state_->ending) {
    if (!state_->wanted && !state_->heard) {
      state_->changed.wait(state_->mutex);
      continue;
    }
    const auto due = state_->began + (state_->wanted ? apart_ : heartbeat);
    if (state_->begun != 0 && State::Steady::now() < due) {
      state_->changed.wait_until(state_->mutex, due);
      continue;
    }
    lock.unlock();
    const auto made = make();
    if (!made) return;
    told_(*made);
    lock.lock();
  }
}

/// Nothing: the end came first.
std::optional<Result<SignedFrontier>> Frontiers::make() {
  MutexLock lock(state_->mutex);
  if (state_->ending) return std::nullopt;
  state_->wanted = false;
  state_->began = State::Steady::now();
  state_->jws.reset();
  SignedFrontier frontier{nullptr, {}, ++state_->begun};
  lock.unlock();
  frontier.position = parts_.events.position();
  sign_frontier(parts_, frontier.position, "", [state = state_](Result<std::string> jws) {
    const MutexLock arrived(state->mutex);
    state->jws = std::move(jws);
    state->changed.notify_all();
  });
  lock.lock();
  // One at a time: whatever comes is of this one.
  while (!state_->ending && !state_->jws) state_->changed.wait(state_->mutex);
  if (state_->ending) return std::nullopt;
  if (!*state_->jws) return tl::unexpected<Error>(state_->jws->error());
  state_->last_good = state_->began;
  frontier.jws = std::make_shared<const std::string>(**std::move(state_->jws));
  return frontier;
}

}  // namespace mintmark::revoke
