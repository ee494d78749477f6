#include "agent/serve/token_source.h"

#include "base/mutex.h"
#include "telemetry/log.h"

namespace mintmark::agent::serve {
namespace {

using Time = std::chrono::steady_clock;
using telemetry::Level;

// How late a token that is due may be noticed.
constexpr std::chrono::milliseconds look_again{250};

}  // namespace

TokenSource::TokenSource(Agent agent, const Clock& clock, TokenSourceOptions options)
    : agent_(std::move(agent)), clock_(clock), options_(options), thread_([this] { work(); }) {}

TokenSource::~TokenSource() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::optional<Result<HeldToken>> TokenSource::known(const Wish& wish, const std::string& refused) {
  if (auto held = held_.ask(wish, clock_.now(), refused)) return std::move(*held);
  if (auto failure = held_.pausing(wish, Time::now()))
    return tl::unexpected<Error>(std::move(*failure));
  return std::nullopt;
}

std::optional<Result<HeldToken>> TokenSource::token_at_once(const Wish& wish) {
  const MutexLock lock(mutex_);
  return known(wish);
}

Result<HeldToken> TokenSource::token(const Wish& wish, const std::string& refused) {
  const auto until = Time::now() + options_.patience;
  const MutexLock lock(mutex_);
  if (auto now = known(wish, refused)) return std::move(*now);
  held_.want(wish);
  changed_.notify_all();
  const auto before = held_.tries(wish);
  while (!stopping_ && held_.tries(wish) == before && changed_.wait_until(mutex_, until)) continue;
  if (!stopping_ && held_.tries(wish) != before) {
    if (auto now = known(wish)) return std::move(*now);
  }
  Error late{Code::deadline_passed, "the issuer has given no token in time"};
  late.retry_after = 1;
  return tl::unexpected<Error>(std::move(late));
}

std::optional<Moment> TokenSource::end_of(const Wish& wish) const {
  const MutexLock lock(mutex_);
  return held_.end_of(wish, clock_.now());
}

std::shared_ptr<SessionKey> TokenSource::session() const {
  const MutexLock lock(mutex_);
  return session_;
}

void TokenSource::work() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    const auto next = held_.next(clock_.now(), Time::now());
    if (!next) {
      changed_.wait_until(mutex_, Time::now() + look_again);
      continue;
    }
    lock.unlock();
    fetch(*next);
    lock.lock();
  }
}

void TokenSource::fetch(const Wish& wish) {
  auto fresh = ask_issuer(wish.request);
  if (fresh) {
    telemetry::log(Level::info, "token_obtained",
                   {{"user", std::to_string(wish.user)},
                    {"audience", wish.request.audience},
                    {"scope", fresh->scope},
                    {"expires_at", std::to_string(to_unix(fresh->expires_at))}});
  } else {
    telemetry::log(Level::warning, "token_not_obtained", fresh.error(),
                   {{"user", std::to_string(wish.user)},
                    {"audience", wish.request.audience},
                    {"scope", wish.request.scope}});
  }
  const MutexLock lock(mutex_);
  if (fresh)
    held_.came(wish, std::move(*fresh));
  else
    held_.failed(wish, fresh.error(), Time::now());
  changed_.notify_all();
}

Result<HeldToken> TokenSource::ask_issuer(const TokenRequest& request) {
  std::shared_ptr<SessionKey> session;
  // A certificate is on the device key.
  if (options_.session_life && !request.by_certificate) {
    auto made = session_for_new_tokens();
    if (!made) return pass_on(made);
    session = std::move(*made);
  }
  auto fresh = agent_.fresh_token(request, session.get());
  if (!fresh) return pass_on(fresh);
  return HeldToken{
      std::move(fresh->token),      std::move(fresh->scope), std::move(fresh->enrolment),
      fresh->obtained_at,           fresh->expires_at,       std::move(session),
      std::move(fresh->certificate)};
}

// Tokens of the former key go on with it until both end.
Result<std::shared_ptr<SessionKey>> TokenSource::session_for_new_tokens() {
  const Moment now = clock_.now();
  if (const auto kept = session(); kept && !kept->is_due(now)) return kept;
  auto made = SessionKey::make(*options_.session_life, now);
  if (!made) return pass_on(made);
  const MutexLock lock(mutex_);
  session_ = *made;
  return *made;
}

}  // namespace mintmark::agent::serve
