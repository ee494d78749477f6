// Members of foreign objects: the first that is wrong gives the one error, whatever follows.
#include "jose/members.h"

#include <gtest/gtest.h>

namespace mintmark::jose {
namespace {

const Json object = {{"text", "a b"},      {"empty", ""},      {"word", "ab"},
                     {"octets", "AAE"},    {"moment", 7},      {"seconds", 7U},
                     {"zero", 0U},         {"negative", -1},   {"object", {{"inner", 1}}},
                     {"umlaut", "\u00e4"}, {"padded", "AAE="}, {"long", 400'000'000U}};

template <typename Read>
std::string refusal(Read read) {
  Members members(object, Code::issuer_answer_invalid, "here: ");
  read(members);
  if (!members.error()) return "";
  EXPECT_EQ(members.error()->code, Code::issuer_answer_invalid);
  return members.error()->detail;
}

TEST(Members, GiveWhatStandsThere) {
  Members members(object, Code::internal, "");
  EXPECT_EQ(members.text("text"), "a b");
  EXPECT_EQ(members.text("empty"), "");
  EXPECT_EQ(members.non_empty("text"), "a b");
  EXPECT_EQ(members.visible("word"), "ab");
  EXPECT_EQ(members.octets("octets"), (Bytes{0, 1}));
  EXPECT_EQ(members.moment("moment"), from_unix(7));
  EXPECT_EQ(members.moment("zero"), from_unix(0));
  EXPECT_EQ(members.seconds("seconds"), std::chrono::seconds(7));
  EXPECT_EQ(members.object("object")["inner"], 1);
  EXPECT_TRUE(members.has("zero"));
  EXPECT_FALSE(members.has("nothing"));
  EXPECT_TRUE(members.result());
}

TEST(Members, ThatAreNoneOfTheKindAreRefusedByName) {
  const auto expect = [](const std::string& got, const std::string& words) {
    EXPECT_EQ(got, "here: " + words);
  };
  for (const char* name : {"moment", "nothing", "object"})
    expect(refusal([&](Members& m) { (void)m.text(name); }),
           std::string("\"") + name + "\" must be a text");
  expect(refusal([](Members& m) { (void)m.non_empty("empty"); }),
         "\"empty\" must be a text that is not empty");
  for (const char* name : {"text", "empty", "umlaut"})
    expect(refusal([&](Members& m) { (void)m.visible(name); }),
           std::string("\"") + name + "\" must be a text of visible characters");
  for (const char* name : {"text", "padded"})
    expect(refusal([&](Members& m) { (void)m.octets(name); }),
           std::string("\"") + name + "\" must be base64url without padding");
  for (const char* name : {"negative", "text", "nothing"})
    expect(refusal([&](Members& m) { (void)m.moment(name); }),
           std::string("\"") + name + "\" must be seconds since 1970");
  for (const char* name : {"zero", "negative", "text", "long"})
    expect(refusal([&](Members& m) { (void)m.seconds(name); }),
           std::string("\"") + name + "\" must be a number of seconds");
  expect(refusal([](Members& m) { EXPECT_TRUE(m.object("text").empty()); }),
         "\"text\" must be an object");
}

TEST(Members, ListsOfOctetsAreWholeOrRefused) {
  const Json lists = {{"two", {"AAE", ""}},  {"none", Json::array()}, {"three", {"AA", "AQ", "Ag"}},
                      {"padded", {"AAE="}},  {"number", {"AAE", 1}},  {"text", "AAE"},
                      {"object", {{"a", 1}}}};
  Members good(lists, Code::internal, "");
  EXPECT_EQ(good.octets_list("two", 2), (std::vector<Bytes>{{0, 1}, {}}));
  EXPECT_TRUE(good.octets_list("none", 2).empty());
  EXPECT_TRUE(good.result());
  for (const char* name : {"three", "padded", "number", "text", "object", "nothing"}) {
    Members bad(lists, Code::issuer_answer_invalid, "");
    EXPECT_TRUE(bad.octets_list(name, 2).empty()) << name;
    ASSERT_FALSE(bad.result()) << name;
    EXPECT_EQ(bad.result().error().code, Code::issuer_answer_invalid) << name;
    EXPECT_NE(bad.result().error().detail.find(name), std::string::npos) << name;
  }
}

TEST(Members, ThatAreVisibleTextAreOfBoundedLength) {
  constexpr std::size_t longest = 64U << 10U;
  const Json texts = {{"longest", std::string(longest, 'a')},
                      {"longer", std::string(longest + 1, 'a')}};
  Members members(texts, Code::internal, "");
  EXPECT_EQ(members.visible("longest").size(), longest);
  EXPECT_TRUE(members.result());
  EXPECT_EQ(members.visible("longer"), "");
  EXPECT_FALSE(members.result());
}

TEST(Members, KeepTheirFirstError) {
  EXPECT_EQ(refusal([](Members& m) {
              (void)m.text("nothing");
              (void)m.octets("text");
              m.refuse("third", "right");
            }),
            "here: \"nothing\" must be a text");
}

TEST(Members, OfAnObjectBelowAreNamedByTheWayThere) {
  EXPECT_EQ(refusal([](Members& m) {
              Members inner = m.below("object");
              (void)inner.text("inner");
              m.adopt(inner);
            }),
            "here: object: \"inner\" must be a text");
  EXPECT_EQ(refusal([](Members& m) {
              Members inner = m.below("text");
              (void)inner.text("inner");
              m.adopt(inner);
            }),
            "here: \"text\" must be an object");
}

}  // namespace
}  // namespace mintmark::jose
