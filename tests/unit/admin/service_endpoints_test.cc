// What operators ask of services: each wrong member with its own words.
#include "admin/service_endpoints.h"

#include <gtest/gtest.h>

#include <future>

#include "admin/device_endpoints.h"
#include "support/manual_clock.h"
#include "support/scratch.h"
#include "support/soft_key.h"

namespace mintmark::admin {
namespace {

class ServiceEndpoints : public testing::Test {
 protected:
  ServiceEndpoints() {
    register_.check_keys_by(
        [this](const std::string& jkt) { return services_.check_key_is_free(jkt); });
    add_services(router_, {services_, devices_, clock_});
    add_device_changes(router_, {*device_store_, register_, clock_, {}, {}, {}});
  }

  http::Response ask(const std::string& method, const std::string& path, const std::string& body) {
    http::Request request;
    request.method = method;
    request.path = "/admin/v1" + path.substr(0, path.find('?'));
    request.query = path.find('?') == std::string::npos ? "" : path.substr(path.find('?') + 1);
    request.body = body;
    std::promise<http::Response> answered;
    auto answer = answered.get_future();
    router_(request, [&](http::Response response) { answered.set_value(std::move(response)); });
    return answer.get();
  }
  Json done(const std::string& path, const Json& body) {
    const auto answer = ask("POST", path, body.dump());
    EXPECT_EQ(answer.status, 200U) << answer.body;
    return Json::parse(answer.body);
  }
  void expect_refused(const std::string& path, const Json& body, Code code,
                      const std::string& words) {
    const auto answer = ask("POST", path, body.dump());
    EXPECT_EQ(answer.status, facts_of(code).http_status) << answer.body;
    const Json refused = Json::parse(answer.body);
    EXPECT_EQ(refused["error"], facts_of(code).name) << answer.body;
    EXPECT_NE(refused["error_description"].get<std::string>().find(words), std::string::npos)
        << answer.body;
  }
  static Json request(const test::SoftKey& key = test::SoftKey()) {
    return {{"jwk", key.public_key().to_jwk()},
            {"audiences", {"https://api.example"}},
            {"roles", {"introspect"}}};
  }
  static Json request_with(const char* member, const Json& value) {
    Json changed = request();
    changed[member] = value;
    return changed;
  }

  const test::Scratch scratch_;
  test::ManualClock clock_;
  issuer::ReleaseGate gate_;
  issuer::Devices devices_{gate_};
  std::unique_ptr<store::DeviceStore> device_store_ =
      store::open_device_store(scratch_ / "devices.db").value();
  std::unique_ptr<store::ServiceStore> store_ =
      store::open_service_store(scratch_ / "services.db").value();
  issuer::Services services_{*store_, gate_};
  issuer::DeviceRegister register_{*device_store_, devices_};
  http::Router router_;
};

TEST_F(ServiceEndpoints, RegisterByAPublicKeyAndListAndRemove) {
  const test::SoftKey key;
  Json wanted = request(key);
  wanted["name"] = "the API";
  const Json added = done("/clients/add", wanted);
  EXPECT_EQ(added["state"], "registered");
  EXPECT_EQ(added["jkt"], key.jkt());
  const std::string id = added["id"];
  ASSERT_TRUE(services_.find(id));
  EXPECT_EQ(services_.find(id)->audiences, std::vector<std::string>{"https://api.example"});

  clock_.advance(std::chrono::seconds(5));
  EXPECT_EQ(done("/clients/remove", {{"id", id}})["state"], "removed");
  EXPECT_EQ(services_.find(id), nullptr);
  const Json list = Json::parse(ask("GET", "/clients", "").body);
  ASSERT_EQ(list["clients"].size(), 1U);
  EXPECT_EQ(list["clients"][0]["name"], "the API");
  EXPECT_EQ(list["clients"][0]["removed_at"], to_unix(clock_.now()));
  EXPECT_EQ(list["next"], "");
}

TEST_F(ServiceEndpoints, ListPageByPage) {
  for (int i = 0; i < 41; ++i) (void)done("/clients/add", request());
  const Json first = Json::parse(ask("GET", "/clients", "").body);
  EXPECT_EQ(first["clients"].size(), 40U);
  const Json second =
      Json::parse(ask("GET", "/clients?after=" + first["next"].get<std::string>(), "").body);
  EXPECT_EQ(second["clients"].size(), 1U);
  EXPECT_EQ(second["next"], "");
}

TEST_F(ServiceEndpoints, RefuseAPrivateKeyByName) {
  Json jwk = test::SoftKey().public_key().to_jwk();
  jwk["d"] = "AAAA";
  expect_refused("/clients/add", request_with("jwk", jwk), Code::jwk_private, "");
  expect_refused("/clients/add", request_with("jwk", "text"), Code::jwk_malformed, "");
  expect_refused("/clients/add", {{"audiences", {"a"}}}, Code::admin_member_wrong, "jwk");
}

TEST_F(ServiceEndpoints, RefuseAKeyThatSomebodyHas) {
  const test::SoftKey of_service;
  (void)done("/clients/add", request(of_service));
  expect_refused("/clients/add", request(of_service), Code::service_exists, "key");
  expect_refused("/devices/add", {{"jwk", of_service.public_key().to_jwk()}}, Code::service_exists,
                 "service");
  const test::SoftKey of_device;
  (void)done("/devices/add", {{"jwk", of_device.public_key().to_jwk()}});
  expect_refused("/clients/add", request(of_device), Code::device_exists, "device");
}

TEST_F(ServiceEndpoints, RefuseAudiencesRolesAndNamesThatAreNone) {
  const auto refused = [this](const char* member, const Json& value, const char* words) {
    expect_refused("/clients/add", request_with(member, value), Code::service_malformed, words);
  };
  refused("audiences", Json::array(), "audiences");
  refused("audiences", {"a", "a"}, "audiences");
  refused("audiences", {"two words"}, "audiences");
  refused("audiences", {std::string(257, 'a')}, "audiences");
  refused("audiences", Json(std::vector<std::string>(17, "a")), "audiences");
  refused("roles", Json::array(), "roles");
  refused("roles", {"admin"}, "roles");
  refused("roles", {"events", "events"}, "roles");
  refused("name", std::string(65, 'a'), "name");
  refused("name",
          "a\xE2\x80\xAE"
          "b",
          "name");
  expect_refused("/clients/add", request_with("client_secret", "s"), Code::admin_member_wrong,
                 "client_secret");
}

TEST_F(ServiceEndpoints, RemoveOneThatIsThere) {
  expect_refused("/clients/remove", {{"id", "nobody"}}, Code::service_not_found, "nobody");
  expect_refused("/clients/remove", Json::object(), Code::admin_member_wrong, "id");
}

}  // namespace
}  // namespace mintmark::admin
