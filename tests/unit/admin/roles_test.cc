// Who may ask for what, and that each command stands in the log with its actor and no secret.
#include "admin/roles.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/json.h"
#include "support/captured_error.h"
#include "telemetry/log.h"

namespace mintmark::admin {
namespace {

using test::CapturedError;

constexpr uid_t stranger = 4'000'000;
constexpr gid_t foreign_group = 4'000'000;

// Two groups that every Debian has.
constexpr const char* read_name = "games";
constexpr const char* operate_name = "mail";
gid_t id_of(const char* name) { return getgrnam(name)->gr_gid; }  // NOLINT(concurrency-mt-unsafe)

Roles roles_of(const config::Admin& admin) {
  auto roles = Roles::of(admin);
  if (!roles) throw std::runtime_error(roles.error().to_string());
  return *roles;
}
Roles both() { return roles_of({"s", read_name, operate_name}); }

http::Request request_by(uid_t user, std::vector<gid_t> groups, const std::string& method = "GET",
                         const std::string& path = "/admin/v1/status") {
  http::Request request;
  request.method = method;
  request.path = path;
  request.local_peer =
      std::make_shared<const http::LocalPeer>(http::LocalPeer{user, std::move(groups)});
  return request;
}

void expect_forbidden(const Result<void>& result) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::admin_forbidden);
}

TEST(Roles, AStrangerMayNothing) {
  expect_forbidden(both().check(request_by(stranger, {foreign_group})));
  expect_forbidden(both().check(request_by(stranger, {})));
}

TEST(Roles, WhoIsNotKnownMayNothing) {
  http::Request request = request_by(0, {0});
  request.local_peer = nullptr;
  expect_forbidden(both().check(request));
}

TEST(Roles, TheReadGroupMayAskAndChangeNothing) {
  const std::vector<gid_t> groups{foreign_group, id_of(read_name)};
  EXPECT_TRUE(both().check(request_by(stranger, groups)));
  EXPECT_TRUE(both().check(request_by(stranger, groups, "POST", "/admin/v1/policy/explain")));
  EXPECT_TRUE(both().check(request_by(stranger, groups, "POST", "/admin/v1/policy/check")));
  EXPECT_TRUE(both().check(request_by(stranger, groups, "GET", "/admin/v1/devices/d1")));
  expect_forbidden(
      both().check(request_by(stranger, groups, "GET", "/admin/v1/devices/d1/result")));
  for (const char* path : {"/admin/v1/reload", "/admin/v1/devices/revoke", "/admin/v1/devices"})
    expect_forbidden(both().check(request_by(stranger, groups, "POST", path)));
  expect_forbidden(both().check(request_by(stranger, groups, "DELETE")));
}

TEST(Roles, TheReadGroupMayAskWhatARevocationWouldMeetAndRevokeNothing) {
  for (const char* what : {"tokens", "devices", "keys"}) {
    http::Request request = request_by(stranger, {id_of(read_name)}, "POST",
                                       std::string("/admin/v1/") + what + "/revoke");
    request.body = R"({"device":"d1","dry_run":true})";
    EXPECT_TRUE(both().check(request));
    for (const char* body :
         {R"({"device":"d1"})", R"({"device":"d1","dry_run":false})",
          R"({"device":"d1","dry_run":"true"})",
          R"({"dry_run":true,"device":"d1","dry_run":false})", R"([true])", "", "dry_run"}) {
      request.body = body;
      expect_forbidden(both().check(request));
    }
  }
}

TEST(Roles, WhatOnlyARevocationCanBeAskedOpensNoOtherDoor) {
  for (const char* path : {"/admin/v1/devices/reinstate", "/admin/v1/keys/adopt",
                           "/admin/v1/keys/revoke/", "/admin/v1/clients/remove"}) {
    http::Request request = request_by(stranger, {id_of(read_name)}, "POST", path);
    request.body = R"({"id":"d1","dry_run":true})";
    expect_forbidden(both().check(request));
  }
}

TEST(Roles, TheOperateGroupMayAll) {
  const std::vector<gid_t> groups{id_of(operate_name)};
  EXPECT_TRUE(both().check(request_by(stranger, groups)));
  EXPECT_TRUE(both().check(request_by(stranger, groups, "POST", "/admin/v1/devices/revoke")));
}

TEST(Roles, RootAndMintdsOwnUserMayAll) {
  constexpr uid_t own_user = 4711;
  const Roles none = *Roles::of({"s", "", ""}, own_user);
  EXPECT_TRUE(none.check(request_by(0, {}, "POST", "/admin/v1/reload")));
  EXPECT_TRUE(none.check(request_by(own_user, {}, "POST", "/admin/v1/reload")));
  expect_forbidden(none.check(request_by(own_user + 1, {})));
  EXPECT_TRUE(roles_of({"s", "", ""}).check(request_by(geteuid(), {})));
}

TEST(Roles, AGroupThatIsNotNamedMayNothing) {
  const Roles none = roles_of({"s", "", ""});
  expect_forbidden(none.check(request_by(stranger, {id_of(read_name), id_of(operate_name), 0})));
  const Roles readers = roles_of({"s", read_name, ""});
  expect_forbidden(readers.check(request_by(stranger, {id_of(operate_name)})));
}

