#include "admin/result_endpoint.h"

#include "admin/keeper_endpoints.h"

namespace mintmark::admin {
namespace {

Result<issuer::ResultWish> wish_in(const std::string& query) {
  const auto fields = http::parse_form(query);
  issuer::ResultWish wish;
  for (const auto& [name, value] : fields.value_or(http::FormFields{})) {
    if (name == "nonce")
      wish.nonce = value;
    else if (name == "labels" && (value == "true" || value == "false"))
      wish.labels = value == "true";
    else
      return fail(Code::admin_member_wrong, "the query may have nonce, and labels=true");
  }
  if (!fields) return fail(Code::admin_member_wrong, "the query's percent encoding is wrong");
  return wish;
}

}  // namespace

void answer_result(issuer::Results* results, const std::string& id, const std::string& query,
                   const http::Respond& respond) {
  if (results == nullptr) {
    return respond(
        error_response(Error{Code::result_unavailable,
                             R"(this issuer gives no results: its configuration has no "results": )"
                             R"({"enabled": true})",
                             0}));
  }
  auto wish = wish_in(query);
  if (!wish) return respond(error_response(wish.error()));
  results->for_operator(id, std::move(*wish), [respond](const Result<std::string>& result) {
    respond(result ? http::json_response(200, Json{{"result", *result}}.dump())
                   : error_response(result.error()));
  });
}

}  // namespace mintmark::admin
