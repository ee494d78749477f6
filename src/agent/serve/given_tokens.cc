#include "agent/serve/given_tokens.h"

#include <algorithm>

namespace mintmark::agent::serve {

void GivenTokens::give(const HeldToken& token, const std::string& audience, uid_t user,
                       Moment now) {
  const Sha256 hash = sha256(token.token);
  const MutexLock lock(mutex_);
  if (entries_.count(hash) == 0) make_room(now);
  Entry& entry = entries_[hash];
  entry.given = {audience, token.scope, token.enrolment, token.expires_at, token.session};
  entry.users.insert(user);
}

void GivenTokens::make_room(Moment now) {
  std::erase_if(entries_, [&](const auto& one) { return now >= one.second.given.expires_at; });
  if (entries_.size() < most_) return;
  entries_.erase(
      std::min_element(entries_.begin(), entries_.end(), [](const auto& left, const auto& right) {
        return left.second.given.expires_at < right.second.given.expires_at;
      }));
}

std::optional<GivenTokens::Given> GivenTokens::find(const std::string& token, uid_t user,
                                                    Moment now) const {
  const Sha256 hash = sha256(token);
  const MutexLock lock(mutex_);
  const auto found = entries_.find(hash);
  if (found == entries_.end() || found->second.users.count(user) == 0) return std::nullopt;
  if (now >= found->second.given.expires_at) return std::nullopt;
  return found->second.given;
}

}  // namespace mintmark::agent::serve
