// The tokens that the agent holds, in memory alone; when each is asked for and when another is
// asked for ahead of its end. Pure but for the clock that it is told.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/issuer_client.h"
#include "agent/session_key.h"
#include "base/time.h"

namespace mintmark::agent::serve {

struct HeldToken {
  std::string token;
  std::string scope;  ///< As granted.
  std::string jkt;    ///< The key it is bound to.
  Moment obtained_at{};
  Moment expires_at{};
  std::shared_ptr<SessionKey> session = {};  ///< That key, unless it is the device's.
};

/// One for each audience and scope that was asked for; those that were not asked for longest give
/// way beyond `most`. A failure is remembered for a pause that doubles from one second to half a
/// minute: whoever asks meanwhile is told of it, and neither issuer nor device key is troubled. Not
/// thread-safe.
class HeldTokens {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit HeldTokens(std::size_t most = 256) : most_(most) {}

  /// Whoever uses it asks here, each time: what nobody asks for is not renewed. A token if one is
  /// fresh; `refused` (of a service) is none, unless it came only now.
  [[nodiscard]] std::optional<HeldToken> ask(const TokenRequest& request, Moment now,
                                             const std::string& refused = "");
  /// The last failure while its pause lasts, with retry_after.
  [[nodiscard]] std::optional<Error> pausing(const TokenRequest& request, Time at) const;

  /// `ask` gave nothing and somebody waits.
  void want(const TokenRequest& request);
  /// What to ask the issuer for next: first what somebody waits for, then what is due by three
  /// quarters of its life and was asked for since it came. Nothing while it pauses.
  [[nodiscard]] std::optional<TokenRequest> next(Moment now, Time at) const;

  void came(const TokenRequest& request, HeldToken token);
  void failed(const TokenRequest& request, const Error& error, Time at);
  /// How often `came` or `failed` were said of it.
  [[nodiscard]] std::uint64_t tries(const TokenRequest& request) const;

  /// The end of the token that is held; nothing if none is fresh.
  [[nodiscard]] std::optional<Moment> end_of(const TokenRequest& request, Moment now) const;

 private:
  struct Entry {
    std::optional<HeldToken> held;
    Moment asked_at{};
    bool wanted = false;
    std::uint64_t tries = 0;
    unsigned failures = 0;  ///< In a row.
    Error last_failure;
    Time pauses_until{};
  };
  using Key = std::pair<std::string, std::string>;

  [[nodiscard]] Entry& entry_of(const TokenRequest& request);
  [[nodiscard]] const Entry* find(const TokenRequest& request) const;
  void make_room();

  std::size_t most_;
  std::map<Key, Entry> entries_;
};

}  // namespace mintmark::agent::serve
