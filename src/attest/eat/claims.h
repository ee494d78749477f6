// The claims of a verified token: for whom, by whom, of when, in what state. Pure; thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/time.h"

namespace mintmark::attest::eat {

/// How far an attester's clock may be ahead of ours.
inline constexpr std::chrono::seconds skew = std::chrono::minutes(1);
/// How old a token without exp may be.
inline constexpr std::chrono::seconds oldest = std::chrono::minutes(10);
/// From iat, or from now where it has none, to exp.
inline constexpr std::chrono::seconds longest_life = std::chrono::hours(24);

/// `eat_issuer`: it names none of them by `iss`, nor without one by an EAR's `ear_verifier_id`
/// (draft-ietf-rats-ear §3.1). With no issuers it is not looked at, but must still be a text:
/// `eat_malformed`.
[[nodiscard]] Result<void> check_issuer(const Json& claims,
                                        const std::vector<std::string>& issuers);
/// `eat_audience`; "" is not looked at.
[[nodiscard]] Result<void> check_audience(const Json& claims, const std::string& audience);
/// eat_nonce must be the octets as base64url, or an array that holds them (RFC 9711 §4.1). A token
/// of Azure Attestation must have them where the TEE signed them, whatever else it has: in front of
/// zeros in x-ms-sevsnpvm-reportdata or tdx_report_data, or as x-ms-sgx-ehd; nowhere for other
/// types of attestation. `eat_nonce`
[[nodiscard]] Result<void> check_nonce(const Json& claims, BytesView wanted);
/// `eat_expired`, `eat_not_yet_valid`, `eat_iat` (ahead, or too old without exp), `eat_lifetime`
/// (neither exp nor iat, or a life of more than longest_life), `eat_malformed`.
[[nodiscard]] Result<void> check_times(const Json& claims, Moment at);
/// dbgstat, and what Azure Attestation says instead, wherever they stand: `eat_debug`,
/// `eat_malformed`.
[[nodiscard]] Result<void> check_debug(const Json& claims);
/// The hexadecimal measurement that Azure Attestation tells of a guest or an enclave; "" where
/// there is none.
[[nodiscard]] std::string measurement_of(const Json& claims);
/// A text, or "" where the claim is absent or none.
[[nodiscard]] std::string text_of(const Json& claims, const char* name);

}  // namespace mintmark::attest::eat
