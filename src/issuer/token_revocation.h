// A client takes back a token of its own (RFC 7009).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "hsm/key_store.h"
#include "issuer/client_authentication.h"
#include "issuer/client_rate.h"
#include "issuer/own_tokens.h"

namespace mintmark::issuer {

/// Thread-safe. All references must outlive it and every call under way.
class TokenRevocation {
 public:
  struct Parts {
    const MintingClock& clock;
    const keyring::Keyring& keyring;
    const OwnTokens& tokens;
    ClientAuthentication& authentication;
    /// Revokes this token, as revoke::Revoker::revoke_proven does: `done` when it is on disk.
    /// `revoked_token_unknown` where it is over.
    std::function<void(const audit::Issued& token, std::function<void(Result<void>)> done)> revoke;
    ClientRate* rate = nullptr;  ///< Null: as often as it likes.
  };
  /// `url`: this endpoint's, what `htu` must name.
  TokenRevocation(std::string url, Parts parts) : url_(std::move(url)), parts_(std::move(parts)) {}

  /// The client authenticates as at the token endpoint; where it brings an assertion, the proof may
  /// be left out: nothing is bound to its key here, and RFC 7009 knows of none. `done` without
  /// error: the token is good no longer, or never was one of ours, or is over. Errors: of
  /// ClientAuthentication; `revoked_token_foreign`: it is another client's;
  /// `token_type_unsupported`: it is something else that we gave out; RateLimit's; those of
  /// `revoke`.
  void revoke(const Credentials& credentials, std::string_view token, hsm::Done<void> done);

  [[nodiscard]] ClientAuthentication& authentication() { return parts_.authentication; }

 private:
  [[nodiscard]] Result<std::optional<NamedToken>> accept(const Credentials& credentials,
                                                         std::string_view token);

  std::string url_;
  Parts parts_;
};

}  // namespace mintmark::issuer
