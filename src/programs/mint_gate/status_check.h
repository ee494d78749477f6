// What the status list that a token names says of it (draft-ietf-oauth-status-list §8.3).
#pragma once

#include <chrono>
#include <string>

#include "base/error.h"
#include "mintmark/verifier.h"

namespace mintmark::programs {

/// A token that its list calls valid.
struct ListedAsValid {
  std::string uri;
  std::chrono::seconds age;  ///< Since the list was signed, by this machine's clock.
};

/// Fetches the list over TLS, from below the issuer's URL and nowhere else: whoever made a token
/// says where its list is. `token_revoked`, `token_suspended`; `status_missing`, `status_malformed`
/// (of the token), `status_index_out_of_range`; `status_list_unavailable`, the errors of a key
/// source and those of read_status_list_jwt: nothing is said about the token.
[[nodiscard]] Result<ListedAsValid> check_status(const VerifiedToken& token,
                                                 const std::string& issuer,
                                                 const std::string& ca_file);

}  // namespace mintmark::programs
