#include "api/status_lists.h"

#include <algorithm>

#include "api/answers.h"
#include "api/metadata.h"
#include "http/accept.h"
#include "http/text.h"
#include "verify/status_list_token.h"

namespace mintmark::api {
namespace {

using revoke::ListForm;
using revoke::ListToken;

constexpr std::size_t longest_number = 10;

/// 0: no number as we write one, nor of a list.
std::uint32_t list_in(std::string_view text) {
  if (text.empty() || text.size() > longest_number || text[0] == '0') return 0;
  const auto number = http::decimal(text);
  return number && *number <= UINT32_MAX ? static_cast<std::uint32_t>(*number) : 0;
}

bool asks_for_the_past(const http::Request& request) {
  const auto fields = http::parse_form(request.query);
  return fields && std::any_of(fields->begin(), fields->end(),
                               [](const auto& field) { return field.first == "time"; });
}

void open_to_browsers(http::Response& response) {
  response.headers.set("Access-Control-Allow-Origin", "*");
}

http::Response refused(const Error& error, std::optional<unsigned> status = std::nullopt) {
  http::Response response = refusal(error);
  if (status) response.status = *status;
  open_to_browsers(response);
  return response;
}

http::Response list_answer(const http::Request& request, const ListToken& token,
                           std::string_view type, Moment now) {
  // Nobody is to keep it beyond its end.
  const auto good = std::chrono::floor<std::chrono::seconds>(token.good_until - now);
  http::Response response = cacheable(request, token.body, token.etag,
                                      std::clamp(good, std::chrono::seconds(0), token.ttl));
  if (response.status == 200) response.headers.set("Content-Type", std::string(type));
  response.headers.set("Vary", "Accept");
  open_to_browsers(response);
  return response;
}

void give_list(const http::Request& request, std::string_view name,
               revoke::StatusListTokens& tokens, const Clock& clock, const http::Respond& respond) {
  const std::string_view type = http::best_accepted(
      request.headers, {verify::status_list_jwt_type, verify::status_list_cwt_type});
  if (type.empty()) {
    constexpr unsigned not_acceptable = 406;
    return respond(refused(Error{Code::content_type_wrong,
                                 "a status list is application/statuslist+jwt or "
                                 "application/statuslist+cwt, and Accept names neither",
                                 0},
                           not_acceptable));
  }
  if (asks_for_the_past(request)) {
    constexpr unsigned not_implemented = 501;
    return respond(refused(
        Error{Code::http_malformed, "status lists of the past are not kept: leave out time", 0},
        not_implemented));
  }
  const ListForm form = type == verify::status_list_jwt_type ? ListForm::jwt : ListForm::cwt;
  tokens.get(
      list_in(name), form,
      [request, type, &clock, respond](const Result<std::shared_ptr<const ListToken>>& given) {
        respond(given ? list_answer(request, **given, type, clock.now()) : refused(given.error()));
      });
}

http::Response aggregation_answer(const http::Request& request,
                                  const revoke::StatusListTokens& tokens) {
  const std::string body = Json{{"status_lists", tokens.uris()}}.dump();
  constexpr std::size_t tag_octets = 16;
  const std::string etag = '"' + to_hex(BytesView(sha256(body)).first(tag_octets)) + '"';
  http::Response response = cacheable(request, body, etag, tokens.ttl());
  open_to_browsers(response);
  return response;
}

}  // namespace

void add_status_lists(http::Router& router, const std::string& path,
                      revoke::StatusListTokens& tokens, const Clock& clock) {
  const std::string before = path + "/status/";
  router.on("GET", before + "*",
            [before, &tokens, &clock](const http::Request& request, const http::Respond& respond) {
              give_list(request, std::string_view(request.path).substr(before.size()), tokens,
                        clock, respond);
            });
  router.on("GET", path + "/statuslists",
            [&tokens](const http::Request& request, const http::Respond& respond) {
              respond(aggregation_answer(request, tokens));
            });
}

}  // namespace mintmark::api
