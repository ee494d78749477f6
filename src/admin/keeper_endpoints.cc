#include "admin/keeper_endpoints.h"

#include <memory>
#include <utility>

namespace mintmark::admin {

http::Response error_response(const Error& error) {
  const CodeFacts& facts = facts_of(error.code);
  http::Response response = http::json_response(
      facts.http_status, Json{{"error", facts.name},
                              {"error_description", error.detail},
                              {"action", name_of(facts.action)}}
                             .dump(-1, ' ', false, Json::error_handler_t::replace));
  response.cause = error;
  return response;
}

http::Router keeper_router(KeeperEndpoints endpoints) {
  auto shared = std::make_shared<const KeeperEndpoints>(std::move(endpoints));
  http::Router router;
  add_key_changes(router, shared->key_changes);
  router.on("GET", "/admin/v1/status",
            [shared](http::Request /*request*/, const http::Respond& respond) {
              respond(http::json_response(200, shared->status().dump()));
            });
  router.on("GET", "/admin/v1/keys",
            [shared](http::Request /*request*/, const http::Respond& respond) {
              const auto keys = shared->keys();
              respond(keys ? http::json_response(200, keys->dump()) : error_response(keys.error()));
            });
  router.on("GET", "/admin/v1/keys/evidence",
            [shared](http::Request /*request*/, const http::Respond& respond) {
              const auto evidence = shared->key_evidence();
              respond(evidence ? http::json_response(200, evidence->dump())
                               : error_response(evidence.error()));
            });
  router.on("POST", "/admin/v1/keys", key_generation(shared->generate_key));
  router.on("POST", "/admin/v1/reload", shared->reload);
  router.on("GET", "/admin/v1/devices", shared->front);
  router.on("GET", "/admin/v1/devices/*", shared->front);
  router.on("POST", "/admin/v1/devices/*", shared->front);
  router.on("GET", "/admin/v1/tokens", shared->front);
  router.on("POST", "/admin/v1/tokens/revoke", shared->front);
  router.on("GET", "/admin/v1/clients", shared->front);
  router.on("POST", "/admin/v1/clients/*", shared->front);
  router.on("POST", "/admin/v1/policy/explain", shared->front);
  router.on("POST", "/admin/v1/policy/check", shared->front);
  return router;
}

}  // namespace mintmark::admin
