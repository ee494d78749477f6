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
  const auto of_none = TokenSelector{}.choose({});
  ASSERT_FALSE(of_none);
  EXPECT_EQ(of_none.error().code, Code::hsm_token_missing);
  EXPECT_NE(of_none.error().detail.find("no initialised token"), std::string::npos);
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

TEST(KeyUri, SaysWhichKeyOfWhichTokenByWhichModuleAndWhereThePinIs) {
  const auto uri = parse_key_uri(
      "pkcs11:token=my%20token;serial=1;object=IDevID%3b;id=%00%ff%41;type=private"
      "?pin-source=file:///etc/a%20pin&module-path=/usr/lib/e.so");
  ASSERT_TRUE(uri) << uri.error().to_string();
  EXPECT_EQ(uri->token.label, "my token");
  EXPECT_EQ(uri->token.serial, "1");
  EXPECT_EQ(uri->object, "IDevID;");
  EXPECT_EQ(uri->id, (Bytes{0x00, 0xFF, 0x41}));
  EXPECT_EQ(uri->module_path, "/usr/lib/e.so");
  EXPECT_EQ(uri->pin_file, "/etc/a pin");
  for (const char* source : {"/etc/pin", "file:/etc/pin", "file://host/etc/pin"}) {
    const auto other =
        parse_key_uri("pkcs11:object=a?module-path=/m.so&pin-source=" + std::string(source));
    ASSERT_TRUE(other) << source;
    EXPECT_EQ(other->pin_file, "/etc/pin");
  }
}

TEST(KeyUri, ThatIsNotWholeOrSaysTooMuchIsRefused) {
  const std::string query = "?module-path=/m.so&pin-source=/p";
  for (const char* path :
       {"pkcs11:", "object=a", "pkcs11:token=a", "pkcs11:object=", "pkcs11:id=%0",
        "pkcs11:object=a;object=b", "pkcs11:id=%01;id=%01", "pkcs11:object=a;type=cert",
        "pkcs11:object=a;library-version=1", "pkcs11:object=a/b", "pkcs11:object=%00",
        "pkcs11:object=a;", "pkcs11:token=;object=a", "pkcs11:slot-id=x;object=a",
        "pkcs11:object=a;module-path=/m.so", "pkcs11:object=a b"}) {
    const auto uri = parse_key_uri(path + query);
    ASSERT_FALSE(uri) << path;
    EXPECT_EQ(uri.error().code, Code::hsm_uri_malformed) << path;
  }
  for (const char* bad :
       {"", "?", "?module-path=/m.so", "?pin-source=/p", "?module-path=/m.so&pin-source=/p&x=1",
        "?module-path=/m.so&module-path=/m.so&pin-source=/p", "?module-path=/m.so&&pin-source=/p",
        "?module-path=/m.so;pin-source=/p", "?module-name=m&pin-source=/p",
        "?module-path=/m%00.so&pin-source=/p", "?module-path=&pin-source=/p"}) {
    const auto uri = parse_key_uri("pkcs11:object=a" + std::string(bad));
    ASSERT_FALSE(uri) << bad;
    EXPECT_EQ(uri.error().code, Code::hsm_uri_malformed) << bad;
  }
}

TEST(KeyUri, WithAPinInItOrACommandThatGivesOneIsRefusedAndNotRepeated) {
  for (const char* pin : {"pin-value=secret-1", "pin-source=|/bin/secret-1", "pin-source=secret-1",
                          "pin-source=file:secret-1", "pin-source=file://secret-1"}) {
    const auto uri = parse_key_uri("pkcs11:object=a?module-path=/m.so&" + std::string(pin));
    ASSERT_FALSE(uri) << pin;
    EXPECT_EQ(uri.error().code, Code::hsm_uri_pin) << pin;
    EXPECT_EQ(uri.error().detail.find("secret-1"), std::string::npos) << uri.error().detail;
  }
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
