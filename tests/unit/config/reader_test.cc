#include "config/reader.h"

#include <gtest/gtest.h>

namespace mintmark::config {
namespace {

JsonDocument document(const std::string& text) {
  auto parsed = parse_json_document("file", text);
  if (!parsed) throw std::runtime_error(parsed.error().to_string());
  return *parsed;
}

TEST(ObjectReader, GivesTheFirstErrorOnly) {
  const auto text = document("{\"a\": 1,\n\"b\": 2}");
  ObjectReader reader(text, Code::config_invalid);
  EXPECT_EQ(reader.text("b"), "");
  EXPECT_EQ(reader.text("a", "fallback"), "fallback");
  const auto end = reader.finish();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().detail, "file:2: key \"b\": must be text, not a number");
}

TEST(ObjectReader, GivesTheCodeItWasMadeWith) {
  const auto text = document("{}");
  ObjectReader reader(text, Code::policy_invalid);
  (void)reader.text("a");
  EXPECT_EQ(reader.finish().error().code, Code::policy_invalid);
}

TEST(ObjectReader, OfAGoodDocumentFinishes) {
  const auto text = document(R"({"a": "x", "b": [1, -2], "c": ["y"], "d": {"e": ["z"]}})");
  ObjectReader reader(text, Code::config_invalid);
  EXPECT_EQ(reader.size(), 4U);
  EXPECT_EQ(reader.text("a"), "x");
  EXPECT_EQ(reader.integers("b", -5, 5), (std::vector<std::int64_t>{1, -2}));
  EXPECT_EQ(reader.texts("c"), std::vector<std::string>{"y"});
  reader.object("d", true, [](ObjectReader& d) {
    EXPECT_EQ(d.names(), std::vector<std::string>{"e"});
    EXPECT_EQ(d.texts("e"), std::vector<std::string>{"z"});
  });
  EXPECT_TRUE(reader.finish());
}

TEST(ObjectReader, PointsAtTheElementOfAList) {
  const auto text = document("{\"a\": [\n\"x\",\n7]}");
  ObjectReader reader(text, Code::config_invalid);
  (void)reader.texts("a");
  EXPECT_EQ(reader.finish().error().detail, "file:3: key \"a[1]\": must be text, not a number");
}

TEST(ObjectReader, RefusesUnknownKeysOfObjectsBelow) {
  const auto text = document(R"({"a": {"b": {"x": 1}}})");
  ObjectReader reader(text, Code::config_invalid);
  reader.object("a", true, [](ObjectReader& a) { a.object("b", true, [](ObjectReader&) {}); });
  EXPECT_EQ(reader.finish().error().detail,
            "file:1: key \"a.b.x\": unknown key; none may stand here");
}

TEST(ObjectReader, RefusesANullWhereTextBelongs) {
  const auto text = document(R"({"a": null})");
  ObjectReader reader(text, Code::config_invalid);
  (void)reader.text("a", "fallback");
  EXPECT_EQ(reader.finish().error().detail, "file:1: key \"a\": must be text, not null");
}

TEST(ObjectReader, KeepsStrangeKeysOnOneLine) {
  const auto text = document(R"({"a\n\u0007b/~": 1})");
  ObjectReader reader(text, Code::config_invalid);
  EXPECT_EQ(reader.finish().error().detail,
            "file:1: key \"a??b/~\": unknown key; none may stand here");
}

TEST(ObjectReader, RefusesAMemberNameWithANulBesideItsShorterTwin) {
  const auto text = document(R"({"m": {"a": "x", "a\u0000b": "y"}})");
  ObjectReader reader(text, Code::config_invalid);
  reader.text_members("m", [](const std::string&, const std::string&) {});
  EXPECT_FALSE(reader.finish());
}

TEST(ObjectReader, FindsTheLineOfAKeyWithASlash) {
  const auto text = document("{\"m\": {\"k\": \"x\",\n\"a/b~c\": 1}}");
  ObjectReader reader(text, Code::config_invalid);
  reader.text_members("m", [](const std::string&, const std::string&) {});
  EXPECT_EQ(reader.finish().error().detail, "file:2: key \"m.a/b~c\": must be text, not a number");
}

}  // namespace
}  // namespace mintmark::config
