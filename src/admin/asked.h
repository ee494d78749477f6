// What an operator's request asks for, and its answer.
#pragma once

#include "admin/keeper_endpoints.h"
#include "base/json.h"
#include "config/reader.h"
#include "http/message.h"

namespace mintmark::admin {

inline constexpr std::size_t longest_reason = 200;

/// The body, a JSON object, as `read` takes it from a config::ObjectReader; or refused
/// (`admin_member_wrong`) with its member and what would be right.
template <typename Read>
[[nodiscard]] Result<void> read_request(const http::Request& request, Read read) {
  const auto document = parse_json_document("request", request.body);
  if (!document) return fail(Code::admin_member_wrong, document.error().detail);
  config::ObjectReader reader(*document, Code::admin_member_wrong);
  read(reader);
  return reader.finish();
}

/// The operator's words under "reason"; "" where there are none.
[[nodiscard]] inline std::string reason_in(config::ObjectReader& reader) {
  std::string why = reader.text("reason", "");
  if (why.size() > longest_reason) reader.refuse("reason", "must be at most 200 octets long");
  return why;
}

/// What a revocation would meet, and did not.
[[nodiscard]] inline Json would_meet(std::size_t live) {
  return {{"live", live}, {"seq", 0}, {"dry_run", true}};
}

inline void answer_with(const http::Respond& respond, const Result<Json>& result) {
  respond(result ? http::json_response(200,
                                       result->dump(-1, ' ', false, Json::error_handler_t::replace))
                 : error_response(result.error()));
}

}  // namespace mintmark::admin
