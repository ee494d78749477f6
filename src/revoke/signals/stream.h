// One stream: what its service asked for, and how far it has been told.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "revoke/signals/mapping.h"
#include "revoke/signals/set.h"

namespace mintmark::revoke::signals {

inline constexpr std::string_view push_method = "urn:ietf:rfc:8935";
inline constexpr std::string_view poll_method = "urn:ietf:rfc:8936";

/// What a service decides (SSF 1.0 §8.1.1).
struct StreamSettings {
  std::vector<std::string> audience;                  ///< `aud`; never empty, never changes.
  std::optional<std::vector<std::string>> requested;  ///< Nothing: all that is supported.
  std::string description;
  bool push = false;
  std::string endpoint;  ///< Of push.
  /// Of push: the value of the Authorization field; null: none. Never shown, never logged.
  std::shared_ptr<const Secret> authorization;
  std::vector<Json> removed;  ///< Subjects that it does not want to hear of.

  /// `events_delivered`: supported and requested, in the order of supported_events().
  [[nodiscard]] std::vector<std::string> delivered() const;
  /// Without the authorization.
  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Result<StreamSettings> from_json(const Json& json);
};

enum class Status : std::uint8_t { enabled, paused, disabled };
[[nodiscard]] std::string_view name_of(Status status);
[[nodiscard]] std::optional<Status> status_named(std::string_view name);

/// A place in the event log: all before signal `part` of entry `seq` is done with.
struct Place {
  std::uint64_t seq = 1;
  std::uint32_t part = 0;
};

/// What changes with each delivery.
struct StreamState {
  Status status = Status::enabled;
  std::string reason;
  std::string log;             ///< Whose numbers the places speak of.
  Place walked;                ///< All before it was looked at:
  std::vector<Place> waiting;  ///< of that, in order, what the stream gets and nobody acknowledged.
  std::vector<PlannedSet> notices;  ///< SSF's own events, which are in no log.
  Moment failing_since{};           ///< 0: the last push went well.
  Moment verified_at{};             ///< When a verification was last asked for.

  /// The first that waits, or what was not looked at.
  [[nodiscard]] Place front() const { return waiting.empty() ? walked : waiting.front(); }
  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static Result<StreamState> from_json(const Json& json);
};

}  // namespace mintmark::revoke::signals
