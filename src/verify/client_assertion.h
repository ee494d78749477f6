// Client assertions: a client authenticates by a JWT that its registered key signed
// (private_key_jwt: RFC 7523 §2.2, §3; the audience as draft-ietf-oauth-rfc7523bis narrows it).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "jose/key.h"

namespace mintmark::verify {

/// How far ahead `exp` may lie: an assertion is made for one request.
inline constexpr std::chrono::seconds assertion_life{300};
/// How far a client's clock may run ahead of ours.
inline constexpr std::chrono::seconds assertion_future{5};
inline constexpr std::size_t assertion_octets = 8U << 10U;  ///< The whole assertion.
inline constexpr std::size_t assertion_jti_octets = 256;    ///< What we are willing to remember.

/// An assertion whose signature and claims were checked; only check_client_assertion makes one.
/// Whether it was used before is ReplayWindow's to say.
class ClientAssertion {
 public:
  [[nodiscard]] const std::string& client_id() const { return client_id_; }  ///< `iss` and `sub`
  /// The registered key that signed it.
  [[nodiscard]] const jose::PublicKey& key() const { return key_; }
  /// `cnf.jkt`: another key that the registered key vouches for, for the DPoP proof beside it.
  [[nodiscard]] const std::optional<std::string>& vouched_jkt() const { return vouched_jkt_; }
  [[nodiscard]] const std::string& jti() const { return jti_; }
  [[nodiscard]] Moment expires_at() const { return expires_at_; }
  [[nodiscard]] const std::optional<Moment>& issued_at() const { return issued_at_; }

 private:
  friend class AssertionReader;
  explicit ClientAssertion(jose::PublicKey key) : key_(std::move(key)) {}
  jose::PublicKey key_;
  std::string client_id_;
  std::optional<std::string> vouched_jkt_;
  std::string jti_;
  Moment expires_at_{};
  std::optional<Moment> issued_at_;
};

/// The registered key of a client; an error (`device_unknown`) is passed on.
using ClientKeys = std::function<Result<jose::PublicKey>(const std::string& client_id)>;

/// `issuer`: our own issuer string, which `aud` must be, as one string (an array, or the token
/// endpoint's URL, lets one issuer's assertion be played to another). The first check that fails
/// gives the error: `assertion_malformed`, `assertion_typ` (absent, "JWT" and
/// "client-authentication+jwt" are taken), `assertion_sub`, `assertion_alg` (the registered key's
/// own is taken), `assertion_signature`, `assertion_iss`, `assertion_aud`, `assertion_exp_missing`,
/// `assertion_expired`, `assertion_exp_far`, `assertion_iat`, `assertion_not_yet_valid`,
/// `assertion_jti`, `assertion_cnf`. Thread-safe.
[[nodiscard]] Result<ClientAssertion> check_client_assertion(std::string_view jwt,
                                                             const ClientKeys& find_key,
                                                             std::string_view issuer, Moment now);

}  // namespace mintmark::verify
