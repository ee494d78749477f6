// Labels of CBOR Web Tokens (RFC 8392 §4, RFC 9052 §3.1, RFC 9596 §2, draft-ietf-oauth-status-list
// §5.2).
#pragma once

#include <cstdint>

namespace mintmark::cbor::cwt {

// Header parameters.
inline constexpr std::int64_t alg = 1;
inline constexpr std::int64_t kid = 4;
inline constexpr std::int64_t typ = 16;

// Claims.
inline constexpr std::int64_t iss = 1;
inline constexpr std::int64_t sub = 2;
inline constexpr std::int64_t exp = 4;
inline constexpr std::int64_t nbf = 5;
inline constexpr std::int64_t iat = 6;
inline constexpr std::int64_t status_list = 65533;
inline constexpr std::int64_t ttl = 65534;

}  // namespace mintmark::cbor::cwt
