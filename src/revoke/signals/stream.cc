#include "revoke/signals/stream.h"

#include <algorithm>
#include <array>

namespace mintmark::revoke::signals {
namespace {

constexpr std::array<std::string_view, 3> status_names{"enabled", "paused", "disabled"};

/// For files of ours alone: what is not as we wrote it throws inside and is told as an error.
template <typename Value, typename Read>
Result<Value> read_own(const char* what, Read read) {
  try {
    return read();
  } catch (const nlohmann::json::exception& error) {
    return fail(Code::store_failed, std::string("a stream's ") + what + ": " + error.what());
  }
}

Json to_json(const PlannedSet& set) {
  return {{"jti", set.jti},
          {"txn", set.txn},
          {"type", set.signal.type},
          {"subject", set.signal.subject},
          {"event", set.signal.event}};
}

PlannedSet set_from(const Json& json) {
  return {json.at("jti").get<std::string>(),
          json.at("txn").get<std::string>(),
          {json.at("type").get<std::string>(), json.at("subject"), json.at("event"), ""}};
}

}  // namespace

std::vector<std::string> StreamSettings::delivered() const {
  if (!requested) return supported_events();
  std::vector<std::string> both;
  for (const std::string& event : supported_events()) {
    if (std::find(requested->begin(), requested->end(), event) != requested->end())
      both.push_back(event);
  }
  return both;
}

Json StreamSettings::to_json() const {
  Json json = {{"aud", audience},
               {"description", description},
               {"push", push},
               {"endpoint", endpoint},
               {"removed", removed}};
  if (requested) json["requested"] = *requested;
  return json;
}

Result<StreamSettings> StreamSettings::from_json(const Json& json) {
  return read_own<StreamSettings>("settings", [&] {
    StreamSettings settings;
    settings.audience = json.at("aud").get<std::vector<std::string>>();
    if (json.contains("requested"))
      settings.requested = json.at("requested").get<std::vector<std::string>>();
    settings.description = json.at("description").get<std::string>();
    settings.push = json.at("push").get<bool>();
    settings.endpoint = json.at("endpoint").get<std::string>();
    settings.removed = json.at("removed").get<std::vector<Json>>();
    return settings;
  });
}

std::string_view name_of(Status status) {
  return status_names.at(static_cast<std::size_t>(status));
}

std::optional<Status> status_named(std::string_view name) {
  for (std::size_t i = 0; i < status_names.size(); ++i) {
    if (status_names.at(i) == name) return static_cast<Status>(i);
  }
  return std::nullopt;
}

Json StreamState::to_json() const {
  Json json = {{"status", name_of(status)},
               {"reason", reason},
               {"log", log},
               {"seq", walked.seq},
               {"part", walked.part},
               {"waiting", Json::array()},
               {"notices", Json::array()},
               {"failing_since", to_unix(failing_since)},
               {"verified_at", to_unix(verified_at)}};
  for (const Place& place : waiting) json["waiting"].push_back({place.seq, place.part});
  for (const PlannedSet& notice : notices) json["notices"].push_back(signals::to_json(notice));
  return json;
}

Result<StreamState> StreamState::from_json(const Json& json) {
  return read_own<StreamState>("state", [&] {
    StreamState state;
    state.status = status_named(json.at("status").get<std::string>()).value_or(Status::paused);
    state.reason = json.at("reason").get<std::string>();
    state.log = json.at("log").get<std::string>();
    state.walked = {json.at("seq").get<std::uint64_t>(), json.at("part").get<std::uint32_t>()};
    for (const Json& place : json.at("waiting"))
      state.waiting.push_back({place.at(0).get<std::uint64_t>(), place.at(1).get<std::uint32_t>()});
    for (const Json& notice : json.at("notices")) state.notices.push_back(set_from(notice));
    state.failing_since = from_unix(json.at("failing_since").get<std::int64_t>());
    state.verified_at = from_unix(json.at("verified_at").get<std::int64_t>());
    return state;
  });
}

}  // namespace mintmark::revoke::signals
