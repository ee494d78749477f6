// The Authorization header as strangers write it.
#include "verify/authorization.h"

#include <gtest/gtest.h>

namespace mintmark::verify {
namespace {

Result<Authorization> read(const http::Headers& headers) { return read_authorization(headers); }

void expect_refused(const std::string& value, Code code) {
  http::Headers headers;
  headers.add("Authorization", value);
  const auto refused = read(headers);
  ASSERT_FALSE(refused) << value;
  EXPECT_EQ(refused.error().code, code) << value;
}

TEST(AuthorizationHeader, IsASchemeInEitherCaseAndAToken) {
  for (const auto& [value, scheme] : {std::pair{"DPoP abc.DEF-1_2~3+4/5==", Scheme::dpop},
                                      {"dpop abc", Scheme::dpop},
                                      {"Bearer abc", Scheme::bearer},
                                      {"BEARER abc", Scheme::bearer}}) {
    http::Headers headers;
    headers.add("Authorization", value);
    const auto authorization = read(headers);
    ASSERT_TRUE(authorization) << value << authorization.error().to_string();
    EXPECT_EQ(authorization->scheme, scheme) << value;
    EXPECT_EQ(authorization->token,
              std::string_view(value).substr(std::string_view(value).find(' ') + 1));
  }
}

TEST(AuthorizationHeader, ThatIsNotThereOrOfAnotherSchemeIsMissing) {
  EXPECT_EQ(read(http::Headers()).error().code, Code::token_missing);
  for (const char* value : {"", " ", "Basic YTpi", "DPoP2 abc", "Bear er", "abc", "DPoP\tabc"})
    expect_refused(value, Code::token_missing);
}

TEST(AuthorizationHeader, WithoutOneTokenIsMalformed) {
  for (const char* value :
       {"DPoP", "DPoP ", "Bearer", "DPoP  abc", "DPoP abc def", "DPoP abc,def",
        "DPoP =", "DPoP ==", "DPoP a=b", "DPoP \"abc\"", "DPoP abc\x01", "DPoP \xC3\xA4"})
    expect_refused(value, Code::authorization_malformed);
}

TEST(AuthorizationHeader, ThatStandsTwiceIsRefused) {
  http::Headers headers;
  headers.add("Authorization", "DPoP abc");
  headers.add("authorization", "DPoP abc");
  const auto refused = read(headers);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::authorization_repeated);
}

}  // namespace
}  // namespace mintmark::verify
