// Status list tokens (draft-ietf-oauth-status-list-20 §5): a status list, signed, as JWT and as
// CWT. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "verify/key_set.h"
#include "verify/status_list.h"

namespace mintmark::verify {

/// Media types (§8.2); without "application/" the `typ` of the JWT.
inline constexpr std::string_view status_list_jwt_type = "application/statuslist+jwt";
inline constexpr std::string_view status_list_cwt_type = "application/statuslist+cwt";
/// Purpose of the keys: KeySet::parse(jwks, status_list_purpose).
inline constexpr std::string_view status_list_purpose = "status_list";
/// Octets of a token; a longer one is not read.
inline constexpr std::size_t longest_status_list_token = std::size_t{4} << 20U;

/// A token that was checked.
struct StatusListToken {
  Moment issued_at;
  std::optional<Moment> expires_at;
  /// After this long since it was fetched a fresh one should be had (§13.7).
  std::optional<std::chrono::seconds> ttl;
  StatusList list;
};

/// What a token must be. The views must live as long as the call.
struct WantedStatusList {
  std::string_view uri;  ///< Of the referenced token's status_list.uri: the `sub`, octet by octet.
  std::string_view issuer;  ///< `iss`, where it has one.
  Moment now;
  std::chrono::seconds skew{60};  ///< How far the issuer's clock may run ahead of ours.
};

/// §8.3 (3, 4). `keys` are those of purpose `status_list`. `status_list_malformed` (also a required
/// claim that is missing), `status_list_typ`, `status_list_key_unknown`, `status_list_signature`
/// (also an algorithm that is not the key's), `status_list_subject`, `status_list_expired` (also
/// one that is to come). Thread-safe.
[[nodiscard]] Result<StatusListToken> read_status_list_jwt(std::string_view token,
                                                           const KeySet& keys,
                                                           const WantedStatusList& wanted);
/// COSE_Sign1 with its tag, and without CWT's (§5.2).
[[nodiscard]] Result<StatusListToken> read_status_list_cwt(BytesView token, const KeySet& keys,
                                                           const WantedStatusList& wanted);

/// What a token of ours says.
struct StatusListClaims {
  std::string issuer;
  std::string uri;
  std::string aggregation_uri;  ///< "": none.
  Moment issued_at;
  std::chrono::seconds life;
  std::chrono::seconds ttl;
  unsigned bits = 1;
  Bytes compressed;  ///< compressed_list.
};

/// What a key signs: of a JWT its signing input (RFC 7515 §5.1), of a CWT its Sig_structure (RFC
/// 9052 §4.4).
[[nodiscard]] std::string status_list_jwt_input(const StatusListClaims& claims,
                                                const jose::PublicKey& key);
[[nodiscard]] std::string status_list_cwt_input(const StatusListClaims& claims,
                                                const jose::PublicKey& key);
/// The CWT of such an input and its signature. (Of a JWT it is jose::compact.)
[[nodiscard]] std::string status_list_cwt(std::string_view input, BytesView signature);

}  // namespace mintmark::verify
