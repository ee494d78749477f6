#include <gtest/gtest.h>

#include "fake_issuer.h"
#include "jose/base64url.h"

namespace mintmark::agent {
namespace {

const std::string service = "https://service.example/things?id=1";

class ServiceCall : public testing::Test {
 protected:
  ServiceCall() { bench_.enroll(); }

  Result<http::Response> call(const std::string& url, http::Headers headers = {}) {
    return bench_.agent().call({.token = {"https://service.example", ""},
                                .method = "PUT",
                                .url = url,
                                .headers = std::move(headers),
                                .body = "body",
                                .ca_file = ""});
  }

  Bench bench_;
};

TEST_F(ServiceCall, CarriesTheTokenAndItsProof) {
  http::Headers headers;
  headers.add("Accept", "text/plain");
  const auto response = call(service, headers);
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->body, "a service's answer");
  const SeenRequest request = bench_.issuer.seen_at(service).at(0);
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.body, "body");
  EXPECT_EQ(*request.headers.find("Accept"), "text/plain");
  EXPECT_EQ(*request.headers.find("Authorization"), "DPoP token1");
  const ReadProof proof = read_proof(*request.headers.find("DPoP"));
  EXPECT_EQ(proof.claims["htu"], "https://service.example/things");
  EXPECT_EQ(proof.claims["htm"], "PUT");
  EXPECT_EQ(proof.claims["ath"], jose::base64url(sha256("token1")));
}

TEST_F(ServiceCall, WhoseTokenIsRefusedAsNoGoodIsTheLastWithIt) {
  http::Response refused;
  refused.status = 401;
  refused.headers.add("WWW-Authenticate", "DPoP error=\"invalid_token\"");
  bench_.issuer.instead[service].push_back(refused);
  EXPECT_EQ(call(service)->status, 401U);
  EXPECT_EQ(call(service)->status, 200U);
  const auto seen = bench_.issuer.seen_at(service);
  EXPECT_EQ(*seen.at(0).headers.find("Authorization"), "DPoP token1");
  EXPECT_EQ(*seen.at(1).headers.find("Authorization"), "DPoP token2");
}

TEST_F(ServiceCall, RefusedForAnotherReasonIsMadeWithTheSameTokenAgain) {
  for (const char* challenge : {"DPoP error=\"invalid_dpop_proof\"", "Basic realm=\"x\""}) {
    http::Response refused;
    refused.status = 401;
    refused.headers.add("WWW-Authenticate", challenge);
    bench_.issuer.instead[service].push_back(refused);
    EXPECT_EQ(call(service)->status, 401U);
  }
  http::Response forbidden;
  forbidden.status = 403;
  forbidden.headers.add("WWW-Authenticate", "DPoP error=\"invalid_token\"");
  bench_.issuer.instead[service].push_back(forbidden);
  EXPECT_EQ(call(service)->status, 403U);
  EXPECT_EQ(call(service)->status, 200U);
  EXPECT_EQ(*bench_.issuer.seen_at(service).back().headers.find("Authorization"), "DPoP token1");
}

TEST_F(ServiceCall, ToTheIssuerIsRefusedBeforeATokenIsFetched) {
  const std::size_t before = bench_.issuer.seen.size();
  const auto response = call("https://issuer.example/token");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::agent_proof_for_issuer);
  EXPECT_EQ(bench_.issuer.seen.size(), before);
}

TEST_F(ServiceCall, WithHeadersOfTheAgentsOwnIsRefused) {
  for (const char* name : {"Authorization", "dpop", "HOST", "Content-Length", "Transfer-Encoding",
                           "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization",
                           "Proxy-Authenticate", "TE", "Trailer", "Upgrade", "Expect"}) {
    http::Headers headers;
    headers.add(name, "x");
    const auto response = call(service, headers);
    ASSERT_FALSE(response) << name;
    EXPECT_EQ(response.error().code, Code::agent_header_refused) << name;
  }
}

TEST_F(ServiceCall, WithAHeaderThatBreaksTheLineIsRefused) {
  for (const auto& [name, value] :
       {std::pair{"A", "b\r\nAuthorization: x"}, {"A B", "c"}, {"", "c"}}) {
    http::Headers headers;
    headers.add(name, value);
    EXPECT_EQ(call(service, headers).error().code, Code::agent_header_refused) << name;
  }
}

TEST_F(ServiceCall, WithoutATokenIsNotMade) {
  bench_.issuer.refuse_next("https://issuer.example/token", Code::policy_audience);
  EXPECT_EQ(call(service).error().code, Code::policy_audience);
  EXPECT_TRUE(bench_.issuer.seen_at(service).empty());
}

}  // namespace
}  // namespace mintmark::agent
