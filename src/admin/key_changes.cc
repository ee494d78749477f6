#include "admin/key_changes.h"

#include <memory>
#include <utility>

#include "admin/keeper_endpoints.h"
#include "config/reader.h"

namespace mintmark::admin {
namespace {

constexpr std::size_t longest_kid = 64;
constexpr std::size_t longest_why = 500;

hsm::Done<Json> answer_to(const http::Respond& respond) {
  return [respond](const Result<Json>& answer) {
    respond(answer ? http::json_response(
                         200, answer->dump(-1, ' ', false, Json::error_handler_t::replace))
                   : error_response(answer.error()));
  };
}

/// The body as `read` takes it; its error is answered, and then there is nothing.
template <typename T>
std::optional<T> read_body(const http::Request& request, const http::Respond& respond,
                           const std::function<T(config::ObjectReader&)>& read) {
  const auto document = parse_json_document("request", request.body);
  if (!document) {
    respond(error_response({Code::admin_member_wrong, document.error().detail, 0}));
    return std::nullopt;
  }
  config::ObjectReader reader(*document, Code::admin_member_wrong);
  T value = read(reader);
  if (auto good = reader.finish(); !good) {
    respond(error_response(good.error()));
    return std::nullopt;
  }
  return value;
}

std::string kid_of(config::ObjectReader& reader) {
  std::string kid = reader.text("kid");
  if (kid.size() > longest_kid) reader.refuse("kid", "must be a kid as mintctl keys list shows it");
  return kid;
}

std::optional<hsm::Purpose> purpose_of(config::ObjectReader& reader) {
  const std::string name = reader.choice(
      "purpose", {"access_token", "client_attestation", "result", "status_list", "event"}, "");
  if (name.empty()) return std::nullopt;
  return hsm::purpose_named(name).value();
}

struct Revocation {
  std::string kid;
  bool dry_run = false;
  std::string why;
};

Revocation revocation_of(config::ObjectReader& reader) {
  Revocation revocation{kid_of(reader), reader.boolean("dry_run", false), ""};
  // Who only asks need not say why.
  revocation.why = revocation.dry_run ? reader.text("why", "") : reader.text("why");
  if (revocation.why.size() > longest_why)
    reader.refuse("why", "must be at most " + std::to_string(longest_why) + " octets");
  return revocation;
}

}  // namespace

void add_key_changes(http::Router& router, KeyChanges changes) {
  auto shared = std::make_shared<const KeyChanges>(std::move(changes));
  router.on("POST", "/admin/v1/keys/rotate",
            [shared](const http::Request& request, const http::Respond& respond) {
              const auto purpose =
                  read_body<std::optional<hsm::Purpose>>(request, respond, purpose_of);
              if (purpose) shared->rotate(*purpose, answer_to(respond));
            });
  router.on("POST", "/admin/v1/keys/revoke",
            [shared](const http::Request& request, const http::Respond& respond) {
              const auto what = read_body<Revocation>(request, respond, revocation_of);
              if (!what) return;
              if (what->dry_run) return shared->would_revoke(what->kid, respond);
              shared->revoke(what->kid, what->why, answer_to(respond));
            });
  router.on("POST", "/admin/v1/keys/adopt",
            [shared](const http::Request& request, const http::Respond& respond) {
              const auto kid = read_body<std::string>(request, respond, kid_of);
              if (kid) shared->adopt(*kid, answer_to(respond));
            });
  router.on("POST", "/admin/v1/keys/give-up",
            [shared](const http::Request& request, const http::Respond& respond) {
              const auto kid = read_body<std::string>(request, respond, kid_of);
              if (kid) shared->give_up(*kid, answer_to(respond));
            });
  router.on("POST", "/admin/v1/clock/accept",
            [shared](const http::Request& request, const http::Respond& respond) {
              const auto nothing =
                  read_body<int>(request, respond, [](config::ObjectReader&) { return 0; });
              if (nothing) shared->accept_clock(answer_to(respond));
            });
}

}  // namespace mintmark::admin
