// The tokens that the agent holds, in memory alone; when each is asked for and when another is
// asked for ahead of its end. Pure but for the clocks that it is told.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "agent/issuer_client.h"
#include "agent/session_key.h"
#include "base/time.h"

namespace mintmark::agent::serve {

struct HeldToken {
  std::string token;
  std::string scope;      ///< As granted.
  std::string enrolment;  ///< Of the device, as it was given.
  Moment obtained_at{};
  Moment expires_at{};
  std::shared_ptr<SessionKey> session = {};  ///< The key it is bound to, unless the device's.
  std::string certificate = {};              ///< x5t#S256 of the one it is bound to; "": none.
};

/// Each user has tokens of its own, so that nobody is served worse for what another asks for.
struct Wish {
  uid_t user = 0;
  std::string enrolment;
  TokenRequest request;  ///< Scope normalised.
};

struct HeldLimits {
  std::size_t of_user = 16;  ///< Audience and scope, each pair one; what was not asked for longest
                             ///< gives way.
  std::size_t most = 1024;   ///< Of all users.
  /// Of one user: the issuer is asked so often at once, and once a second on the average.
  unsigned at_once = 8;
};

/// Users take turns; of one user, whoever waits goes by arrival. A refusal is remembered for a
/// pause that doubles from one second to half a minute: whoever asks meanwhile is told of it, and
/// neither issuer nor device key is troubled. A failure that may pass is remembered for all scopes
/// of the user and audience. Not thread-safe.
class HeldTokens {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit HeldTokens(HeldLimits limits = {}) : limits_(limits) {}

  /// Whoever uses it asks here, each time: what nobody asks for is not renewed. A token if one is
  /// fresh; `refused` (of a service) is none, unless it came only now.
  [[nodiscard]] std::optional<HeldToken> ask(const Wish& wish, Moment now,
                                             const std::string& refused = "");
  /// The last failure while its pause lasts, with retry_after.
  [[nodiscard]] std::optional<Error> pausing(const Wish& wish, Time at) const;

  /// `ask` gave nothing and somebody waits.
  void want(const Wish& wish);
  /// Takes a turn: what to ask the issuer for next; first what somebody waits for, then what is due
  /// by three quarters of its life and was asked for since it came. Nothing while it pauses, or its
  /// user has asked too often.
  [[nodiscard]] std::optional<Wish> next(Moment now, Time at);

  /// Tokens of another enrolment are given up.
  void came(const Wish& wish, HeldToken token);
  void failed(const Wish& wish, const Error& error, Time at);
  /// How often `came` or `failed` were said of it.
  [[nodiscard]] std::uint64_t tries(const Wish& wish) const;

  /// The end of the token that is held; nothing if none is fresh.
  [[nodiscard]] std::optional<Moment> end_of(const Wish& wish, Moment now) const;

 private:
  struct Pause {
    unsigned failures = 0;  ///< In a row.
    Error last;
    Time until{};
  };
  struct Entry {
    std::optional<HeldToken> held;
    Moment asked_at{};
    std::uint64_t wanted = 0;  ///< When it came to be, as a number that grows; 0: nobody waits.
    std::uint64_t tries = 0;
    Pause pause;
  };
  struct Place {
    std::string enrolment;
    std::string audience;
    std::string scope;
    bool by_certificate = false;
    [[nodiscard]] auto tied() const { return std::tie(enrolment, audience, scope, by_certificate); }
    bool operator<(const Place& other) const { return tied() < other.tied(); }
  };
  struct User {
    std::map<Place, Entry> entries;
    std::map<std::string, Pause> pauses;  ///< By audience: of failures that may pass.
    std::uint64_t served = 0;             ///< When its last turn was.
    Time paid_until{};
  };
  struct Due {
    std::map<uid_t, User>::iterator user;
    std::map<Place, Entry>::iterator entry;
  };

  static Place place_of(const Wish& wish);
  static bool is_over(const Pause& pause, Time at) {
    return pause.failures == 0 || at >= pause.until;
  }
  static void lengthen(Pause& pause, const Error& error, Time at);
  [[nodiscard]] Entry& entry_of(const Wish& wish);
  [[nodiscard]] const Entry* find(const Wish& wish) const;
  [[nodiscard]] bool may_ask(const User& user, Time at) const;
  [[nodiscard]] static std::map<Place, Entry>::iterator due_of(User& user, Moment now, Time at);
  void make_room(User& own);

  HeldLimits limits_;
  std::map<uid_t, User> users_;
  std::size_t all_ = 0;
  std::uint64_t counted_ = 0;
};

}  // namespace mintmark::agent::serve
