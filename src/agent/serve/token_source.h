// Where tokens come from: what is held, else the issuer, asked by one thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "agent/agent.h"
#include "agent/serve/held_tokens.h"

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
  void fetch(const Wish& wish, std::unique_lock<std::mutex>& lock);
  [[nodiscard]] std::optional<Result<HeldToken>> known(const Wish& wish,
                                                       const std::string& refused = "");
  [[nodiscard]] Result<HeldToken> ask_issuer(const TokenRequest& request);
  [[nodiscard]] Result<std::shared_ptr<SessionKey>> session_for_new_tokens();

  Agent agent_;
  const Clock& clock_;
  TokenSourceOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  HeldTokens held_;
  std::shared_ptr<SessionKey> session_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mintmark::agent::serve
