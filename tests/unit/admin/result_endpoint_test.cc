// What operators get of results.
#include "admin/result_endpoint.h"

#include "../issuer/results_fixture.h"

namespace mintmark::admin {
namespace {

class ResultEndpoint : public issuer::ResultsFixture {
 protected:
  http::Response ask(issuer::Results* from, const std::string& id, const std::string& query = "") {
    std::promise<http::Response> answered;
    auto answer = answered.get_future();
    answer_result(from, id, query,
                  [&](http::Response response) { answered.set_value(std::move(response)); });
    return answer.get();
  }
  static void expect_refused(const http::Response& response, Code code, const char* words) {
    EXPECT_EQ(response.status, facts_of(code).http_status) << response.body;
    const Json body = Json::parse(response.body);
    EXPECT_EQ(body["error"], facts_of(code).name);
    EXPECT_NE(body["error_description"].get<std::string>().find(words), std::string::npos)
        << response.body;
  }
};

TEST_F(ResultEndpoint, GivesTheResultWithNonceAndLabelsAsAsked) {
  device.labels = {{"site", "berlin"}};
  devices.put(device);
  const auto response = ask(&*results, "device-1", "nonce=abcdefgh&labels=true");
  ASSERT_EQ(response.status, 200U) << response.body;
  const Json claims = verified(Json::parse(response.body)["result"].get<std::string>());
  EXPECT_EQ(claims["eat_nonce"], "abcdefgh");
  EXPECT_EQ(claims["submods"]["tpm2"]["mintmark"]["labels"], (Json{{"site", "berlin"}}));
}

TEST_F(ResultEndpoint, SaysThatResultsAreSwitchedOff) {
  expect_refused(ask(nullptr, "device-1"), Code::result_unavailable, "\"results\"");
}

TEST_F(ResultEndpoint, RefusesAnotherQuery) {
  for (const char* query : {"labels=yes", "colour=red", "nonce=%zz"})
    expect_refused(ask(&*results, "device-1", query), Code::admin_member_wrong, "query");
  expect_refused(ask(&*results, "device-1", "nonce=short"), Code::invalid_argument, "8 to 88");
}

TEST_F(ResultEndpoint, PassesOnWhyThereIsNone) {
  expect_refused(ask(&*results, "nobody"), Code::device_not_found, "nobody");
  device.state = "revoked";
  devices.put(device);
  expect_refused(ask(&*results, "device-1"), Code::device_revoked, "revoked");
}

}  // namespace
}  // namespace mintmark::admin
