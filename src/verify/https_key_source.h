// The issuer's keys over TLS, found by its metadata (RFC 8414).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "http/client.h"
#include "http/message.h"
#include "mintmark/verifier.h"

namespace mintmark::verify {

/// For the whole of one fetch, metadata included, but without the look-up of names.
inline constexpr std::chrono::seconds key_fetch_patience{10};
/// How long an answer is good that does not say.
inline constexpr std::chrono::seconds silent_max_age{60};

/// Asks for the metadata, whose `issuer` must be ours octet by octet (RFC 8414 §3.3), keeps them
/// for their max-age, and asks for the document at `jwks_uri`. One thread at a time.
class HttpsKeySource final : public KeySource {
 public:
  /// `instance`: see published_keys. Throws std::invalid_argument.
  explicit HttpsKeySource(std::string issuer, std::string ca_file = "", std::string instance = "");

  /// `keys_unavailable`, `metadata_malformed`, `metadata_issuer_mismatch`.
  [[nodiscard]] tl::expected<KeyDocument, Refused> fetch() override;
  /// As fetch; with an instance, the request for the keys says it and `held`.
  [[nodiscard]] tl::expected<KeyDocument, Refused> fetch_holding(
      const std::vector<std::string>& held) override;

 private:
  [[nodiscard]] Result<http::Response> get(const std::string& url, http::Headers headers,
                                           Deadline deadline);
  [[nodiscard]] Result<void> find_jwks_uri(Deadline deadline);

  std::string issuer_;
  std::string instance_;
  http::Client client_;
  std::string jwks_uri_;
  std::optional<Deadline> metadata_good_;
};

/// "Mintmark-Verifier", and "Mintmark-Held-Kids" if there are any: at most `most_held_kids`, those
/// of at most `longest_held_kid` characters of base64url. What the issuer wrote as a kid goes into
/// a header of ours in no other form; a kid that is left out counts as not held.
[[nodiscard]] http::Headers acknowledgement(const std::string& instance,
                                            const std::vector<std::string>& held);
inline constexpr std::size_t most_held_kids = 64;
inline constexpr std::size_t longest_held_kid = 43;  ///< RFC 7638 with SHA-256.

/// Where the metadata of an issuer are: "/.well-known/oauth-authorization-server" between host and
/// path (RFC 8414 §3.1). `http_malformed` for what cannot be an issuer.
[[nodiscard]] Result<std::string> metadata_url(const std::string& issuer);

/// How long an answer may be used from now on: the least of what Cache-Control says (RFC 9111
/// §5.2.2; no-store and no-cache are 0), less the time it spent in caches on the way (Age, §5.1).
[[nodiscard]] std::chrono::seconds max_age_of(const http::Headers& headers);

}  // namespace mintmark::verify
