// Where tokens come from: what is held, else the issuer, asked by one thread.
#pragma once

#include <functional>
#include <thread>

#include "agent/agent.h"
#include "agent/serve/held_tokens.h"
#include "base/mutex.h"

namespace mintmark::agent::serve {

struct TokenSourceOptions {
  std::optional<std::chrono::seconds>
      session_life;                            ///< Nothing: tokens are bound to the device key.
  std::chrono::milliseconds patience{10'000};  ///< The longest wait of a caller.
};

/// Thread-safe. The agent is used by its own thread alone: it attests again where that is due, asks
/// for tokens that are wanted, and for those that are used ahead of their end.
class TokenSource {
 public:
  /// `clock` must outlive it.
  TokenSource(Agent agent, const Clock& clock, TokenSourceOptions options);
  ~TokenSource();
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;

  /// `refused`: a token that a service did not take. Errors of Agent::fresh_token, of this try or
  /// of the last where that was a moment ago; `deadline_passed`.
  [[nodiscard]] Result<HeldToken> token(const Wish& wish, const std::string& refused = "");
  /// The same as far as it can be said without waiting for anybody; nothing: ask `token`.
  [[nodiscard]] std::optional<Result<HeldToken>> token_at_once(const Wish& wish);
  [[nodiscard]] std::optional<Moment> end_of(const Wish& wish) const;
  /// The session key that new tokens are bound to; null where there is none yet.
  [[nodiscard]] std::shared_ptr<SessionKey> session() const;

 private:
  void work();
  void fetch(const Wish& wish) MINTMARK_EXCLUDES(mutex_);
  [[nodiscard]] std::optional<Result<HeldToken>> known(const Wish& wish,
                                                       const std::string& refused = "")
      MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] Result<HeldToken> ask_issuer(const TokenRequest& request) MINTMARK_EXCLUDES(mutex_);
  [[nodiscard]] Result<std::shared_ptr<SessionKey>> session_for_new_tokens();

  Agent agent_;
  const Clock& clock_;
  TokenSourceOptions options_;
  mutable Mutex mutex_;
  Condition changed_;
  HeldTokens held_ MINTMARK_GUARDED_BY(mutex_);
  std::shared_ptr<SessionKey> session_ MINTMARK_GUARDED_BY(mutex_);
  bool stopping_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mintmark::agent::serve
