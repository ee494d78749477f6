// Frontiers: one signature that commits to every entry of the event log before it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "jose/jws.h"

namespace mintmark::verify {

/// `typ` of a frontier's JWS, by a key of purpose `event`.
inline constexpr std::string_view frontier_typ = "mintmark-frontier+jwt";

/// The head of an empty log: SHA-256("mintmark event log 1\n" log "\n").
[[nodiscard]] Sha256 empty_head(std::string_view log);
/// SHA-256(head, entry), where `entry` is its JSON text octet by octet.
[[nodiscard]] Sha256 next_head(const Sha256& head, std::string_view entry);

/// A frontier's claims: {"iss", "iat", "exp", "ms", "log", "seq", "head", "bound", "revoked_keys",
/// "snapshot"?}.
struct Frontier {
  std::string log;        ///< Random; another one is another log, whose numbers begin anew.
  std::uint64_t seq = 0;  ///< Of the last entry that it commits to.
  Sha256 head{};
  /// The issuer's clock when it was made, in milliseconds since 1970: how late a frontier comes is
  /// seen by comparing with the earliest of its connection, which needs no common clock.
  std::int64_t ms = 0;
  /// What is not heard of for so long after the last frontier is not trusted any more.
  std::chrono::seconds bound{10};
  std::set<std::string> revoked_keys;  ///< kids, of every purpose.
  std::string snapshot;  ///< base64url SHA-256 of the snapshot's text that it came with; "": none.
};

/// Header and claims as they are signed.
[[nodiscard]] std::string frontier_input(const Frontier& frontier, const std::string& issuer,
                                         std::string_view alg, std::string_view kid, Moment iat,
                                         std::chrono::seconds life);

/// Of a JWS whose signature is good, and whose `typ` and `iss` were looked at:
/// `frontier_malformed`.
[[nodiscard]] Result<Frontier> read_frontier(const Json& claims);

}  // namespace mintmark::verify
