#include "issuer/stores.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <tuple>

#include "hsm/lanes.h"
#include "jose/jws.h"

namespace mintmark::issuer {
namespace {

using Steady = std::chrono::steady_clock;

/// A store that was slow is asked again after a while: what it took counts half as much each time
/// this has passed. Ten halvings make of a whole call deadline a store like any other.
constexpr std::chrono::seconds half_forgotten_after{2};
constexpr double weight_of_the_new = 0.1;
/// Of a store that has signed nothing yet: so that no crowd runs into a slow one.
constexpr double first_guess_seconds = 0.01;

bool is_token(const keyring::KeyKind& kind) { return kind.purpose == hsm::Purpose::access_token; }

/// Errors of the one request, which every store would give.
bool is_of_the_request(Code code) {
  return code == Code::purpose_refused || code == Code::invalid_argument || code == Code::internal;
}

}  // namespace

/// A store's calls, to tell how long the next would wait. Thread-safe.
struct KeyStores::Entry {
  /// The calls of one lane under way (hsm/lanes.h), and what one of them takes. What waits behind
  /// tokens says nothing of how fast those are signed. Thread-safe; figures of two threads may
  /// overwrite each other, which a mean bears.
  struct Pace {
    [[nodiscard]] double expected_wait(unsigned ahead) const {
      if (ahead == 0 && !measured.load()) return 0;  // One call tells what it takes there.
      const auto idle = Steady::now().time_since_epoch().count() - last.load();
      const double halvings =
          std::chrono::duration<double>(Steady::duration(idle)) / half_forgotten_after;
      return std::ldexp(seconds_a_call.load(), -static_cast<int>(std::clamp(halvings, 0.0, 60.0))) *
             (ahead + 1);
    }
    void took(double seconds) {
      const double before = seconds_a_call.load();
      tell(before + weight_of_the_new * (seconds - before));
    }
    void tell(double seconds) {
      seconds_a_call.store(seconds);
      measured.store(true);
      last.store(Steady::now().time_since_epoch().count());
    }
    /// As of a store that has signed nothing yet.
    void renewed() {
      seconds_a_call.store(first_guess_seconds);
      measured.store(false);
    }

    std::atomic<unsigned> under_way{0};
    std::atomic<bool> measured{false};
    std::atomic<double> seconds_a_call{first_guess_seconds};
    std::atomic<Steady::rep> last{Steady::now().time_since_epoch().count()};
  };

  explicit Entry(StoreInUse given) : store(std::move(given)) {}

  [[nodiscard]] bool healthy() const { return !store.healthy || store.healthy(); }

  /// Of a token, which stands before all else, or of something else.
  [[nodiscard]] double expected_wait(bool token) const {
    return of(token).expected_wait(ahead_of(token));
  }
  void renewed() {
    tokens.renewed();
    others.renewed();
  }
  [[nodiscard]] unsigned ahead_of(bool token) const {
    return tokens.under_way.load() + (token ? 0 : others.under_way.load());
  }
  unsigned began(bool token) {
    const unsigned ahead = ahead_of(token);
    of(token).under_way.fetch_add(1);
    return ahead;
  }
  void ended(bool token, unsigned ahead, Steady::time_point from, const Result<Bytes>& signature) {
    of(token).under_way.fetch_sub(1);
    if (signature)
      return of(token).took(std::chrono::duration<double>(Steady::now() - from).count() /
                            (ahead + 1));
    const Code code = signature.error().code;
    if (is_of_the_request(code)) return;
    // However quickly it failed: that is no speed.
    const double lost = std::chrono::duration<double>(store.call_deadline).count();
    of(token).tell(lost);
    const bool had_no_turn = !token && code == Code::deadline_passed;
    if (is_trouble_of_the_store(code) && !had_no_turn) of(!token).tell(lost);
  }

  const StoreInUse store;

 private:
  [[nodiscard]] Pace& of(bool token) { return token ? tokens : others; }
  [[nodiscard]] const Pace& of(bool token) const { return token ? tokens : others; }

