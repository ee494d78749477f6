#include "agent/issuer_client.h"

#include <gtest/gtest.h>

#include "fake_issuer.h"

namespace mintmark::agent {
namespace {

const std::string metadata_url = "https://issuer.example/.well-known/oauth-authorization-server";

class OneAnswer final : public Transport {
 public:
  explicit OneAnswer(http::Response response) : response_(std::move(response)) {}
  Result<http::Response> send(const std::string& /*method*/, const std::string& url,
                              const http::Headers& /*headers*/,
                              const std::string& /*body*/) override {
    url_ = url;
    return response_;
  }
  std::string url_;

 private:
  http::Response response_;
};

Code metadata_refusal(const std::string& body, unsigned status = 200) {
  OneAnswer transport(http::json_response(status, body));
  const auto endpoint = IssuerClient::at("https://issuer.example", transport)->endpoints();
  EXPECT_FALSE(endpoint) << body;
  return endpoint ? Code::internal : endpoint.error().code;
}

TEST(IssuerMetadata, IsAskedForWhereTheStandardPutsIt) {
  OneAnswer transport(http::json_response(
      200,
      R"({"issuer":"https://issuer.example/tenant/1","token_endpoint":"https://issuer.example/tenant/1/token"})"));
  const auto endpoints =
      IssuerClient::at("https://issuer.example/tenant/1/", transport)->endpoints();
  ASSERT_TRUE(endpoints) << endpoints.error().to_string();
  EXPECT_EQ(transport.url_, metadata_url + "/tenant/1");
  EXPECT_EQ(endpoints->token, "https://issuer.example/tenant/1/token");
  EXPECT_EQ(endpoints->challenge, "");
}

TEST(IssuerMetadata, OfAnotherIssuerIsRefused) {
  for (const char* body :
       {R"({"issuer":"https://other.example","token_endpoint":"https://issuer.example/token"})",
        R"({"issuer":"https://issuer.example/","token_endpoint":"https://issuer.example/token"})",
        R"({"token_endpoint":"https://issuer.example/token"})",
        R"({"issuer":1,"token_endpoint":"https://issuer.example/token"})"}) {
    EXPECT_EQ(metadata_refusal(body), Code::issuer_metadata_invalid) << body;
  }
}

TEST(IssuerMetadata, WithATokenEndpointElsewhereIsRefused) {
  for (const char* body :
       {R"({"issuer":"https://issuer.example","token_endpoint":"https://thief.example/token"})",
        R"({"issuer":"https://issuer.example","token_endpoint":"http://issuer.example/token"})",
        R"({"issuer":"https://issuer.example","token_endpoint":"/token"})",
        R"({"issuer":"https://issuer.example"})"}) {
    EXPECT_EQ(metadata_refusal(body), Code::issuer_metadata_invalid) << body;
  }
}

TEST(IssuerMetadata, WithAChallengeEndpointElsewhereIsRefused) {
  for (const char* endpoint : {R"("https://thief.example/challenge")", R"("/challenge")", "1"}) {
    EXPECT_EQ(metadata_refusal(R"({"issuer":"https://issuer.example",)"
                               R"("token_endpoint":"https://issuer.example/token",)"
                               R"("challenge_endpoint":)" +
                               std::string(endpoint) + "}"),
              Code::issuer_metadata_invalid)
        << endpoint;
  }
}

TEST(IssuerMetadata, ThatIsNoObjectIsRefused) {
  EXPECT_EQ(metadata_refusal("[]"), Code::issuer_answer_invalid);
  EXPECT_EQ(metadata_refusal("<html>"), Code::issuer_answer_invalid);
  EXPECT_EQ(
      metadata_refusal(R"({"issuer":"https://issuer.example","issuer":"https://issuer.example"})"),
      Code::issuer_answer_invalid);
}

TEST(IssuerRefusal, ComesWithTheIssuersOwnCode) {
  EXPECT_EQ(metadata_refusal(R"({"error":"invalid_target","code":"policy_audience"})", 400),
            Code::policy_audience);
}

TEST(IssuerRefusal, WithoutACodeIsStillOne) {
  EXPECT_EQ(metadata_refusal(R"({"error":"use_fresh_attestation"})", 400), Code::evidence_stale);
  EXPECT_EQ(metadata_refusal(R"({"error":"x","code":"from the future"})", 400),
            Code::issuer_refused);
  EXPECT_EQ(metadata_refusal(R"({"error":"use_dpop_nonce"})", 400), Code::dpop_nonce_required);
  EXPECT_EQ(metadata_refusal(R"({"error":"use_attestation_challenge"})", 400),
            Code::attestation_challenge_required);
  EXPECT_EQ(metadata_refusal("<html>", 404), Code::issuer_refused);
  EXPECT_EQ(metadata_refusal("", 302), Code::issuer_refused);
  EXPECT_EQ(metadata_refusal("<html>", 502), Code::unavailable);
  EXPECT_EQ(metadata_refusal("", 429), Code::unavailable);
}

TEST(IssuerRefusal, CannotWriteToTheTerminal) {
  OneAnswer transport(
      http::json_response(400, R"({"error":"x","error_description":"\u001b[31m red"})"));
  const auto endpoint = IssuerClient::at("https://issuer.example", transport)->endpoints();
  EXPECT_EQ(endpoint.error().detail.find('\x1b'), std::string::npos);
}

TEST(IssuerAddress, ThatIsNoHttpsUrlIsRefused) {
  OneAnswer transport({});
  for (const char* url : {"http://issuer.example", "issuer.example", "",
                          "https://issuer.example/?a=b", "https://u@issuer.example"}) {
    const auto client = IssuerClient::at(url, transport);
    ASSERT_FALSE(client) << url;
    EXPECT_EQ(client.error().code, Code::issuer_not_https);
  }
}

}  // namespace
}  // namespace mintmark::agent
