// Our own access tokens, as they come back to us: at introspection, and for the issuer itself.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit/issuance_log.h"
#include "base/mutex.h"
#include "issuer/minting_clock.h"
#include "keyring/keyring.h"
#include "verify/access_token.h"
#include "verify/revoked_set.h"

namespace mintmark::issuer {

/// Whether a token was revoked (revoke::EventLog::judge). Thread-safe.
using RevocationJudge =
    std::function<verify::RevokedSet::Verdict(const verify::RevocableToken& token)>;

/// Which token it is, and whose.
struct NamedToken {
  /// As it was logged, but for what it does not say of itself: `rule`, `ends_with_evidence`. `list`
  /// is 0 where it has no entry.
  audit::Issued token;
  std::string client_id;
};

/// Thread-safe. References must outlive it.
class OwnTokens {
 public:
  struct Parts {
    std::string issuer;
    const MintingClock& clock;
    const keyring::Keyring& keyring;
    RevocationJudge judge = {};  ///< Empty: nothing was ever revoked.
  };
  explicit OwnTokens(Parts parts) : parts_(std::move(parts)) {}

  /// A token that is good now for one of these audiences: by a key that is published now, in time
  /// by our own clock, not revoked. Errors of verify::parse_access_token, check_access_token and
  /// check_times; `token_revoked`, `token_key_revoked`; `keys_not_ready`, `clock_behind`. Whether
  /// the sender holds what `cnf` names is not asked.
  [[nodiscard]] Result<verify::CheckedToken> check(std::string_view token,
                                                   const std::vector<std::string>& audiences) const;

  /// Whether a token that was good is not revoked since: `token_revoked`, `token_key_revoked`.
  [[nodiscard]] Result<void> check_standing(const verify::CheckedToken& token) const;

  /// What a token says of itself that a key of ours signed, whoever it is for, over or not. Errors:
  /// `token_malformed`, `token_typ`, `token_key_unknown`, `token_signature`; `keys_not_ready`.
  [[nodiscard]] Result<NamedToken> named(std::string_view token) const;

 private:
  struct Keys {
    std::shared_ptr<const keyring::Snapshot> of;
    verify::KeySet set;
  };
  [[nodiscard]] Result<std::shared_ptr<const Keys>> keys() const;

  Parts parts_;
  mutable Mutex mutex_;
  mutable std::shared_ptr<const Keys> keys_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::issuer
