#include "agent/tokens.h"

#include <algorithm>
#include <set>
#include <sstream>

namespace mintmark::agent {

std::string normalised_scope(const std::string& scope) {
  std::istringstream words(scope);
  std::set<std::string> sorted;
  for (std::string word; words >> word;) sorted.insert(word);
  std::string text;
  for (const std::string& word : sorted) text += (text.empty() ? "" : " ") + word;
  return text;
}

bool is_fresh(Moment obtained_at, Moment expires_at, Moment now) {
  const std::chrono::seconds life = expires_at - obtained_at;
  const std::chrono::seconds margin =
      std::min<std::chrono::seconds>(std::chrono::seconds{30}, life / 10);
  return now >= obtained_at && now < expires_at - margin;
}

bool is_fresh(const CachedToken& token, Moment now) {
  return is_fresh(token.obtained_at, token.expires_at, now);
}

bool is_due(Moment obtained_at, Moment expires_at, Moment now) {
  return now >= obtained_at + (expires_at - obtained_at) * 3 / 4;
}

const CachedToken* find_fresh(const std::vector<CachedToken>& tokens, const TokenRequest& request,
                              const std::string& jkt, Moment now, const std::string& certificate) {
  const auto found = std::find_if(tokens.begin(), tokens.end(), [&](const CachedToken& token) {
    return token.audience == request.audience && token.scope == request.scope && token.jkt == jkt &&
           token.certificate == certificate && is_fresh(token, now);
  });
  return found == tokens.end() ? nullptr : &*found;
}

std::vector<CachedToken> with_token(std::vector<CachedToken> tokens, CachedToken token,
                                    Moment now) {
  std::erase_if(tokens, [&](const CachedToken& old) {
    const bool same_kind = old.certificate.empty() == token.certificate.empty();
    const bool replaced = same_kind && old.audience == token.audience && old.scope == token.scope;
    const bool of_another = same_kind && old.certificate != token.certificate;
    return replaced || of_another || old.jkt != token.jkt || !is_fresh(old, now);
  });
  tokens.push_back(std::move(token));
  return tokens;
}

}  // namespace mintmark::agent
