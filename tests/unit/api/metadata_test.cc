// What the issuer says of itself (RFC 8414), and what it must not say.
#include "api/metadata.h"

#include <gtest/gtest.h>

#include "http/router.h"

namespace mintmark::api {
namespace {

constexpr const char* well_known = "/.well-known/oauth-authorization-server";

Json metadata_of(const Facts& facts, const std::string& path = well_known) {
  keyring::Keyring keyring;
  http::Router router;
  add_metadata(router, facts, keyring, [] { return Readiness(); });
  http::Request request;
  request.method = "GET";
  request.path = path;
  Json document;
  router(request, [&](const http::Response& response) {
    EXPECT_EQ(response.status, 200U);
    document = Json::parse(response.body);
  });
  return document;
}

Json metadata_of(const std::string& issuer, bool challenges_required, const std::string& path) {
  return metadata_of({.issuer = issuer,
                      .challenges_required = challenges_required,
                      .attestation_algorithm = jose::Algorithm::ps256},
                     path);
}

TEST(Metadata, NameTheIssuerAndItsEndpoints) {
  const Json document = metadata_of("https://issuer.example", false, well_known);
  EXPECT_EQ(document["issuer"], "https://issuer.example");
  EXPECT_EQ(document["token_endpoint"], "https://issuer.example/token");
  EXPECT_EQ(document["jwks_uri"], "https://issuer.example/.well-known/jwks.json");
  EXPECT_EQ(document["mintmark_key_evidence_endpoint"],
            "https://issuer.example/.well-known/key-evidence");
  EXPECT_EQ(document["status_list_aggregation_endpoint"], "https://issuer.example/statuslists");
  EXPECT_EQ(document["grant_types_supported"], Json::array({"client_credentials"}));
  EXPECT_EQ(document["response_types_supported"], Json::array());
}

TEST(Metadata, StandBetweenHostAndPathOfTheIssuer) {
  const Json document =
      metadata_of("https://a.example/tenant", false, std::string(well_known) + "/tenant");
  EXPECT_EQ(document["issuer"], "https://a.example/tenant");
  EXPECT_EQ(document["token_endpoint"], "https://a.example/tenant/token");
}

TEST(Metadata, OfferMutualTlsWhereItIsOn) {
  const auto none = metadata_of({.issuer = "https://issuer.example"});
  EXPECT_FALSE(none.contains("tls_client_certificate_bound_access_tokens"));
  const auto own = metadata_of({.issuer = "https://issuer.example", .self_signed_tls = true});
  EXPECT_EQ(own["tls_client_certificate_bound_access_tokens"], true);
  EXPECT_EQ(own["token_endpoint_auth_methods_supported"],
            Json::array(
                {"attest_jwt_client_auth_dpop", "private_key_jwt", "self_signed_tls_client_auth"}));
  const auto by_ca = metadata_of({.issuer = "https://issuer.example", .tls_by_authorities = true});
  EXPECT_EQ(by_ca["tls_client_certificate_bound_access_tokens"], true);
  EXPECT_EQ(by_ca["token_endpoint_auth_methods_supported"],
            Json::array({"attest_jwt_client_auth_dpop", "private_key_jwt", "tls_client_auth"}));
}

TEST(Metadata, OfferTheMethodsThatAreTakenAndTheirAlgorithms) {
  const Json document = metadata_of("https://issuer.example", false, well_known);
  EXPECT_EQ(document["token_endpoint_auth_methods_supported"],
            Json::array({"attest_jwt_client_auth_dpop", "private_key_jwt"}));
  for (const char* name :
       {"token_endpoint_auth_signing_alg_values_supported", "dpop_signing_alg_values_supported"}) {
    EXPECT_EQ(document[name], Json::array({"ES256", "ES384", "RS256", "PS256", "Ed25519", "EdDSA"}))
        << name;
  }
  EXPECT_EQ(document["client_attestation_signing_alg_values_supported"], Json::array({"PS256"}));
  EXPECT_EQ(document["client_attestation_pop_methods_supported"], Json::array({"dpop_combined"}));
}

TEST(Metadata, OfferAChallengeOnlyWhereItMustBeUsed) {
  EXPECT_FALSE(
      metadata_of("https://issuer.example", false, well_known).contains("challenge_endpoint"));
  EXPECT_EQ(metadata_of("https://issuer.example", true, well_known)["challenge_endpoint"],
            "https://issuer.example/challenge");
}

http::Response readiness(const std::vector<std::string>& missing,
                         const std::vector<std::string>& warnings = {}) {
  keyring::Keyring keyring;
  http::Router router;
  add_metadata(router, {.issuer = "https://issuer.example"}, keyring, [&] {
    return Readiness{missing, warnings};
  });
  http::Request request;
  request.method = "GET";
  request.path = "/readyz";
  http::Response answer;
  router(request, [&](http::Response response) { answer = std::move(response); });
  return answer;
}

TEST(Readiness, NamesEachPartThatIsMissing) {
  const auto answer = readiness({"signing key: access_token ES256", "signer: main"});
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(Json::parse(answer.body)["missing"],
            Json::array({"signing key: access_token ES256", "signer: main"}));
  EXPECT_EQ(*answer.headers.find("Retry-After"), "1");
  EXPECT_EQ(answer.cause->code, Code::unavailable);
}

TEST(Readiness, Is200WithWarningsWhereTokensStillLeave) {
  const auto answer = readiness({}, {"keys: no new key for access_token ES256"});
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(Json::parse(answer.body)["warnings"],
            Json::array({"keys: no new key for access_token ES256"}));
}

TEST(Readiness, Is200WhereNothingIsMissing) {
  const auto answer = readiness({});
  EXPECT_EQ(answer.status, 200U);
  EXPECT_FALSE(answer.cause);
}

}  // namespace
}  // namespace mintmark::api
