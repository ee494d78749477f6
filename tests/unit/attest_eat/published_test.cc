// Published examples of EARs and of EATs, read as their documents say.
#include <gtest/gtest.h>

#include "attest/eat/appraisal.h"
#include "attest/eat/token.h"
#include "cbor/cbor.h"
#include "support/eat_maker.h"

namespace mintmark::attest::eat {
namespace {

// draft-ietf-rats-ear-03, figure 3: found wanting.
TEST(PublishedEar, OfFigure3IsContraindicated) {
  const Json claims = Json::parse(R"({
    "eat_profile": "tag:ietf.org,2026:rats/ear#03", "iat": 1666529184,
    "ear_verifier_id": {"developer": "https://veraison-project.org", "build": "vts 0.0.1"},
    "ear_raw_evidence": "NzQ3MjY5NzM2NTYzNzQK",
    "submods": {"PSA": {"ear_status": "contraindicated",
      "ear_trustworthiness_vector": {"instance-identity": 2, "executables": 96, "hardware": 2},
      "ear_appraisal_policy_ids": ["https://veraison.example/policy/1/60a0068d"]}}})");
  const auto appraisal = appraise(claims);
  ASSERT_TRUE(appraisal) << appraisal.error().detail;
  EXPECT_TRUE(appraisal->is_ear);
  EXPECT_EQ(appraisal->status, Tier::contraindicated);
  EXPECT_FALSE(appraisal->boot_state);
  EXPECT_FALSE(check_status(*appraisal, true));
}

// draft-ietf-rats-ear-03, figure 4: two attesters, both well.
TEST(PublishedEar, OfFigure4IsAffirming) {
  const Json claims = Json::parse(R"({
    "eat_profile": "tag:ietf.org,2026:rats/ear#03", "iat": 1666529300,
    "ear_verifier_id": {"developer": "https://veraison-project.org", "build": "vts 0.0.1"},
    "submods": {
      "CCA Platform": {"ear_status": "affirming", "ear_trustworthiness_vector":
        {"instance-identity": 2, "executables": 2, "hardware": 2}},
      "CCA Realm": {"ear_status": "affirming", "ear_trustworthiness_vector":
        {"instance-identity": 2}}}})");
  const auto appraisal = appraise(claims);
  ASSERT_TRUE(appraisal) << appraisal.error().detail;
  EXPECT_TRUE(appraisal->hardware && appraisal->boot_state);
  EXPECT_TRUE(check_status(*appraisal, false));
}

// draft-ietf-rats-ear-03, figure 5: figure 3 as CBOR.
TEST(PublishedEar, OfFigure5SaysWhatFigure3Says) {
  const Bytes octets = from_hex(
                           "a5"
                           "190109"
                           "781d"
                           "7461673a696574662e6f72672c323032363a726174732f65617223"
                           "3033"
                           "06"
                           "1a635537a0"
                           "1903ec"
                           "a2"
                           "00"
                           "781c"
                           "68747470733a2f2f7665726169736f6e2d70726f6a6563742e6f7267"
                           "01"
                           "69"
                           "76747320302e302e31"
                           "1903ea"
                           "4b"
                           "6c696665626f61746d616e"
                           "19010a"
                           "a1"
                           "63"
                           "505341"
                           "a2"
                           "1903e8"
                           "1860"
                           "1903e9"
                           "a3"
                           "0002"
                           "021860"
                           "0402")
                           .value();
  const auto value = cbor::parse(octets);
  ASSERT_TRUE(value) << value.error().detail;
  const auto claims = claims_of(*value);
  ASSERT_TRUE(claims);
  EXPECT_EQ((*claims)["iat"], 1666529184);
  const auto appraisal = appraise(*claims);
  ASSERT_TRUE(appraisal) << appraisal.error().detail;
  EXPECT_TRUE(appraisal->is_ear);
  EXPECT_EQ(appraisal->status, Tier::contraindicated);
}

// github.com/veraison/rust-ear (Apache-2.0), README.md: signed, with the old names, a profile of a
// test and status none.
constexpr const char* rust_ear =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJlYXRfcHJvZmlsZSI6InRlc3QiLCJpYXQiOjEsImVhci52ZXJpZmll"
    "ci1pZCI6eyJkZXZlbG9wZXIiOiJodHRwczovL3ZlcmFpc29uLXByb2plY3Qub3JnIiwiYnVpbGQiOiJ2c3RzIDAuMC4xIn"
    "0sInN1Ym1vZHMiOnsidGVzdCI6eyJlYXIuc3RhdHVzIjoibm9uZSJ9fX0.G25v0j0NDQhSOcK3Jtfq5vqVxnoWuWf-Q0DC"
    "NkCwpyB03DGr25ZDJ3IDSAHVPZrr6TVMwj8RcGEzQnCrucem4Q";
constexpr const char* rust_ear_key =
    R"({"kty":"EC","crv":"P-256","x":"G8fAud93NgCg8C_0bY1YqVZ5zNlkb-cNsGTQia7m0is",
        "y":"RK1gonvUKKQOCSHDwz3SiN9EijCqmXS4sDeRbc8RnL0"})";

TEST(PublishedEar, OfVeraisonVerifiesAndIsRefusedForItsProfile) {
  const auto keys = Keys::parse(rust_ear_key, {});
  ASSERT_TRUE(keys);
  const auto token = verify_jwt(rust_ear, *keys);
  ASSERT_TRUE(token) << token.error().to_string();
  const auto appraisal = appraise(token->claims);
  ASSERT_FALSE(appraisal);
  EXPECT_EQ(appraisal.error().code, Code::eat_profile);
  Json claims = token->claims;
  claims["eat_profile"] = "tag:github.com,2023:veraison/ear";
  const auto read = appraise(claims);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status, Tier::none);
  EXPECT_FALSE(check_status(*read, true));
}

// After RFC 9711, appendix A.1: a plain EAT.
TEST(PublishedEat, OfRfc9711IsNoEar) {
  const Json claims = Json::parse(R"({
    "eat_nonce": "MIDBNH28iioisjPy", "ueid": "AgAEizrK3Q", "oemid": 76543,
    "swname": "Acme IoT OS", "swversion": ["3.1.4"]})");
  const auto appraisal = appraise(claims);
  ASSERT_TRUE(appraisal);
  EXPECT_FALSE(appraisal->is_ear || appraisal->hardware || appraisal->boot_state);
  EXPECT_TRUE(check_status(*appraisal, false));
}

}  // namespace
}  // namespace mintmark::attest::eat