  Pace tokens;
  Pace others;
};

struct KeyStores::Call {
  std::shared_ptr<const keyring::Snapshot> keys;
  keyring::KeyKind kind;
  Input input;
  Deadline deadline;
  hsm::Done<SignedInput> done;
  std::set<std::string> tried;
  bool token;  ///< Or what stands in the tokens' line with them.
};

bool is_trouble_of_the_store(Code code) {
  switch (code) {
    case Code::deadline_passed:
    case Code::hsm_unavailable:
    case Code::hsm_session_lost:
    case Code::hsm_failed:
    case Code::hsm_module_unusable:
    case Code::hsm_token_missing:
    case Code::hsm_pin_unreadable:
    case Code::hsm_pin_refused:
    case Code::hsm_pin_locked:
    case Code::hsm_signature_wrong:
    case Code::hsm_hung:
    case Code::hsm_write_hung:
      return true;
    default:
      // A full queue is load; the others are one key's or one request's.
      return false;
  }
}

void KeyStores::put(const std::string& name, StoreInUse store) {
  auto entry = std::make_shared<Entry>(std::move(store));
  const WriterLock lock(mutex_);
  entries_[name] = std::move(entry);
}

void KeyStores::renewed(const std::string& name) {
  const ReaderLock lock(mutex_);
  if (const auto found = entries_.find(name); found != entries_.end()) found->second->renewed();
}

KeyStores::Choice KeyStores::choose(const keyring::Snapshot& keys, const keyring::KeyKind& kind,
                                    bool token, const std::set<std::string>& tried) const {
  Choice best;
  std::pair<bool, double> of_best;
  const ReaderLock lock(mutex_);
  for (const keyring::PublishedKey* key : keys.signing(kind)) {
    if (tried.contains(key->store)) continue;
    const auto found = entries_.find(key->store);
    if (found == entries_.end()) continue;
    const std::pair<bool, double> its{!found->second->healthy(),
                                      found->second->expected_wait(token)};
    if (best.key != nullptr && of_best <= its) continue;
    best = {key, found->second};
    of_best = its;
  }
  return best;
}

std::string KeyStores::next_for(const keyring::Snapshot& keys, const keyring::KeyKind& kind) const {
  const Choice choice = choose(keys, kind, is_token(kind), {});
  return choice.key == nullptr ? "" : choice.key->store;
}

bool KeyStores::serves(const keyring::Snapshot& keys, const keyring::KeyKind& kind) const {
  const Choice choice = choose(keys, kind, is_token(kind), {});
  return choice.key != nullptr && choice.entry->healthy();
}

void KeyStores::sign_jws(std::shared_ptr<const keyring::Snapshot> keys,
                         const keyring::KeyKind& kind, Input input, Deadline deadline,
                         hsm::Done<std::string> done) {
  sign(std::move(keys), kind, std::move(input), deadline,
       [done = std::move(done)](Result<SignedInput> made) {
         if (!made) return done(pass_on(made));
         done(jose::compact(made->input, made->signature));
       });
}

void KeyStores::sign(std::shared_ptr<const keyring::Snapshot> keys, const keyring::KeyKind& kind,
                     Input input, Deadline deadline, hsm::Done<SignedInput> done) {
  if (const auto any = keyring::Snapshot::current_of(keys, kind); !any)
    return done(tl::unexpected<Error>(any.error()));
  attempt(std::make_shared<Call>(Call{
      std::move(keys), kind, std::move(input), deadline, std::move(done), {}, is_token(kind)}));
}

void KeyStores::attempt(const std::shared_ptr<Call>& call) {
  const Choice choice = choose(*call->keys, call->kind, call->token, call->tried);
  if (choice.key == nullptr)
    return call->done(fail(Code::hsm_unavailable, "no key store that has a key for " +
                                                      to_string(call->kind) + " is connected"));
  call->tried.insert(choice.key->store);
  const auto until = std::min(call->deadline.left(), choice.entry->store.call_deadline);
  const auto from = Steady::now();
  auto text = std::make_shared<std::string>(call->input(*choice.key));
  // A frontier is signed by a key of events.
  call->token = call->token || hsm::lane_of(*text) == hsm::Lane::tokens;
  const unsigned ahead = choice.entry->began(call->token);
  // The entry is held so that a signer that was replaced ends its calls.
  choice.entry->store.signer->sign(
      choice.key->id, *text, Deadline::in(until),
      [this, call, text, entry = choice.entry, from, ahead](Result<Bytes> signature) {
        entry->ended(call->token, ahead, from, signature);
        if (signature) return call->done(SignedInput{std::move(*text), std::move(*signature)});
        if (!is_of_the_request(signature.error().code) && !call->deadline.passed() &&
            choose(*call->keys, call->kind, call->token, call->tried).key != nullptr)
          return attempt(call);
        call->done(pass_on(signature));
      });
}

}  // namespace mintmark::issuer
