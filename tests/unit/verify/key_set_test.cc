#include "verify/key_set.h"

#include <gtest/gtest.h>

#include "token_fixture.h"

namespace mintmark::verify {
namespace {

using test::key_document;
using test::published;
using test::SoftKey;

std::size_t taken(const Json& jwk) {
  return KeySet::parse(key_document({jwk}).dump()).value().size();
}

Json with(const char* name, const Json& value) {
  static const SoftKey key;
  return test::TokenFixture::changed(published(key), name, value);
}

void expect_malformed(std::string_view text) {
  const auto set = KeySet::parse(text);
  ASSERT_FALSE(set) << text;
  EXPECT_EQ(set.error().code, Code::keys_malformed);
}

TEST(KeySet, FindsAKeyByItsKid) {
  const SoftKey one;
  const SoftKey two(jose::Algorithm::es384);
  const auto set = KeySet::parse(key_document({published(one), published(two)}).dump());
  ASSERT_TRUE(set);
  EXPECT_EQ(*set->find(one.jkt()), one.public_key());
  EXPECT_EQ(*set->find(two.jkt()), two.public_key());
  EXPECT_EQ(set->find("unknown"), nullptr);
  EXPECT_EQ(set->find(""), nullptr);
}

TEST(KeySet, TakesNoKeyOfAnotherPurpose) {
  EXPECT_EQ(taken(with("mintmark_purpose", "access_token")), 1U);
  for (const Json& purpose :
       {Json(), Json("client_attestation"), Json("result"), Json("status_list"), Json("event"),
        Json("ACCESS_TOKEN"), Json(""), Json(1), Json::array({"access_token"})}) {
    EXPECT_EQ(taken(with("mintmark_purpose", purpose)), 0U) << purpose;
  }
}

TEST(KeySet, PassesOverKeysThatItCannotUse) {
  EXPECT_EQ(taken(with("kid", nullptr)), 0U);
  EXPECT_EQ(taken(with("kid", "")), 0U);
  EXPECT_EQ(taken(with("kty", "RSA")), 0U);
  EXPECT_EQ(taken(with("crv", "P-521")), 0U);
  EXPECT_EQ(taken(with("use", "enc")), 0U);
  EXPECT_EQ(taken(with("alg", "ES384")), 0U);
  EXPECT_EQ(taken(with("x", "AA")), 0U);
  EXPECT_EQ(taken("no object"), 0U);
}

TEST(KeySet, PassesOverAKeyWhosePrivateHalfWasPublished) { EXPECT_EQ(taken(with("d", "AQ")), 0U); }

TEST(KeySet, WithTwoKeysOfOneKidIsRefused) {
  const SoftKey other;
  Json second = published(other);
  second["kid"] = with("use", "sig")["kid"];
  expect_malformed(key_document({with("use", "sig"), second}).dump());
}

TEST(KeySet, OfWhatIsNoJwkSetIsRefused) {
  for (const char* text : {"", "[]", "{}", "null", R"({"keys":{}})", R"({"keys":1})",
                           R"({"keys":[],"keys":[]})", "{\"keys\":[]} x", "<html>"}) {
    expect_malformed(text);
  }
}

TEST(KeySet, ThatIsEmptyIsASetWithoutKeys) {
  EXPECT_EQ(KeySet::parse(R"({"keys":[]})")->size(), 0U);
}

}  // namespace
}  // namespace mintmark::verify
