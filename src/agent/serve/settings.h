// The configuration of `mint-agent serve`; docs/mint-agent.schema.json says the same for people.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/url.h"

namespace mintmark::agent::serve {

struct SocketPlace {
  std::string path;      ///< Absolute.
  unsigned mode = 0660;  ///< Permissions.
  std::optional<gid_t> group = {};
};

/// A service that local programs may reach through the agent. Its origin alone: the path is the
/// program's.
struct Destination {
  http::Url url;
  std::string audience;
  std::string ca_file;  ///< PEM of the roots that vouch for it; "": those of the issuer.
  /// Carried by tokens that are bound to the device's certificate, over kept connections with it:
  /// no proofs.
  bool mtls = false;
};

/// What somebody may have of one audience.
struct Grant {
  std::string audience;
  std::set<std::string> scopes;           ///< At least one.
  std::vector<std::string> destinations;  ///< Origins; empty: all of the audience's.
};

/// Whoever it matches: by user, by group, or by both at once.
struct UserRule {
  std::optional<uid_t> user;
  std::optional<gid_t> group;
  std::vector<Grant> grants;
};

/// What is held at once and how long is waited. Beyond is shed: 503 with Retry-After.
struct Limits {
  unsigned threads = 16;  ///< Requests worked on at once; each waits for network or hardware.
  unsigned waiting = 64;  ///< Requests that wait for one of them.
  std::chrono::milliseconds thread{10'000};   ///< The longest wait for one.
  unsigned hardware_waiting = 16;             ///< Signatures that wait for the device key.
  std::chrono::milliseconds hardware{5'000};  ///< The longest wait for one.
  std::chrono::milliseconds token{10'000};    ///< The longest wait for a token from the issuer.
  std::chrono::milliseconds answer{30'000};   ///< The longest wait for a service's answer.
  std::size_t body_octets = 1U << 20U;        ///< Of a request.
  std::size_t answer_octets = 4U << 20U;      ///< Of a service's answer.
  std::size_t connections = 256;              ///< How they are shared: connection_share.

  bool operator==(const Limits&) const = default;
};

struct Settings {
  SocketPlace socket;
  std::optional<std::chrono::seconds> session_life;  ///< Nothing: no session keys.
  std::vector<Destination> destinations;
  std::vector<UserRule> users;
  Limits limits;
  std::string log_level = "info";
};

/// `config_invalid`: "FILE:LINE: key …", what is wrong and what would be right. Names of users and
/// groups are looked up now.
[[nodiscard]] Result<Settings> parse_settings(const std::string& file, std::string_view text);

/// Without a file: a socket for one user, who may have these scopes of one audience.
struct Simple {
  std::string socket;
  std::string audience;
  std::string scope;                      ///< Words with a blank between.
  std::vector<std::string> destinations;  ///< Origins.
  bool session = false;
};
/// `config_invalid` as of a file; `user`: whoever runs the agent.
[[nodiscard]] Result<Settings> simple_settings(const Simple& simple, uid_t user);

/// `config_invalid`: a destination is the issuer itself, whose proofs are nobody's but the agent's.
[[nodiscard]] Result<void> check_against_issuer(const Settings& settings,
                                                const std::string& issuer);

}  // namespace mintmark::agent::serve
