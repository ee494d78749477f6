#include "base/json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/flat_json.h"
#include "support/mutations.h"

namespace mintmark {
namespace {

Code refusal(std::string_view text, const JsonLimits& limits = {}) {
  const auto value = parse_json(text, limits);
  if (value) {
    ADD_FAILURE() << "not refused: " << text;
    return Code::internal;
  }
  return value.error().code;
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(StrictJson, TakesEveryKindOfValue) {
  const auto value = parse_json(R"({"a": [1, -2, 3.5, true, false, null, "text"], "b": {}})");
  ASSERT_TRUE(value);
  EXPECT_EQ((*value)["a"][1], -2);
  EXPECT_EQ((*value)["a"][6], "text");
  EXPECT_TRUE((*value)["b"].empty());
}

TEST(StrictJson, TakesAScalarAsWholeText) { EXPECT_EQ(parse_json("7").value(), 7); }

TEST(StrictJson, TakesWhiteSpaceAroundIt) { EXPECT_TRUE(parse_json(" \r\n\t{} \n")); }

TEST(StrictJson, TakesTheGreatestIntegers) {
  EXPECT_EQ(parse_json("18446744073709551615").value().get<std::uint64_t>(), UINT64_MAX);
  EXPECT_EQ(parse_json("-9223372036854775808").value().get<std::int64_t>(), INT64_MIN);
}

TEST(StrictJson, TakesTheSameNameInDifferentObjects) {
  EXPECT_TRUE(parse_json(R"({"alg": {"alg": 1}, "b": [{"alg": 2}, {"alg": 3}]})"));
}

TEST(StrictJson, WithAMemberTwiceIsRefused) {
  EXPECT_EQ(refusal(R"({"alg": "ES256", "alg": "none"})"), Code::json_duplicate_key);
}

TEST(StrictJson, WithAMemberTwiceBelowIsRefused) {
  EXPECT_EQ(refusal(R"({"a": [{"b": {"c": 1, "d": 2, "c": 3}}]})"), Code::json_duplicate_key);
}

TEST(StrictJson, WithAMemberTwiceInTwoSpellingsIsRefused) {
  EXPECT_EQ(refusal(R"({"alg": 1, "\u0061lg": 2})"), Code::json_duplicate_key);
}

TEST(StrictJson, WithAMemberTwiceWhoseFirstIsAnObjectIsRefused) {
  EXPECT_EQ(refusal(R"({"a": {"x": 1}, "a": null})"), Code::json_duplicate_key);
}

TEST(StrictJson, WithALongNameTwiceGivesADetailThatIsUtf8OnOneLine) {
  std::string name(79, 'x');
  name += "\xC3\xA4";
  name += "\\n";
  const auto value = parse_json("{\"" + name + "\": 1, \"" + name + "\": 2}");
  ASSERT_FALSE(value);
  EXPECT_NO_THROW((void)Json(value.error().detail).dump());
  EXPECT_EQ(value.error().detail.find('\n'), std::string::npos);
}

TEST(StrictJson, WithAnIntegerBeyondUint64IsRefused) {
  EXPECT_EQ(refusal("18446744073709551616"), Code::json_number_out_of_range);
}

TEST(StrictJson, WithAnIntegerBelowInt64IsRefused) {
  EXPECT_EQ(refusal("-9223372036854775809"), Code::json_number_out_of_range);
}

TEST(StrictJson, WithAVeryLongIntegerIsRefused) {
  EXPECT_EQ(refusal(std::string(300, '9')), Code::json_number_out_of_range);
  EXPECT_EQ(refusal(std::string(1000, '9')),
            Code::json_malformed);  // As a fraction it is infinite.
}

TEST(StrictJson, WithAnInfiniteFractionIsRefused) {
  EXPECT_EQ(refusal("1e999"), Code::json_malformed);
}

TEST(StrictJson, AtTheGreatestDepthIsTaken) {
  EXPECT_TRUE(parse_json(nested(16)));
  EXPECT_TRUE(parse_json(nested(3), {.depth = 3}));
}

TEST(StrictJson, BelowTheGreatestDepthIsRefused) {
  EXPECT_EQ(refusal(nested(17)), Code::json_too_deep);
  EXPECT_EQ(refusal(nested(4), {.depth = 3}), Code::json_too_deep);
}

TEST(StrictJson, ThatOnlyOpensIsRefusedForItsDepth) {
  EXPECT_EQ(refusal(std::string(60'000, '[')), Code::json_too_deep);
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(refusal(objects), Code::json_too_deep);
}

TEST(StrictJson, LongerThanTheLimitIsRefused) {
  EXPECT_TRUE(parse_json("[1]", {.octets = 3}));
  EXPECT_EQ(refusal("[10]", {.octets = 3}), Code::json_too_large);
}

TEST(StrictJson, WithMoreElementsThanTheLimitIsRefused) {
  EXPECT_TRUE(parse_json("[1,2]", {.elements = 3}));
  EXPECT_EQ(refusal("[1,2,3]", {.elements = 3}), Code::json_too_large);
  EXPECT_EQ(refusal(R"({"a":{"b":{"c":1}}})", {.elements = 3}), Code::json_too_large);
}

TEST(StrictJson, WithInvalidUtf8IsRefused) {
  const std::vector<std::string> broken = {"\"\xFF\"",
                                           "\"\x80\"",
                                           "\"\xC0\xAF\"",  // stray octets, an overlong slash
                                           "\"\xE2\x82\"",
                                           "\"\xED\xA0\x80\"",  // cut short, a surrogate
                                           "\"\xF4\x90\x80\x80\"",
                                           "{\"\xC3\x28\": 1}"};  // beyond U+10FFFF, in a name
  for (const auto& text : broken) EXPECT_EQ(refusal(text), Code::json_malformed);
}

TEST(StrictJson, WithALoneSurrogateIsRefused) {
  EXPECT_EQ(refusal(R"("\ud800")"), Code::json_malformed);
  EXPECT_EQ(refusal(R"("\udc00")"), Code::json_malformed);
}

TEST(StrictJson, WithAControlCharacterInTextIsRefused) {
  EXPECT_EQ(refusal("\"a\nb\""), Code::json_malformed);
  EXPECT_EQ(refusal(std::string_view("\"a\0b\"", 5)), Code::json_malformed);
}

TEST(StrictJson, WithSomethingAfterItIsRefused) {
  EXPECT_EQ(refusal("{} {}"), Code::json_malformed);
  EXPECT_EQ(refusal("{},"), Code::json_malformed);
  EXPECT_EQ(refusal("1 2"), Code::json_malformed);
}

// nlohmann takes a NUL for the end of the text.
TEST(StrictJson, WithANulIsRefused) {
  EXPECT_EQ(refusal(std::string_view("{}\0", 3)), Code::json_malformed);
  EXPECT_EQ(refusal(std::string_view("{}\0{}", 5)), Code::json_malformed);
  EXPECT_EQ(refusal(std::string_view("\0{}", 3)), Code::json_malformed);
  EXPECT_EQ(refusal(std::string_view("[1,\0 2]", 7)), Code::json_malformed);
}

// nlohmann passes over it: one message would have two texts (RFC 8259 §8.1).
TEST(StrictJson, WithAByteOrderMarkBeforeItIsRefused) {
  EXPECT_EQ(refusal("\xEF\xBB\xBF{}"), Code::json_malformed);
  EXPECT_EQ(refusal("\xEF\xBB\xBF{\"a\":1}"), Code::json_malformed);
  EXPECT_TRUE(parse_json_document("file.json", "\xEF\xBB\xBF{}")) << "editors of people write it";
}

TEST(StrictJson, WithATrailingCommaIsRefused) {
  EXPECT_EQ(refusal("[1,]"), Code::json_malformed);
  EXPECT_EQ(refusal(R"({"a":1,})"), Code::json_malformed);
}

TEST(StrictJson, WithACommentIsRefused) {
  EXPECT_EQ(refusal("{} // x"), Code::json_malformed);
  EXPECT_EQ(refusal("/* x */ {}"), Code::json_malformed);
}

TEST(StrictJson, InWordsOfOtherLanguagesIsRefused) {
  for (const auto* text :
       {"NaN", "Infinity", "True", "undefined", "'a'", "{a: 1}", "01", "+1", ".5", "1.", "0x1"}) {
    EXPECT_EQ(refusal(text), Code::json_malformed) << text;
  }
}

TEST(StrictJson, ThatIsEmptyOrCutShortIsRefused) {
  for (const auto* text :
       {"", " ", "{", "[", "\"", "{\"a\"", "{\"a\":", "[1,", "tru", "-", "\"\\u12"}) {
    EXPECT_EQ(refusal(text), Code::json_malformed) << text;
  }
}

TEST(StrictJson, NeverRepeatsAMalformedTextInItsDetail) {
  const auto value = parse_json(R"({"pin": "918273)");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().detail.find("918273"), std::string::npos);
}

// White space in front keeps the parser from its short way with flat objects.
void expect_same_with_and_without_short_way(const std::string& text) {
  const auto one = parse_json(text);
  const auto other = parse_json(" " + text);
  ASSERT_EQ(one.has_value(), other.has_value()) << text;
  if (one) {
    EXPECT_EQ(*one, *other) << text;
    EXPECT_EQ(one->dump(), other->dump());
  } else {
    EXPECT_EQ(one.error().code, other.error().code) << text;
  }
}

TEST(StrictJson, OfAFlatObjectIsWhatItIsOfAnyOther) {
  const std::string flat =
      R"({"htm":"GET","htu":"https://a.example/b","iat":1800000000,"z":0,"":""})";
  ASSERT_TRUE(parse_json(flat));
  for (const std::string& text : {flat,
                                  std::string("{}"),
                                  std::string(R"({"a":1,"a":2})"),
                                  std::string(R"({"a":"b","a":"b"})"),
                                  std::string(R"({"a":01})"),
                                  std::string(R"({"a":-1})"),
                                  std::string(R"({"a":1.5})"),
                                  std::string(R"({"a":1e2})"),
                                  std::string(R"({"a":999999999999999999})"),
                                  std::string(R"({"a":18446744073709551615})"),
                                  std::string(R"({"a":18446744073709551616})"),
                                  std::string(R"({"a":"\u0041"})"),
                                  std::string("{\"a\":\"\x7F\"}"),
                                  std::string("{\"a\":\"\x1F\"}"),
                                  std::string("{\"a\":\"\xC3\xA9\"}"),
                                  std::string("{\"a\":\"\xC3\"}"),
                                  std::string("{\"a\":\"b\0\"}", 10),
                                  std::string(R"({"a":1}x)"),
                                  std::string(R"({"a":1,})"),
                                  std::string(R"({"a":})"),
                                  std::string(R"({"a":true,"b":null,"c":[],"d":{}})"),
                                  std::string(R"({"a":"b"}})")}) {
    expect_same_with_and_without_short_way(text);
  }
  test::for_each_mutation(flat, 20'000, expect_same_with_and_without_short_way);
}

bool are_one(const Json& a, const Json& b) {
  if (a.type() != b.type() || a != b) return false;
  return !a.is_object() || std::all_of(a.items().begin(), a.items().end(), [&](const auto& member) {
    return are_one(member.value(), b[member.key()]);
  });
}

// Whether it was read.
bool is_nothing_or_what_the_parser_gives(const std::string& text) {
  const auto flat = read_flat_object(text);
  if (!flat) return false;
  const auto parsed = parse_json(" " + text);
  EXPECT_TRUE(parsed && are_one(*flat, *parsed)) << text;
  return true;
}

constexpr const char* of_a_proof =
    R"({"ath":"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo","htm":"GET","htu":"https://a.example/b?c",)"
    R"("iat":1800000000,"jti":"e1j3V_bKic8-LAEB","nonce":"eyJ7S_zG.eyJH0-Z"})";
constexpr const char* of_a_token =
    R"({"attestation":{"at":1800000000,"format":"tpm2"},"aud":"https://a.example","cnf":{"jkt":"0Zc"},)"
    R"("exp":1800000300,"iat":1800000000,"iss":"https://b.example","key_protection":"hardware"})";

TEST(FlatObject, IsReadWhereProofsAndTokensHaveIt) {
  EXPECT_TRUE(is_nothing_or_what_the_parser_gives(of_a_proof));
  EXPECT_TRUE(is_nothing_or_what_the_parser_gives(of_a_token));
  EXPECT_TRUE(is_nothing_or_what_the_parser_gives(R"({"a":{"a":1},"b":{"a":"1"}})"));
}

TEST(FlatObject, IsNothingOrWhatTheParserGives) {
  std::size_t read = 0;
  const auto judge = [&](const std::string& text) {
    read += is_nothing_or_what_the_parser_gives(text) ? 1 : 0;
  };
  test::for_each_mutation(of_a_proof, 40'000, judge);
  test::for_each_mutation(of_a_token, 40'000, judge);
  EXPECT_GT(read, 1000U);
}

TEST(FlatObject, WithANameTwiceIsNone) {
  for (const char* text : {R"({"a":1,"a":1})", R"({"a":{"b":1},"a":{"b":1}})", R"({"":1,"":2})",
                           R"({"a":{"b":1,"b":1}})", R"({"a":{"b":1,"c":2,"b":3},"d":4})"}) {
    EXPECT_FALSE(read_flat_object(text)) << text;
    EXPECT_EQ(refusal(text), Code::json_duplicate_key) << text;
  }
}

TEST(FlatObject, ThatIsNotPlainIsLeftToTheParser) {
  for (const char* text :
       {"", "{", "{}", R"({"a":{}})", R"({"a":1)", R"({"a":{"b":1})", R"({"a":{"b":1}}})",
        R"({"a":{"b":{"c":1}}})", R"({"a":[]})", R"({"a":-1})", R"({"a":01})", R"({"a":{"b":00}})",
        R"({"a":1.0})", R"({"a":1234567890123456789})", R"({"a":true})", R"({ "a":1})",
        R"({"a":"\u0041"})", R"({"a":1} )", R"({"a":1,})"})
    EXPECT_FALSE(read_flat_object(text)) << text;
}

TEST(StrictJson, OfManyMembersKeepsToTheLimits) {
  const auto object_of = [](int members) {
    std::string text = "{";
    for (int i = 0; i < members; ++i)
      text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":" + std::to_string(i);
    return text + "}";
  };
  for (const int members : {1, 31, 32, 33, 40}) {
    ASSERT_TRUE(parse_json(object_of(members))) << members;
    EXPECT_EQ(parse_json(object_of(members))->size(), static_cast<std::size_t>(members));
  }
  EXPECT_EQ(refusal(object_of(5), {.elements = 5}), Code::json_too_large);
  EXPECT_EQ(refusal(object_of(5), {.octets = 20}), Code::json_too_large);
  EXPECT_EQ(refusal(object_of(5), {.depth = 0}), Code::json_too_deep);
  const std::string within = R"({"a":)" + object_of(31) + "}";
  EXPECT_TRUE(read_flat_object(within));
  EXPECT_FALSE(read_flat_object(R"({"a":)" + object_of(32) + "}"));
  EXPECT_TRUE(parse_json(within, {.elements = 33}));
  EXPECT_EQ(refusal(within, {.elements = 32}), Code::json_too_large);
  EXPECT_TRUE(parse_json(within, {.depth = 2}));
  EXPECT_EQ(refusal(within, {.depth = 1}), Code::json_too_deep);
}

}  // namespace
}  // namespace mintmark
