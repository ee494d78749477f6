// GET ISSUER/status/LIST and ISSUER/statuslists: which tokens are good
// (draft-ietf-oauth-status-list-20 §8, §9).
#pragma once

#include "http/router.h"
#include "revoke/status_list_tokens.h"

namespace mintmark::api {

/// Adds both, for browsers of every origin too. A list as JWT or, where the request's Accept likes
/// that better, as CWT; 406 where it takes neither, 404 `status_list_unknown`, 503
/// `status_list_unavailable` while none could be signed, 501 where it asks for one of the past
/// (§8.4). `path`: what stands behind the issuer's host. `tokens` must outlive the router.
void add_status_lists(http::Router& router, const std::string& path,
                      revoke::StatusListTokens& tokens, const Clock& clock);

}  // namespace mintmark::api
