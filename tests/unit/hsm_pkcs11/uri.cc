#include "hsm/pkcs11/uri.h"

#include <gtest/gtest.h>

namespace mintmark::hsm::pkcs11 {
namespace {

TokenFacts token(std::string label, std::string serial, std::uint64_t slot = 1) {
  return {.slot_id = slot,
          .label = std::move(label),
          .manufacturer = "Maker & Sons",
          .model = "M1",
          .serial = std::move(serial)};
}

TEST(TokenSelector, OfPlainTextIsALabel) {
  const auto selector = parse_token_selector("my token; 100% ours");
  ASSERT_TRUE(selector);
  EXPECT_EQ(selector->label, "my token; 100% ours");
  EXPECT_FALSE(selector->serial);
}

TEST(TokenSelector, OfAUriTakesEveryAttributeOfATokenAndDecodesIt) {
  const auto selector = parse_token_selector(
      "pkcs11:token=my%20token%3b;manufacturer=Maker%20&%20Sons;model=M1;serial=0a:1;slot-id=327");
  ASSERT_TRUE(selector) << selector.error().to_string();
  EXPECT_EQ(selector->label, "my token;");
  EXPECT_EQ(selector->manufacturer, "Maker & Sons");
  EXPECT_EQ(selector->model, "M1");
  EXPECT_EQ(selector->serial, "0a:1");
  EXPECT_EQ(selector->slot_id, 327U);
}

class MalformedUri : public ::testing::TestWithParam<const char*> {};

TEST_P(MalformedUri, IsRefused) {
  const auto selector = parse_token_selector(GetParam());
  ASSERT_FALSE(selector);
  EXPECT_EQ(selector.error().code, Code::hsm_uri_malformed) << selector.error().to_string();
}

INSTANTIATE_TEST_SUITE_P(
    Uri, MalformedUri,
    ::testing::Values("", "pkcs11:", "pkcs11:;", "pkcs11:token", "pkcs11:token=", "pkcs11:=x",
                      "pkcs11:token=a;", "pkcs11:token=a;;serial=b", "pkcs11:token=a;token=a",
                      "pkcs11:slot-id=1;slot-id=1", "pkcs11:serial=1;serial=2",
                      "pkcs11:slot-id=", "pkcs11:slot-id=-1", "pkcs11:slot-id=0x1",
                      "pkcs11:slot-id=1x", "pkcs11:slot-id=99999999999999999999", "pkcs11:token=%",
                      "pkcs11:token=%2", "pkcs11:token=%zz", "pkcs11:token=%00", "pkcs11:token=a b",
                      "pkcs11:token=a/b", "pkcs11:token=a\"", "pkcs11:token=\xc3\xa4",
                      "pkcs11:Token=a", "pkcs11:object=key", "pkcs11:token=a;id=%01",
                      "pkcs11:token=a;type=private", "pkcs11:library-manufacturer=x",
                      "pkcs11:token=a?module-path=/x", "pkcs11:token=a?", "pkcs11:token=a#x",
                      "pkcs11:token=a;x-vendor=1"));

class UriWithPin : public ::testing::TestWithParam<const char*> {};

TEST_P(UriWithPin, IsRefusedByNameAndNeverShown) {
  const auto selector = parse_token_selector(GetParam());
  ASSERT_FALSE(selector);
  EXPECT_EQ(selector.error().code, Code::hsm_uri_pin) << selector.error().to_string();
  EXPECT_NE(selector.error().detail.find("pin-"), std::string::npos);
  EXPECT_EQ(selector.error().detail.find("s3cret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Uri, UriWithPin,
                         ::testing::Values("pkcs11:token=a?pin-value=s3cret",
                                           "pkcs11:token=a?pin-source=s3cret",
                                           "pkcs11:token=a?module-name=m&pin-value=s3cret",
                                           "pkcs11:token=a;pin-value=s3cret",
                                           "pkcs11:pin-source=s3cret", "pkcs11:?pin-value=s3cret"));

TEST(TokenSelector, ChoosesTheOneTokenThatMatchesEveryAttribute) {
  const std::vector<TokenFacts> tokens{token("a", "1"), token("a", "2"), token("b", "1")};
  const auto chosen = TokenSelector{.label = "a", .serial = "2"}.choose(tokens);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->serial, "2");
}

TEST(TokenSelector, ThatMatchesSeveralTokensIsRefusedAndNamesThem) {
  const std::vector<TokenFacts> tokens{token("a", "1"), token("a", "2"), token("b", "3")};
  const auto chosen = TokenSelector{.label = "a"}.choose(tokens);
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().code, Code::hsm_token_ambiguous);
  EXPECT_NE(chosen.error().detail.find("serial=1"), std::string::npos);
  EXPECT_NE(chosen.error().detail.find("serial=2"), std::string::npos);
  EXPECT_EQ(chosen.error().detail.find("serial=3"), std::string::npos);
}

TEST(TokenSelector, ThatMatchesNoTokenIsRefusedAndNamesThoseThereAre) {
  const auto chosen = TokenSelector{.label = "A"}.choose({token("a", "1")});
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().code, Code::hsm_token_missing);
  EXPECT_NE(chosen.error().detail.find("pkcs11:token=a"), std::string::npos);
}

TEST(TokenSelector, IsMetByNoTokenThatDiffersInOneAttribute) {
  const TokenFacts there = token("a", "1", 7);
  EXPECT_TRUE(TokenSelector{}.matches(there));
  EXPECT_FALSE(TokenSelector{.label = "b"}.matches(there));
  EXPECT_FALSE(TokenSelector{.manufacturer = "b"}.matches(there));
  EXPECT_FALSE(TokenSelector{.model = "b"}.matches(there));
  EXPECT_FALSE(TokenSelector{.serial = "b"}.matches(there));
  EXPECT_FALSE(TokenSelector{.slot_id = 8}.matches(there));
}

TEST(TokenFacts, AsAUriSelectTheSameToken) {
  const TokenFacts odd = token("50% \"off\"; ä/b?", "0:1");
  const auto selector = parse_token_selector(odd.to_uri());
  ASSERT_TRUE(selector) << odd.to_uri();
  EXPECT_TRUE(selector->matches(odd));
  EXPECT_EQ(selector->manufacturer, odd.manufacturer);
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
