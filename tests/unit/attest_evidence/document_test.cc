// The document of an issuer's evidence, and that what is judged is what the issuer publishes.
#include "attest/evidence/document.h"

#include <gtest/gtest.h>

#include "jose/key.h"
#include "support/soft_key.h"

namespace mintmark::attest::evidence {
namespace {

#define EXPECT_CODE(actual, expected) \
  EXPECT_EQ(facts_of(actual).name, facts_of(Code::expected).name)

constexpr const char* issuer = "https://issuer.example";

Json row(const std::string& kid) {
  return {{"kid", kid},
          {"purpose", "access_token"},
          {"alg", "ES256"},
          {"evidence", {{"kind", "k"}, {"claim", "c"}, {"facts", {{"a", 1}}}}}};
}
Json document(const Json& keys) { return {{"issuer", issuer}, {"keys", keys}}; }
Code refusal(const Json& of) {
  const auto rows = rows_in(of, issuer);
  return rows ? Code::not_found : rows.error().code;
}
Json jwk(const test::SoftKey& key, const std::string& purpose) {
  Json jwk = key.public_key().to_jwk();
  jwk["kid"] = key.jkt();
  jwk["mintmark_purpose"] = purpose;
  return jwk;
}

TEST(EvidenceDocument, GivesItsRows) {
  Json bare = row("b");
  bare["evidence"] = nullptr;
  const auto rows = rows_in(document({row("a"), bare}), issuer);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].kid, "a");
  EXPECT_EQ((*rows)[0].kind, "k");
  EXPECT_EQ((*rows)[0].facts, Json({{"a", 1}}));
  EXPECT_EQ((*rows)[1].kind, "");
}

TEST(EvidenceDocument, OfAnotherIssuerIsRefused) {
  Json other = document(Json::array({row("a")}));
  other["issuer"] = "https://other.example";
  EXPECT_CODE(refusal(other), evidence_issuer_mismatch);
  other.erase("issuer");
  EXPECT_CODE(refusal(other), evidence_issuer_mismatch);
}

TEST(EvidenceDocument, ThatCannotBeReadIsRefused) {
  Json no_kid = row("");
  Json no_kind = row("a");
  no_kind["evidence"].erase("kind");
  Json no_object = row("a");
  no_object["evidence"] = 7;
  for (const Json& bad :
       {Json(), Json::array(), Json{{"issuer", issuer}}, document("x"), document(Json::array({7})),
        document(Json::array({no_kid})), document(Json::array({no_kind})),
        document(Json::array({no_object})), document({row("a"), row("a")}),
        document(std::vector<Json>(257, row("a")))})
    EXPECT_CODE(refusal(bad), evidence_document_malformed) << bad.dump().substr(0, 200);
}

TEST(EvidenceDocument, IsJudgedForEachKeyThatVerifiersAreTold) {
  const test::SoftKey shown;
  const test::SoftKey hidden;
  const auto rows = rows_in(document({row("stranger"), row(shown.jkt())}), issuer);
  const auto published = rows_of_published(
      {{"keys", {jwk(hidden, "access_token"), jwk(shown, "client_attestation")}}}, *rows);
  ASSERT_TRUE(published);
  ASSERT_EQ(published->size(), 2U);
  EXPECT_EQ((*published)[0].kid, hidden.jkt());
  EXPECT_EQ((*published)[0].kind, "");
  EXPECT_EQ((*published)[1].kid, shown.jkt());
  EXPECT_EQ((*published)[1].purpose, "client_attestation");  // By the set, not by the row.
}

TEST(EvidenceDocument, BesideKeysThatNameThemselvesWronglyIsRefused) {
  const test::SoftKey key;
  Json renamed = jwk(key, "access_token");
  renamed["kid"] = test::SoftKey().jkt();
  for (const Json& jwks : {Json(), Json{{"keys", 7}}, Json{{"keys", {renamed}}},
                           Json{{"keys", {{{"kty", "oct"}, {"k", "AAAA"}}}}}}) {
    const auto published = rows_of_published(jwks, {});
    ASSERT_FALSE(published) << jwks.dump();
    EXPECT_CODE(published.error().code, keys_malformed);
  }
}

}  // namespace
}  // namespace mintmark::attest::evidence
