// GET /devices/{id}/result as HTTP has it.
#include "api/device_result.h"

#include <future>

#include "../issuer/results_fixture.h"

namespace mintmark::api {
namespace {

const std::string own_path = "/devices/device-1/result";

class DeviceResultEndpoint : public issuer::ResultsFixture {
 protected:
  DeviceResultEndpoint() { add_device_result(router_, "", *results); }

  http::Response get(const std::string& path, http::Headers headers,
                     const std::string& query = "") {
    http::Request request;
    request.method = "GET";
    request.path = path;
    request.query = query;
    request.headers = std::move(headers);
    std::promise<http::Response> answered;
    auto answer = answered.get_future();
    router_(request, [&](http::Response response) { answered.set_value(std::move(response)); });
    return answer.get();
  }
  http::Headers attested() {
    http::Headers headers;
    headers.add("OAuth-Client-Attestation", attestation());
    headers.add("DPoP", result_proof());
    return headers;
  }
  void expect_refused(const http::Response& response, Code code) {
    EXPECT_EQ(response.status, facts_of(code).http_status) << response.body;
    EXPECT_EQ(Json::parse(response.body)["code"], facts_of(code).name) << response.body;
    EXPECT_EQ(response.headers.count("OAuth-Client-Attestation"), 0U);
  }
  /// The good request with one header more or another one.
  http::Response get_with(const char* name, const std::string& value) {
    http::Headers headers = attested();
    headers.set(name, value);
    return get(own_path, std::move(headers));
  }

  http::Router router_;
};

TEST_F(DeviceResultEndpoint, AnswersWithAnEatThatNobodyKeeps) {
  const auto response = get(own_path, attested(), "nonce=abcdefgh&colour=red");
  ASSERT_EQ(response.status, 200U) << response.body;
  EXPECT_EQ(*response.headers.find("Content-Type"),
            "application/eat+jwt; eat_profile=\"tag:ietf.org,2026:rats/ear#04\"");
  EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(response.headers.count("DPoP-Nonce"), 0U);
  EXPECT_EQ(verified(response.body)["eat_nonce"], "abcdefgh");
}

TEST_F(DeviceResultEndpoint, ServesNothingElseBelowDevices) {
  for (const char* path : {"/devices/device-1", "/devices/device-1/facts", "/devices/"})
    expect_refused(get(path, attested()), Code::http_path_unknown);
}

TEST_F(DeviceResultEndpoint, TakesForAnIdWhatCouldBeOneOnly) {
  for (const std::string& id : {std::string(), std::string("a/b"), std::string("a%2Fb"),
                                std::string("a b"), std::string(65, 'a')})
    expect_refused(get("/devices/" + id + "/result", attested()), Code::device_not_found);
}

TEST_F(DeviceResultEndpoint, RefusesAnotherDevicesAsIfThereWereNone) {
  attest::RecordedDevice other = device;
  other.id = "device-2";
  devices.put(other);
  std::string bodies;
  for (const char* id : {"device-2", "device-3"}) {
    http::Headers headers = attested();
    test::ProofContent content = result_content();
    content.url = issuer::issuer_url + "/devices/" + id + "/result";
    headers.set("DPoP", test::make_proof(device_key, content));
    const auto response = get("/devices/" + std::string(id) + "/result", headers);
    expect_refused(response, Code::device_not_found);
    EXPECT_EQ(response.body.find("exist"), std::string::npos);
  }
}

TEST_F(DeviceResultEndpoint, RefusesWhoeverIsNotAuthenticated) {
  expect_refused(get(own_path, {}), Code::client_unauthenticated);
  http::Headers bare;
  bare.add("DPoP", result_proof());
  const auto unattested = get(own_path, bare);
  expect_refused(unattested, Code::client_unauthenticated);
  EXPECT_EQ(unattested.headers.count("WWW-Authenticate"), 1U);
  expect_refused(get_with("Authorization", "DPoP token"), Code::client_unauthenticated);
  expect_refused(get_with("OAuth-Client-Attestation-PoP", "a.b.c"),
                 Code::attestation_pop_unsupported);
}

TEST_F(DeviceResultEndpoint, WantsOneAttestationAndOneProof) {
  http::Headers headers = attested();
  headers.add("OAuth-Client-Attestation", attestation());
  expect_refused(get(own_path, headers), Code::header_repeated);
  headers = attested();
  headers.add("DPoP", result_proof());
  expect_refused(get(own_path, headers), Code::proof_repeated);
  http::Headers without;
  without.add("OAuth-Client-Attestation", attestation());
  expect_refused(get(own_path, without), Code::proof_missing);
}

TEST_F(DeviceResultEndpoint, RefusesNoncesThatAreNone) {
  expect_refused(get(own_path, attested(), "nonce=short"), Code::invalid_argument);
  expect_refused(get(own_path, attested(), "nonce=abcdefgh&nonce=abcdefgh"),
                 Code::parameter_repeated);
  expect_refused(get(own_path, attested(), "nonce=%zz"), Code::http_malformed);
}

TEST_F(DeviceResultEndpoint, GivesNoLabelsToDevicesThatAskForThem) {
  device.labels = {{"site", "berlin"}};
  devices.put(device);
  const auto response = get(own_path, attested(), "labels=true");
  ASSERT_EQ(response.status, 200U) << response.body;
  EXPECT_FALSE(verified(response.body)["submods"]["tpm2"]["mintmark"].contains("labels"));
}

TEST_F(DeviceResultEndpoint, AnAddressMayAskSoOftenWhateverComesOfIt) {
  issuer::RateLimit limit(Code::rate_of_address, "from your address", 1024);
  limit.set(2);
  router_ = {};
  add_device_result(router_, "", *results,
                    {&limit, [](const http::Request& /*request*/) { return "192.0.2.1"; }});
  expect_refused(get(own_path, {}), Code::client_unauthenticated);
  expect_refused(get("/devices/", {}), Code::http_path_unknown);
  const auto refused = get(own_path, attested());
  expect_refused(refused, Code::rate_of_address);
  EXPECT_EQ(*refused.headers.find("Retry-After"), "30");
}

TEST_F(DeviceResultEndpoint, BringsANonceWhereOneIsWanted) {
  start_results(true);
  router_ = {};
  add_device_result(router_, "", *results);
  const auto refused = get(own_path, attested());
  expect_refused(refused, Code::attestation_challenge_required);
  ASSERT_EQ(refused.headers.count("DPoP-Nonce"), 1U);
  test::ProofContent content = result_content();
  content.nonce = *refused.headers.find("DPoP-Nonce");
  http::Headers headers = attested();
  headers.set("DPoP", test::make_proof(device_key, content));
  const auto response = get(own_path, headers);
  EXPECT_EQ(response.status, 200U) << response.body;
  EXPECT_EQ(response.headers.count("OAuth-Client-Attestation-Challenge"), 1U);
}

TEST_F(DeviceResultEndpoint, TakesNoOtherMethod) {
  http::Request request;
  request.method = "POST";
  request.path = own_path;
  unsigned status = 0;
  router_(request, [&](const http::Response& response) { status = response.status; });
  EXPECT_EQ(status, 405U);
}

}  // namespace
}  // namespace mintmark::api
