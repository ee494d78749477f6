// Which token was given to which user: a proof is made for no other. By hash, in memory alone.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/serve/held_tokens.h"
#include "base/bytes.h"
#include "base/mutex.h"

namespace mintmark::agent::serve {

/// Thread-safe. Forgets what is over, and beyond `most` what ends first.
class GivenTokens {
 public:
  struct Given {
    std::string audience;
    std::string scope;      ///< As granted.
    std::string enrolment;  ///< As of HeldToken.
    Moment expires_at{};
    std::shared_ptr<SessionKey> session;  ///< As of HeldToken.
  };

  explicit GivenTokens(std::size_t most = 4096) : most_(most) {}

  void give(const HeldToken& token, const std::string& audience, uid_t user, Moment now);
  /// Nothing where this user was not given this token, or it is over.
  [[nodiscard]] std::optional<Given> find(const std::string& token, uid_t user, Moment now) const;

 private:
  struct Entry {
    Given given;
    std::set<uid_t> users;
  };
  void make_room(Moment now) MINTMARK_REQUIRES(mutex_);

  std::size_t most_;
  mutable Mutex mutex_;
  std::map<Sha256, Entry> entries_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::agent::serve
