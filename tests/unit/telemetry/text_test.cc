#include "base/text.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace mintmark {
namespace {

using namespace std::string_view_literals;

std::string as_json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(Utf8, WhatIsNotWellFormedIsRefused) {
  for (const auto text :
       {"\x80"sv, "\xC2"sv, "\xC0\xAF"sv, "\xC1\xBF"sv, "\xE0\x80\x80"sv, "\xE2\x82"sv,
        "\xED\xA0\x80"sv, "\xED\xBF\xBF"sv, "\xF0\x80\x80\x80"sv, "\xF4\x90\x80\x80"sv,
        "\xF5\x80\x80\x80"sv, "\xFE"sv, "\xFF"sv, "a\xC3"sv, "\xE2\x28\xA1"sv}) {
    EXPECT_FALSE(is_utf8(text)) << as_json(text);
  }
}

TEST(Utf8, WhatIsWellFormedPasses) {
  for (const auto text :
       {""sv, "a"sv, "\0"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv, "\xED\x9F\xBF"sv,
        "\xEE\x80\x80"sv, "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv}) {
    EXPECT_TRUE(is_utf8(text)) << as_json(text);
  }
}

TEST(JsonString, EscapesWhatJsonForbidsAndLineEnds) {
  EXPECT_EQ(as_json("a\"b\\c\n\r\t\x01\x7f"), R"("a\"b\\c\u000a\u000d\u0009\u0001\u007f")");
  EXPECT_EQ(as_json("\0"sv), R"("\u0000")");
}

TEST(JsonString, ReplacesOctetsThatAreNoUtf8) {
  EXPECT_EQ(as_json("a\xff\xfe"
                    "b"),
            "\"a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b\"");
}

TEST(JsonString, OfAnyOctetsIsReadByAParser) {
  std::string text;
  for (int octet = 0; octet < 256; ++octet) text += static_cast<char>(octet);
  const auto parsed = parse_json(as_json(text));
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_TRUE(parsed->get<std::string>().starts_with("\0\x01\x02"sv));
}

}  // namespace
}  // namespace mintmark
