// What keys of status lists sign: status list tokens, as JWT and as CWT
// (draft-ietf-oauth-status-list-20 §5). Of this folder alone. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "jose/jws.h"

namespace mintmark::hsm::signer {

inline constexpr std::string_view list_jwt_typ = "statuslist+jwt";
inline constexpr std::string_view list_cwt_typ = "application/statuslist+cwt";
/// Octets of what is signed: what a message to the signer takes.
inline constexpr std::size_t longest_list_input = 256U << 10U;

/// Whether it is no JWS signing input, whose octets are all ASCII, but may be a Sig_structure.
[[nodiscard]] bool may_be_cose(std::string_view input);

/// A COSE Sig_structure (RFC 9052 §4.4) around a CWT in the words of a JWT, so that one set of
/// rules judges both: labels by their claims' names, `lst` as binary. A label that no status list
/// has is named by its number. `purpose_refused`.
[[nodiscard]] Result<jose::SigningInputParts> list_parts_of_cwt(std::string_view input);

/// Its claims beyond `iss`, `iat` and `exp`, which were checked; nothing else may stand there:
/// `sub` below ISSUER/status/, `ttl` no longer than its life, `status_list`. `purpose_refused`.
[[nodiscard]] Result<void> check_list_claims(const std::string& issuer, const Json& claims);

}  // namespace mintmark::hsm::signer
