#include "http/message.h"

#include <gtest/gtest.h>

#include "http/date.h"

namespace mintmark::http {
namespace {

TEST(Headers, AreFoundWithoutCase) {
  Headers headers;
  headers.add("DPoP", "a");
  ASSERT_NE(headers.find("dpop"), nullptr);
  EXPECT_EQ(*headers.find("DPOP"), "a");
  EXPECT_EQ(headers.find("DPo"), nullptr);
}

TEST(Headers, CountRepeats) {
  Headers headers;
  headers.add("DPoP", "a");
  headers.add("dpop", "b");
  EXPECT_EQ(headers.count("DPoP"), 2U);
  EXPECT_EQ(headers.count("Host"), 0U);
}

TEST(Headers, SetLeavesOneOfTheName) {
  Headers headers;
  headers.add("A", "1");
  headers.add("B", "2");
  headers.add("a", "3");
  headers.set("A", "4");
  EXPECT_EQ(headers.count("a"), 1U);
  EXPECT_EQ(*headers.find("A"), "4");
  headers.set("C", "5");
  EXPECT_EQ(*headers.find("c"), "5");
}

TEST(Form, ThatIsNotStrictlyEncodedIsRefused) {
  using namespace std::string_view_literals;
  for (const auto text :
       {"a=%"sv, "a=%4"sv, "a=%zz"sv, "%=1"sv, "a=%4g"sv, "a=b c"sv, "a=b\n"sv, "a=\x7f"sv,
        "a=\xc3\xa9"sv, "a=%ff"sv, "a=%c0%af"sv, "a=%ed%a0%80"sv, "a=\0b"sv}) {
    EXPECT_FALSE(parse_form(text)) << text;
  }
}

TEST(Form, WithMoreFieldsThanAnyHasIsRefused) {
  std::string body;
  for (int count = 0; count < 256; ++count) body += "a=1&";
  EXPECT_TRUE(parse_form(body));
  EXPECT_FALSE(parse_form(body + "a=1"));
}

TEST(Form, KeepsOrderAndRepeats) {
  const auto fields = parse_form("b=2&a=1&b=3");
  ASSERT_TRUE(fields);
  EXPECT_EQ(*fields, (FormFields{{"b", "2"}, {"a", "1"}, {"b", "3"}}));
}

TEST(Form, DecodesPlusPercentAndEmptyParts) {
  const auto fields = parse_form("scope=a+b%2Bc&&empty=&alone&=x&k=a=b");
  ASSERT_TRUE(fields);
  EXPECT_EQ(
      *fields,
      (FormFields{{"scope", "a b+c"}, {"empty", ""}, {"alone", ""}, {"", "x"}, {"k", "a=b"}}));
}

TEST(Form, EmptyBodyHasNoFields) {
  const auto fields = parse_form("");
  ASSERT_TRUE(fields);
  EXPECT_TRUE(fields->empty());
}

TEST(Form, ComesBackAsItWent) {
  const FormFields fields{{"resource", "https://a.example/?x=1&y=2"}, {"s", "é +%*-._~"}, {"", ""}};
  const auto again = parse_form(encode_form(fields));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, fields);
  EXPECT_EQ(encode_form({{"a b", "c/d~"}}), "a+b=c%2Fd%7E");
}

TEST(ErrorResponse, NamesErrorDescriptionAndCode) {
  const Response response = error_response({Code::http_body_too_large, "a \"long\"\nbody", 0});
  EXPECT_EQ(response.status, 413U);
  EXPECT_EQ(response.body,
            R"({"error":"invalid_request","error_description":"a \"long\"\u000abody",)"
            R"("code":"http_body_too_large"})");
  EXPECT_EQ(*response.headers.find("content-type"), "application/json");
}

TEST(ErrorResponse, WithoutOAuthErrorGivesTheCodesName) {
  EXPECT_NE(error_response({Code::not_found, "", 0}).body.find(R"("error":"not_found")"),
            std::string::npos);
}

TEST(Date, IsReadInTheFormThatServersMust) {
  EXPECT_EQ(read_date("Sun, 06 Nov 1994 08:49:37 GMT"), from_unix(784111777));
  EXPECT_EQ(read_date("Sat, 29 Feb 2020 23:59:60 GMT"), from_unix(1583020800));
}

TEST(Date, InNoOtherFormIsADate) {
  for (const char* text : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                           "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT ",
                           "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
                           "Sun, -6 Nov 1994 08:49:37 GMT", "Sun,  6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 199x 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT"})
    EXPECT_EQ(read_date(text), std::nullopt) << text;
}

}  // namespace
}  // namespace mintmark::http
