// Whose word a key is: as an operator wrote it, whatever a token claims.
#include "attest/eat/keys.h"
#include "foreign_result.h"

namespace mintmark::attest::eat {
namespace {

using test::EatMaker;

class EitherAttester : public EitherResult {};
INSTANTIATE_TEST_SUITE_P(AsJwtAndAsCwt, EitherAttester, ::testing::Bool());

// Who signs is who signs, whatever it calls itself.
TEST_P(EitherAttester, OfAKeyWithoutANameIsItsKeysDeviceWhateverIssuerItClaims) {
  const auto one = checked();
  EXPECT_EQ(one->facts().more.at("attester"), FactValue(maker.key().jkt()));
  maker.claims["iss"] = "https://other.test";
  const auto other = checked();
  EXPECT_EQ(other->identity(), one->identity());
  EXPECT_EQ(other->facts().more.at("attester"), FactValue(maker.key().jkt()));
  EatMaker stranger;
  stranger.at = now;
  stranger.as_cwt = maker.as_cwt;
  options.keys = stranger.keys();
  EXPECT_NE(checked(stranger.evidence(binding, key.public_key()))->identity(), one->identity());
}

TEST_P(EitherAttester, OfTwoIssuersIsTwoDevicesAndOfAnyKeyOfOneIssuerTheSame) {
  EatMaker second;
  second.at = now;
  second.as_cwt = maker.as_cwt;
  const auto identities = [&](const char* first_issuer, const char* second_issuer) {
    maker.issuer = first_issuer;
    second.issuer = second_issuer;
    maker.claims["iss"] = first_issuer;
    second.claims["iss"] = second_issuer;
    options.keys = Json{{"keys", {maker.jwk(), second.jwk()}}}.dump();
    const auto one = checked();
    const auto other = checked(second.evidence(binding, key.public_key()));
    EXPECT_TRUE(one && other);
    EXPECT_EQ(one->facts().more.at("attester"), FactValue(std::string(first_issuer)));
    return std::pair{one->identity(), other->identity()};
  };
  const auto rolled = identities("https://a.test", "https://a.test");
  EXPECT_EQ(rolled.first, rolled.second);
  const auto two = identities("https://a.test", "https://b.test");
  EXPECT_EQ(two.first, rolled.first);
  EXPECT_NE(two.second, two.first);
}

TEST_P(EitherAttester, OfAKeyThatIsBoundToAnotherIssuerIsRefused) {
  maker.issuer = "https://verifier.test";
  EatMaker second;
  second.issuer = "https://other.test";
  options.keys = Json{{"keys", {maker.jwk(), second.jwk()}}}.dump();
  EXPECT_TRUE(checked());
  EXPECT_EQ(refusal([](Json& c) { c["iss"] = "https://other.test"; }), Code::eat_issuer);
  EXPECT_EQ(refusal([](Json& c) { c["iss"] = ""; }), Code::eat_issuer);
  EXPECT_EQ(refusal([](Json& c) { c.erase("iss"); }), Code::eat_issuer);
  EXPECT_EQ(refusal([](Json& c) { c["iss"] = 7; }), Code::eat_malformed);
}

TEST_P(EitherAttester, OfOneIssuerThatIsConfiguredIsThatIssuersWhicheverKeySignedIt) {
  EatMaker second;
  options.keys = Json{{"keys", {maker.jwk(), second.jwk()}}}.dump();
  options.issuers = {"https://verifier.test"};
  const auto one = checked();
  ASSERT_TRUE(one) << one.error().to_string();
  EXPECT_EQ(one->facts().more.at("attester"), FactValue(options.issuers[0]));
  EXPECT_EQ(refusal([](Json& c) { c["iss"] = "https://other.test"; }), Code::eat_issuer);
}

TEST_F(ForeignResult, OfAnEarWithoutIssIsOfWhoMadeItsVerifier) {
  maker.issuer = "https://veraison-project.org";
  options.keys = maker.keys();
  maker.claims.erase("iss");
  maker.claims["ear_verifier_id"] = {{"developer", maker.issuer}, {"build", "vts 0.0.1"}};
  EXPECT_TRUE(checked());
  maker.claims["iss"] = "https://verifier.test";
  EXPECT_EQ(refusal(), Code::eat_issuer);
  maker.claims.erase("iss");
  maker.claims["ear_verifier_id"]["developer"] = "https://other.test";
  EXPECT_EQ(refusal(), Code::eat_issuer);
  maker.claims["ear_verifier_id"]["developer"] = 7;
  EXPECT_EQ(refusal(), Code::eat_issuer);
}

TEST(ForeignKeys, ThatAreUnsoundOrNotToldApartAreUnreadable) {
  Json one = test::SoftKey().public_key().to_jwk();
  Json other = test::SoftKey().public_key().to_jwk();
  const auto readable = [](const Json& set) {
    const auto format = make_format({set.dump(), {}, "", false});
    if (!format) {
      EXPECT_EQ(format.error().code, Code::eat_keys_unreadable);
    }
    return format.has_value();
  };
  EXPECT_TRUE(readable(one));
  EXPECT_TRUE(readable({{"keys", {one}}}));
  EXPECT_FALSE(readable({{"keys", {one, other}}}));
  one["kid"] = "a";
  EXPECT_FALSE(readable({{"keys", {one, other}}}));
  other["kid"] = "a";
  EXPECT_FALSE(readable({{"keys", {one, other}}}));
  other["kid"] = "b";
  one["iss"] = other["iss"] = "https://a.test";
  EXPECT_TRUE(readable({{"keys", {one, other}}}));
  EXPECT_FALSE(readable({{"keys", {one, {{"kty", "oct"}, {"k", "AAAA"}, {"kid", "c"}}}}}));
  Json secret = one;
  secret["d"] = one["x"];
  EXPECT_FALSE(readable({{"keys", {secret}}}));
  one["kid"] = 7;
  EXPECT_FALSE(readable({{"keys", {one}}}));
  for (const Json& bad :
       {Json::object(), Json::array(), Json{{"keys", Json::array()}}, Json{{"keys", {1}}}, Json(1)})
    EXPECT_FALSE(readable(bad)) << bad;
  EXPECT_FALSE(make_format({"{", {}, "", false}));
}

TEST(ForeignKeys, OfWhichOneCouldSpeakAsAnotherAreUnreadable) {
  Json one = EatMaker().jwk();
  Json other = EatMaker().jwk();
  const auto readable = [&](const std::vector<std::string>& issuers) {
    const auto keys = Keys::parse(Json{{"keys", {one, other}}}.dump(), issuers);
    EXPECT_TRUE(keys || keys.error().code == Code::eat_keys_unreadable);
    return keys.has_value();
  };
  EXPECT_FALSE(readable({}));
  EXPECT_FALSE(readable({"https://a.test", "https://b.test"}));
  EXPECT_TRUE(readable({"https://a.test"}));
  one["iss"] = "https://a.test";
  EXPECT_FALSE(readable({}));
  EXPECT_FALSE(readable({"https://a.test", "https://b.test"}));
  other["iss"] = "https://b.test";
  EXPECT_TRUE(readable({}));
  EXPECT_TRUE(readable({"https://a.test", "https://b.test"}));
  EXPECT_FALSE(readable({"https://a.test"}));
  for (const Json& bad : {Json(""), Json(7), Json(nullptr), Json{"https://b.test"}}) {
    other["iss"] = bad;
    EXPECT_FALSE(readable({})) << bad;
  }
}

}  // namespace
}  // namespace mintmark::attest::eat
