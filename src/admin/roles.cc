#include "admin/roles.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "admin/keeper_endpoints.h"
#include "telemetry/log.h"

namespace mintmark::admin {
namespace {

constexpr JsonLimits body_limits{.octets = 1U << 20U, .depth = 8, .elements = 10'000};
constexpr std::size_t longest_named = 400;

Result<std::optional<gid_t>> group_named(const std::string& name, const char* key) {
  if (name.empty()) return std::optional<gid_t>{};
  std::vector<char> buffer(1U << 16U);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return fail(Code::config_invalid, std::string("admin.") + key + ": there is no group \"" +
                                          name + "\"; make it with: groupadd --system " + name);
  }
  return std::optional<gid_t>{entry.gr_gid};
}

std::string user_name(uid_t user) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return {};
  return entry.pw_name;
}

bool is_in(const http::LocalPeer& peer, const std::optional<gid_t>& group) {
  return group && std::find(peer.groups.begin(), peer.groups.end(), *group) != peer.groups.end();
}

// What a command names, by members that are known to hold no secret: an invitation's code, a key or
// a file's text never stands in a log.
std::string what_it_names(const std::string& body) {
  const auto parsed = parse_json(body, body_limits);
  if (!parsed || !parsed->is_object()) return {};
  Json named = Json::object();
  for (const char* member : {"id",     "fingerprint", "fingerprints", "labels",        "set",
                             "remove", "reason",      "expires_in",   "kid",           "purpose",
                             "store",  "name",        "audiences",    "roles",         "jti",
                             "device", "key",         "rule",         "issued_before", "dry_run"}) {
    if (const auto found = parsed->find(member); found != parsed->end()) named[member] = *found;
  }
  return named.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, longest_named);
}

// As the endpoint reads it: a name that stands twice is no JSON of ours.
bool is_dry_run(const std::string& body) {
  const auto parsed = parse_json(body, body_limits);
  if (!parsed || !parsed->is_object()) return false;
  const auto found = parsed->find("dry_run");
  return found != parsed->end() && found->is_boolean() && found->get<bool>();
}

// The code of a refusal, whoever made it: the front's come through the keeper as text.
std::string code_of(const http::Response& response) {
  if (response.status == 200) return {};
  const auto body = parse_json(response.body, body_limits);
  if (!body || !body->is_object()) return {};
  const auto found = body->find("error");
  return found != body->end() && found->is_string() ? found->get<std::string>() : std::string();
}

void log_command(const http::Request& request, const http::Response& response) {
  const uid_t user = request.local_peer ? request.local_peer->user : static_cast<uid_t>(-1);
  telemetry::log(telemetry::Level::info, "admin_command",
                 {{"request", request.id},
                  {"actor_uid", std::to_string(user)},
                  {"actor", user_name(user)},
                  {"command", request.method + " " + request.path},
                  {"names", what_it_names(request.body)},
                  {"status", std::to_string(response.status)},
                  {"code", code_of(response)}});
}

}  // namespace

Result<Roles> Roles::of(const config::Admin& admin, uid_t own_user) {
  Roles roles;
  roles.names_ = admin;
  roles.own_user_ = own_user;
  auto read = group_named(admin.read_group, "read_group");
  if (!read) return pass_on(read);
  auto operate = group_named(admin.operate_group, "operate_group");
  if (!operate) return pass_on(operate);
  roles.read_ = *read;
  roles.operate_ = *operate;
  return roles;
}

bool Roles::may_operate(const http::LocalPeer& peer) const {
  return peer.user == 0 || peer.user == own_user_ || is_in(peer, operate_);
}

Result<void> Roles::check(const http::Request& request) const {
  if (!request.local_peer)
    return fail(Code::admin_forbidden, "the system does not say who is asking");
  if (may_operate(*request.local_peer)) return {};
  const bool question = changes_nothing(request);
  if (question && is_in(*request.local_peer, read_)) return {};
  std::string allowed = "root, mintd's own user";
  if (operate_) allowed += ", the group " + names_.operate_group;
  if (question && read_) allowed += ", the group " + names_.read_group;
  return fail(Code::admin_forbidden, "this is for " + allowed);
}

bool changes_nothing(const http::Request& request) {
  if (request.path == "/admin/v1/tokens/revoke" || request.path == "/admin/v1/devices/revoke" ||
      request.path == "/admin/v1/keys/revoke")
    return is_dry_run(request.body);
  // It spends a signature, and says something in our name: for who may operate, and logged.
  if (request.path.starts_with("/admin/v1/devices/") && request.path.ends_with("/result"))
    return false;
  return request.method == "GET" || request.method == "HEAD" ||
         request.path == "/admin/v1/policy/explain" || request.path == "/admin/v1/policy/check";
}

http::Handler guarded(Roles roles, http::Handler handler) {
  return [roles = std::move(roles), handler = std::move(handler)](http::Request request,
                                                                  http::Respond respond) {
    const auto allowed = roles.check(request);
    if (changes_nothing(request)) {
      if (!allowed) return respond(error_response(allowed.error()));
      return handler(std::move(request), std::move(respond));
    }
    auto asked = std::make_shared<const http::Request>(request);
    const auto logged = [asked, respond = std::move(respond)](http::Response response) {
      log_command(*asked, response);
      respond(std::move(response));
    };
    if (!allowed) return logged(error_response(allowed.error()));
    handler(std::move(request), logged);
  };
}

}  // namespace mintmark::admin
