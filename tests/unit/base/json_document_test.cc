#include <gtest/gtest.h>

#include "base/json.h"

namespace mintmark {
namespace {

constexpr auto text = R"(// First line.
{
  "a": 1, /* two
  lines */ "b": {
    "c": [
      10,
      20
    ],
    "d/e~f": "x"
  }
}
)";

JsonDocument document() {
  auto parsed = parse_json_document("file.json", text);
  if (!parsed) throw std::runtime_error(parsed.error().to_string());
  return *parsed;
}

std::string refusal(std::string_view broken) {
  const auto parsed = parse_json_document("file.json", broken);
  if (parsed) return "(not refused)";
  EXPECT_EQ(parsed.error().code, Code::config_invalid);
  return parsed.error().detail;
}

TEST(JsonDocument, MayHoldComments) {
  EXPECT_EQ(document().value["a"], 1);
  EXPECT_EQ(document().value["b"]["c"][1], 20);
}

TEST(JsonDocument, KnowsTheLineOfEachMember) {
  EXPECT_EQ(document().place_of("/a"), "file.json:3");
  EXPECT_EQ(document().place_of("/b"), "file.json:4");
  EXPECT_EQ(document().place_of("/b/c"), "file.json:5");
  EXPECT_EQ(document().place_of("/b/d~1e~0f"), "file.json:9");
}

TEST(JsonDocument, KnowsTheLineOfEachElement) {
  EXPECT_EQ(document().place_of("/b/c/0"), "file.json:6");
  EXPECT_EQ(document().place_of("/b/c/1"), "file.json:7");
}

TEST(JsonDocument, GivesTheLineOfTheNearestParentForWhatIsAbsent) {
  EXPECT_EQ(document().place_of("/b/x"), "file.json:4");
  EXPECT_EQ(document().place_of("/b/c/7/x/y"), "file.json:5");
  EXPECT_EQ(document().place_of("/x"), "file.json:1");
  EXPECT_EQ(document().place_of(""), "file.json:1");
}

TEST(JsonDocument, NamesTheLineOfAMemberThatStandsTwice) {
  EXPECT_EQ(refusal("{\n\"a\": 1,\n\"a\": 2\n}"), "file.json:3: the member \"a\" stands twice");
}

TEST(JsonDocument, NamesTheLineWhereItBreaks) {
  EXPECT_TRUE(refusal("{\n\"a\": 1\n\"b\": 2\n}").starts_with("file.json:3: not valid JSON"));
}

TEST(JsonDocument, NamesTheLineOfAnIntegerOutOfRange) {
  EXPECT_TRUE(
      refusal("{\n\"a\":\n99999999999999999999\n}").starts_with("file.json:3: the integer"));
}

TEST(JsonDocument, NamesTheLineWhereItIsTooDeep) {
  EXPECT_TRUE(refusal("\n\n" + std::string(33, '[')).starts_with("file.json:3: deeper than 32"));
}

TEST(JsonDocument, ThatEndsInACommentIsRefused) {
  EXPECT_TRUE(refusal("{}\n/* x").starts_with("file.json:2: not valid JSON"));
}

TEST(JsonDocument, NamesTheLineOfANul) {
  EXPECT_TRUE(
      refusal(std::string_view("{}\n\n\0 x", 7)).starts_with("file.json:3: not valid JSON"));
}

TEST(JsonDocument, ThatIsTooLongIsRefused) {
  EXPECT_TRUE(refusal(std::string((1U << 20U) + 1, ' ')).starts_with("file.json:1: longer than"));
}

TEST(JsonDocument, ThatIsEmptyIsRefused) {
  EXPECT_TRUE(refusal("").starts_with("file.json:1: not valid JSON"));
}

}  // namespace
}  // namespace mintmark
