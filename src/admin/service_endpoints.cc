#include "admin/service_endpoints.h"

#include <algorithm>

#include "admin/keeper_endpoints.h"
#include "base/text.h"
#include "config/reader.h"
#include "jose/base64url.h"

namespace mintmark::admin {
namespace {

constexpr std::size_t id_octets = 16;
constexpr std::size_t services_in_a_page = 40;
constexpr std::size_t most_audiences = 16;
constexpr std::size_t longest_audience = 256;
constexpr std::size_t longest_name = 64;

Json describe(const store::ServiceRecord& service) {
  const auto jwk = parse_json(service.public_jwk);
  Json json = {{"id", service.id},
               {"jkt", service.jkt},
               {"kty", jwk ? jwk->value("kty", "") : ""},
               {"audiences", service.audiences},
               {"roles", service.roles},
               {"state", service.removed() ? "removed" : "registered"},
               {"added_at", to_unix(service.added_at)}};
  if (!service.name.empty()) json["name"] = service.name;
  if (service.removed()) json["removed_at"] = to_unix(service.removed_at);
  return json;
}

http::Response answer_of(const Json& json) {
  return http::json_response(200, json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// A page has to fit into one frame between front and keeper.
Json page_of(std::vector<store::ServiceRecord> services, const std::string& after) {
  std::sort(services.begin(), services.end(),
            [](const auto& left, const auto& right) { return left.id < right.id; });
  Json list = Json::array();
  std::string next;
  for (const store::ServiceRecord& service : services) {
    if (service.id <= after) continue;
    if (list.size() == services_in_a_page) {
      next = list.back()["id"];
      break;
    }
    list.push_back(describe(service));
  }
  return {{"clients", std::move(list)}, {"next", next}};
}

// What a token's `aud` may be, and stand in a log.
bool is_audience(const std::string& text) {
  return !text.empty() && text.size() <= longest_audience &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_name(const std::string& text) {
  if (text.size() > longest_name || !is_utf8(text)) return false;
  for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(utf8_length(rest))) {
    if (!is_visible(rest)) return false;
  }
  return true;
}

bool has_repeats(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  return std::adjacent_find(texts.begin(), texts.end()) != texts.end();
}

Result<void> check(const store::ServiceRecord& service) {
  const auto& audiences = service.audiences;
  if (audiences.empty() || audiences.size() > most_audiences || has_repeats(audiences) ||
      !std::all_of(audiences.begin(), audiences.end(), &is_audience)) {
    return fail(Code::service_malformed,
                "audiences are 1 to 16 different ones, each 1 to 256 visible ASCII characters");
  }
  const auto is_role = [](const std::string& role) {
    return role == issuer::role_introspect || role == issuer::role_events;
  };
  const auto& roles = service.roles;
  if (roles.empty() || has_repeats(roles) || !std::all_of(roles.begin(), roles.end(), is_role))
    return fail(Code::service_malformed, "roles are introspect, events, or both");
  if (is_name(service.name)) return {};
  return fail(Code::service_malformed, "a name is at most 64 octets of visible text");
}

/// All but the key.
Result<store::ServiceRecord> read_service(const Json& body) {
  // The key has an error of its own, and its octets stand in none.
  Json rest = body;
  rest.erase("jwk");
  const JsonDocument document{"request", std::move(rest), {}};
  config::ObjectReader reader(document, Code::admin_member_wrong);
  store::ServiceRecord service;
  service.name = reader.text("name", "");
  service.audiences = reader.texts("audiences");
  service.roles = reader.texts("roles");
  if (auto read = reader.finish(); !read) return pass_on(read);
  if (auto good = check(service); !good) return pass_on(good);
  return service;
}

Result<store::ServiceRecord> added(const ServiceParts& parts, const std::string& text) {
  const auto body = parse_json(text);
  if (!body || !body->is_object() || !body->contains("jwk")) {
    return fail(Code::admin_member_wrong,
                R"(a request is {"jwk": JWK, "audiences": […], "roles": […], "name": …?})");
  }
  const auto key = jose::PublicKey::from_jwk((*body)["jwk"]);
  if (!key) return tl::unexpected<Error>(key.error());
  auto service = read_service(*body);
  if (!service) return service;
  if (parts.devices.has_key(key->thumbprint())) {
    return fail(Code::device_exists,
                "a device has this key; give the service one of its own, which never leaves it");
  }
  service->id = jose::random_name(id_octets);
  service->jkt = key->thumbprint();
  service->public_jwk = key->to_jwk().dump();
  service->added_at = parts.clock.now();
  if (auto done = parts.services.add(*service); !done) return pass_on(done);
  return service;
}

Result<store::ServiceRecord> removed(const ServiceParts& parts, const std::string& text) {
  const auto document = parse_json_document("request", text);
  if (!document) return fail(Code::admin_member_wrong, document.error().detail);
  config::ObjectReader reader(*document, Code::admin_member_wrong);
  const std::string id = reader.text("id");
  if (auto read = reader.finish(); !read) return pass_on(read);
  return parts.services.remove(id, parts.clock.now());
}

http::Response list(const ServiceParts& parts, const std::string& query) {
  auto services = parts.services.list();
  if (!services) return error_response(services.error());
  std::string after;
  for (const auto& [name, value] : http::parse_form(query).value_or(http::FormFields{})) {
    if (name == "after") after = value;
  }
  return answer_of(page_of(std::move(*services), after));
}

}  // namespace

void add_services(http::Router& router, const ServiceParts& parts) {
  router.on("GET", "/admin/v1/clients",
            [parts](const http::Request& request, const http::Respond& respond) {
              respond(list(parts, request.query));
            });
  using Change = Result<store::ServiceRecord> (*)(const ServiceParts&, const std::string&);
  const auto on = [&](const char* name, Change carry_out) {
    router.on("POST", std::string("/admin/v1/clients/") + name,
              [parts, carry_out](const http::Request& request, const http::Respond& respond) {
                const auto service = carry_out(parts, request.body);
                respond(service ? answer_of(describe(*service)) : error_response(service.error()));
              });
  };
  on("add", &added);
  on("remove", &removed);
}

}  // namespace mintmark::admin
