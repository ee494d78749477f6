// Elements put into lists of a text that a person wrote.
#include "programs/mintctl/json_edit.h"

#include <gtest/gtest.h>

namespace mintmark::programs {
namespace {

std::string appended(const std::string& text, const std::string& pointer, const Json& values) {
  auto changed = with_appended(text, pointer, values);
  return changed ? *changed : changed.error().to_string();
}

TEST(JsonEdit, PutsAnElementBesideOthersOfOneLine) {
  EXPECT_EQ(appended(R"({"a": ["x", "y"], "b": 1})", "/a", {"z"}),
            R"({"a": ["x", "y", "z"], "b": 1})");
}

TEST(JsonEdit, GivesEachElementALineWhereTheOthersHaveOne) {
  EXPECT_EQ(appended("{\"a\": [\n    \"x\",\n    \"y\"\n  ]}", "/a", {"z", "w"}),
            "{\"a\": [\n    \"x\",\n    \"y\",\n    \"z\",\n    \"w\"\n  ]}");
}

TEST(JsonEdit, LeavesAListInOneLineThatStandsInSeveralLinesOfOthers) {
  EXPECT_EQ(appended("{\n  \"a\": {\n    \"4\": [\"x\"]\n  }\n}\n", "/a/4", {"y"}),
            "{\n  \"a\": {\n    \"4\": [\"x\", \"y\"]\n  }\n}\n");
}

TEST(JsonEdit, LeavesACommentBehindWhatItIsAbout) {
  EXPECT_EQ(
      appended("{\"a\": [\n  \"x\", // first\n  \"y\" // second, ] and \" too\n]}", "/a", {"z"}),
      "{\"a\": [\n  \"x\", // first\n  \"y\", // second, ] and \" too\n  \"z\"\n]}");
}

TEST(JsonEdit, PassesOverACommentOfSeveralLines) {
  EXPECT_EQ(appended("{\"a\": [\n  \"x\" /* one\n  two */\n]}", "/a", {"z"}),
            "{\"a\": [\n  \"x\", /* one\n  two */\n  \"z\"\n]}");
}

TEST(JsonEdit, PutsALineBeforeABracketThatStandsBehindTheLastElement) {
  EXPECT_EQ(appended("{\"a\": [\"x\",\n  \"y\"]}", "/a", {"z"}),
            "{\"a\": [\"x\",\n  \"y\",\n  \"z\"]}");
}

TEST(JsonEdit, FillsAnEmptyList) {
  EXPECT_EQ(appended(R"({"a": []})", "/a", {"x", "y"}), R"({"a": ["x", "y"]})");
  EXPECT_EQ(appended(R"({"a": [ // none yet
  ]})",
                     "/a", {"x"}),
            "{\"a\": [\"x\" // none yet\n  ]}");
}

TEST(JsonEdit, KeepsTheLineEndsOfWindows) {
  EXPECT_EQ(appended("{\"a\": [\r\n  \"x\"\r\n]}\r\n", "/a", {"z"}),
            "{\"a\": [\r\n  \"x\",\r\n  \"z\"\r\n]}\r\n");
}

TEST(JsonEdit, FindsAListByNamesAndPlaces) {
  const std::string text =
      R"({"x": [1, -2.5e3, "]", {"a~/b": [true, null]}], /* "y": [] */ "y": {"k": [[0], [1]]}})";
  EXPECT_EQ(
      appended(text, "/x/3/a~0~1b", {"n"}),
      R"({"x": [1, -2.5e3, "]", {"a~/b": [true, null, "n"]}], /* "y": [] */ "y": {"k": [[0], [1]]}})");
  EXPECT_EQ(
      appended(text, "/y/k/1", {"n"}),
      R"({"x": [1, -2.5e3, "]", {"a~/b": [true, null]}], /* "y": [] */ "y": {"k": [[0], [1, "n"]]}})");
}

TEST(JsonEdit, FindsAMemberWhoseNameIsEscaped) {
  EXPECT_EQ(appended(R"({"\u0061\"": ["x"]})", "/a\"", {"y"}), R"({"\u0061\"": ["x", "y"]})");
}

TEST(JsonEdit, WritesAnEventAsOneReadsIt) {
  const Json event = {{"note", "n"}, {"digests", {"d"}}, {"type", "t"}, {"pcr", 4}};
  EXPECT_EQ(appended(R"({"events": [{"pcr": 1}]})", "/events", Json::array({event})),
            R"({"events": [{"pcr": 1}, {"pcr": 4, "type": "t", "digests": ["d"], "note": "n"}]})");
}

TEST(JsonEdit, EscapesWhatItPutsIn) {
  EXPECT_EQ(appended(R"({"a": ["x"]})", "/a", {"\"], \\\n"}), R"({"a": ["x", "\"], \\\n"]})");
}

TEST(JsonEdit, EscapesWhatATerminalObeysOrHides) {
  EXPECT_EQ(appended(R"({"a": ["ü"]})", "/a", {"\xC2\x9B", "\xE2\x80\xAE", "\xE2\x81\xA6", "\x7F"}),
            R"({"a": ["ü", "\u009b", "\u202e", "\u2066", "\u007f"]})");
  const Json event = {{"\xE2\x80\xAE", 1}};
  EXPECT_EQ(appended(R"({"a": [1]})", "/a", Json::array({event})), R"({"a": [1, {"\u202e": 1}]})");
}

TEST(JsonEdit, RefusesWhatIsNoList) {
  for (const std::string pointer : {"/b", "/a/0", "/a/7", "/c", "/a/b", ""}) {
    const auto changed = with_appended(R"({"a": ["x"], "b": {"c": 1}})", pointer, {"y"});
    ASSERT_FALSE(changed) << pointer;
    EXPECT_EQ(changed.error().code, Code::not_found) << pointer;
  }
}

TEST(JsonEdit, RefusesATextThatIsNoJson) {
  EXPECT_FALSE(with_appended("{\"a\": [", "/a", {"y"}));
  EXPECT_FALSE(with_appended("", "/a", {"y"}));
}

}  // namespace
}  // namespace mintmark::programs
