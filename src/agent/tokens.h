// The rules of the token cache. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/issuer_client.h"
#include "agent/state.h"
#include "base/time.h"

namespace mintmark::agent {

/// Scope as a set of words: sorted, each once, one space between, so that "b a" finds the token of
/// "a b".
[[nodiscard]] std::string normalised_scope(const std::string& scope);

/// Used until 30 seconds or a tenth of its life, whichever is less, before its end. Not used by a
/// clock that went back behind the moment it was obtained: how much of its life is left is not
/// known then.
[[nodiscard]] bool is_fresh(Moment obtained_at, Moment expires_at, Moment now);
[[nodiscard]] bool is_fresh(const CachedToken& token, Moment now);

/// Three quarters of its life are over: whoever goes on using it should have another by its end.
[[nodiscard]] bool is_due(Moment obtained_at, Moment expires_at, Moment now);

/// The fresh token that was asked for in these words and is bound to this key, or to this
/// certificate on it, or null; points into `tokens`. `certificate`: x5t#S256; "": a token that is
/// bound to the key itself.
[[nodiscard]] const CachedToken* find_fresh(const std::vector<CachedToken>& tokens,
                                            const TokenRequest& request, const std::string& jkt,
                                            Moment now, const std::string& certificate = "");

/// With the new token, without what it replaces, what is over and what is bound to other keys or,
/// where the new one is bound to a certificate, to other certificates.
[[nodiscard]] std::vector<CachedToken> with_token(std::vector<CachedToken> tokens,
                                                  CachedToken token, Moment now);

}  // namespace mintmark::agent