TEST(Roles, ARefusalSaysWhoMay) {
  const auto refused =
      both().check(request_by(stranger, {id_of(read_name)}, "POST", "/admin/v1/reload"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail, "this is for root, mintd's own user, the group mail");
  const auto question = both().check(request_by(stranger, {}));
  ASSERT_FALSE(question);
  EXPECT_NE(question.error().detail.find("the group games"), std::string::npos);
}

TEST(Roles, ThatNameAnUnknownGroupAreRefused) {
  for (const config::Admin& admin :
       {config::Admin{"s", "no-such-group", ""}, config::Admin{"s", "", "no-such-group"}}) {
    const auto roles = Roles::of(admin);
    ASSERT_FALSE(roles);
    EXPECT_EQ(roles.error().code, Code::config_invalid);
    EXPECT_NE(roles.error().detail.find("groupadd --system no-such-group"), std::string::npos);
  }
}

TEST(Roles, OpenTheSocketsFileOnlyWhereGroupsAreNamed) {
  EXPECT_EQ(roles_of({"s", "", ""}).socket_mode(), 0600U);
  EXPECT_EQ(roles_of({"s", read_name, ""}).socket_mode(), 0666U);
  EXPECT_EQ(roles_of({"s", "", operate_name}).socket_mode(), 0666U);
}

// ---- the log ----

struct Guarded {
  http::Response answer;
  std::vector<std::string> lines;
  int handled = 0;
};

Guarded ask(http::Request request, const http::Response& answer = http::json_response(200, "{}")) {
  telemetry::configure("mintd", telemetry::Level::info);
  Guarded guarded;
  const CapturedError captured;
  const http::Handler handler =
      admin::guarded(both(), [&](const http::Request& /*request*/, const http::Respond& respond) {
        ++guarded.handled;
        respond(answer);
      });
  handler(std::move(request), [&](http::Response response) { guarded.answer = response; });
  guarded.lines = captured.lines();
  return guarded;
}

http::Request revoke_by(uid_t user, std::vector<gid_t> groups) {
  auto request = request_by(user, std::move(groups), "POST", "/admin/v1/devices/revoke");
  request.id = "r1";
  request.body = R"({"id": "d1", "reason": "lost"})";
  return request;
}

TEST(AdminLog, HasActorCommandWhatItNamesAndHowItEnded) {
  const auto done = ask(revoke_by(0, {}));
  EXPECT_EQ(done.handled, 1);
  EXPECT_EQ(done.answer.status, 200U);
  ASSERT_EQ(done.lines.size(), 1U);
  const Json line = Json::parse(done.lines[0]);
  EXPECT_EQ(line["event"], "admin_command");
  EXPECT_EQ(line["request"], "r1");
  EXPECT_EQ(line["actor_uid"], "0");
  EXPECT_EQ(line["actor"], "root");
  EXPECT_EQ(line["command"], "POST /admin/v1/devices/revoke");
  EXPECT_EQ(line["names"], R"({"id":"d1","reason":"lost"})");
  EXPECT_EQ(line["status"], "200");
  EXPECT_EQ(line["code"], "");
}

TEST(AdminLog, HasTheRefusedToo) {
  const auto done = ask(revoke_by(stranger, {}));
  EXPECT_EQ(done.handled, 0);
  EXPECT_EQ(done.answer.status, 403U);
  ASSERT_EQ(done.lines.size(), 1U);
  const Json line = Json::parse(done.lines[0]);
  EXPECT_EQ(line["actor_uid"], std::to_string(stranger));
  EXPECT_EQ(line["status"], "403");
  EXPECT_EQ(line["code"], "admin_forbidden");
}

TEST(AdminLog, HasTheCodeOfAFailedCommand) {
  const auto done =
      ask(revoke_by(0, {}), http::json_response(404, R"({"error": "device_not_found"})"));
  ASSERT_EQ(done.lines.size(), 1U);
  EXPECT_EQ(Json::parse(done.lines[0])["code"], "device_not_found");
}

TEST(AdminLog, HasNoSecretOfWhatWasSentOrAnswered) {
  auto request = request_by(0, {}, "POST", "/admin/v1/devices/invite");
  request.body = R"({"labels": {"site": "x"}, "code": "SECRET-1", "text": "SECRET-2",
                     "jwk": {"d": "SECRET-3"}})";
  const auto done = ask(std::move(request), http::json_response(200, R"({"code": "SECRET-4"})"));
  ASSERT_EQ(done.lines.size(), 1U);
  EXPECT_EQ(done.lines[0].find("SECRET"), std::string::npos) << done.lines[0];
  EXPECT_NE(done.lines[0].find("site"), std::string::npos);
}

TEST(AdminLog, TakesABodyThatIsNoJson) {
  auto request = revoke_by(0, {});
  request.body = "{nonsense";
  const auto done = ask(std::move(request));
  ASSERT_EQ(done.lines.size(), 1U);
  EXPECT_EQ(Json::parse(done.lines[0])["names"], "");
}

TEST(AdminLog, IsSilentOnQuestions) {
  EXPECT_TRUE(ask(request_by(0, {})).lines.empty());
  EXPECT_TRUE(ask(request_by(0, {}, "POST", "/admin/v1/policy/explain")).lines.empty());
}

}  // namespace
}  // namespace mintmark::admin
