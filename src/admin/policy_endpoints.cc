#include "admin/policy_endpoints.h"

#include "admin/keeper_endpoints.h"
#include "config/reader.h"

namespace mintmark::admin {
namespace {

constexpr JsonLimits check_limits{.octets = 1U << 20U, .depth = 4, .elements = 16};

struct Question {
  std::string id;
  policy::TokenRequest request;
};

Result<Question> read_question(const std::string& body, Moment now) {
  const auto document = parse_json_document("request", body);
  if (!document) return fail(Code::admin_member_wrong, document.error().detail);
  config::ObjectReader reader(*document, Code::admin_member_wrong);
  Question question;
  question.id = reader.text("id");
  question.request.audience = reader.text("resource", "");
  question.request.scopes = reader.texts("scopes", std::vector<std::string>{});
  question.request.session_key = reader.boolean("session_key", false);
  // To the year 9999, as dates are written.
  question.request.now = from_unix(reader.integer("at", 0, 253'402'300'799, to_unix(now)));
  if (auto read = reader.finish(); !read) return pass_on(read);
  return question;
}

Result<Json> explain(const PolicySources& sources, const std::string& body) {
  auto question = read_question(body, sources.clock.now());
  if (!question) return pass_on(question);
  const auto record = sources.device(question->id);
  if (!record)
    return fail(Code::device_not_found,
                "there is no device " + printable(question->id) + "; see mintctl devices list");
  policy::TokenRequest& request = question->request;
  const auto standing =
      attest::check_standing(*record, record->jkt, sources.freshness, request.now);
  if (standing) request.evidence_until = standing->evidence_until();
  auto explanation = sources.policy()->explain(*record, request, sources.longest_life);
  if (!standing) explanation.outcome = tl::unexpected<Error>(standing.error());
  Json answer = policy::to_json(explanation);
  answer["device"] = {{"id", record->id},
                      {"format", record->facts.format},
                      {"key_protection", record->facts.key_protection},
                      {"state", record->state}};
  answer["at"] = to_unix(request.now);
  return answer;
}

Result<std::string> text_member(const Json& body, const char* name, const char* fallback) {
  const auto found = body.find(name);
  if (found == body.end() && fallback != nullptr) return fallback;
  if (found != body.end() && found->is_string()) return found->get<std::string>();
  return fail(Code::admin_member_wrong,
              std::string("\"") + name + "\" must stand in the request, as text");
}

Result<Json> check(const std::string& request_body) {
  const auto body = parse_json(request_body, check_limits);
  if (!body || !body->is_object())
    return fail(Code::admin_member_wrong, R"(a request is {"text": "…", "file": "NAME"})");
  auto text = text_member(*body, "text", nullptr);
  if (!text) return pass_on(text);
  auto file = text_member(*body, "file", "policy");
  if (!file) return pass_on(file);
  const auto policy = policy::Policy::from_text(printable(*file, 255), *text);
  if (!policy) return tl::unexpected<Error>(policy.error());
  return Json{{"rules", policy->rules()}};
}

http::Response answer_with(const Result<Json>& result) {
  if (result)
    return http::json_response(200, result->dump(-1, ' ', false, Json::error_handler_t::replace));
  http::Response response = error_response(result.error());
  // The text was asked about and is wrong: nothing of ours failed.
  const Code code = result.error().code;
  if (code == Code::policy_invalid || code == Code::reference_invalid) response.status = 400;
  return response;
}

}  // namespace

void add_policy(http::Router& router, PolicySources sources) {
  const auto shared = std::make_shared<const PolicySources>(std::move(sources));
  router.on("POST", "/admin/v1/policy/explain",
            [shared](const http::Request& request, const http::Respond& respond) {
              respond(answer_with(explain(*shared, request.body)));
            });
  router.on("POST", "/admin/v1/policy/check",
            [](const http::Request& request, const http::Respond& respond) {
              respond(answer_with(check(request.body)));
            });
}

}  // namespace mintmark::admin
