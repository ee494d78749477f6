// CBOR of strangers: what is taken, and that no declared length costs anything.
#include "cbor/cbor.h"

#include <gtest/gtest.h>

namespace mintmark::cbor {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

Code refusal(const Bytes& octets) {
  const auto value = parse(octets);
  EXPECT_FALSE(value) << to_hex(octets);
  return value ? Code::internal : value.error().code;
}
Code refusal(std::string_view text) { return refusal(hex(text)); }

Value read(std::string_view text) { return parse(hex(text)).value(); }

Bytes repeated(const Bytes& octets, std::size_t times) {
  Bytes all;
  for (std::size_t i = 0; i < times; ++i) all.insert(all.end(), octets.begin(), octets.end());
  return all;
}

TEST(Cbor, IntegersAreReadAsFarAsTheyFit) {
  EXPECT_EQ(read("00").integer(), 0);
  EXPECT_EQ(read("1864").integer(), 100);
  EXPECT_EQ(read("1b000000e8d4a51000").integer(), 1'000'000'000'000);
  EXPECT_EQ(read("3822").integer(), -35);
  EXPECT_EQ(read("39fffe").integer(), -65535);
  EXPECT_EQ(read("1b7fffffffffffffff").integer(), INT64_MAX);
  EXPECT_EQ(read("3b7fffffffffffffff").integer(), INT64_MIN);
  EXPECT_EQ(read("1b8000000000000000").integer(), std::nullopt);
  EXPECT_EQ(read("3b8000000000000000").integer(), std::nullopt);
}

TEST(Cbor, AGetterOfAnotherKindGivesNothing) {
  const Value text = read("6161");
  EXPECT_EQ(text.text(), "a");
  EXPECT_FALSE(text.octets() || text.integer() || text.boolean() || text.tagged());
  EXPECT_FALSE(text.is_null() || text.is_array() || text.is_map());
  EXPECT_EQ(text.size(), 0U);
  EXPECT_TRUE(text.members().empty());
  EXPECT_FALSE(text.find("a") || text.find(1));
  EXPECT_FALSE(read("f97c00").integer() || read("f97c00").boolean() || read("f97c00").is_null());
  EXPECT_FALSE(read("01").boolean() || read("01").is_null() || read("01").text());
  EXPECT_FALSE(read("f7").is_null());
}

TEST(Cbor, OctetsBooleansAndNullAreRead) {
  EXPECT_EQ(to_hex(*read("43010203").octets()), "010203");
  EXPECT_TRUE(read("40").octets()->empty());
  EXPECT_EQ(read("f5").boolean(), true);
  EXPECT_EQ(read("f4").boolean(), false);
  EXPECT_TRUE(read("f6").is_null());
}

TEST(Cbor, MapsAreSearchedByNameAndByLabel) {
  const Value map = read("a361610103206162820102");
  EXPECT_FALSE(map.find("c"));
  EXPECT_EQ(map.find("a")->integer(), 1);
  EXPECT_EQ(map.find(3)->integer(), -1);
  EXPECT_FALSE(map.find(1));
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(map.members().size(), 3U);
}

TEST(Cbor, AMapAndAnArrayOfIndefiniteLengthAreTaken) {
  const Value map = read("bf61619f0102ffff");
  ASSERT_TRUE(map.is_map());
  ASSERT_TRUE(map.find("a")->is_array());
  EXPECT_EQ(map.find("a")->at(1).integer(), 2);
  EXPECT_EQ(read("9fff").size(), 0U);
  EXPECT_EQ(read("bfff").size(), 0U);
}

TEST(Cbor, APartKeepsTheWholeAlive) {
  std::optional<Value> part;
  {
    const Value whole = read("a1616144deadbeef");
    part = whole.find("a");
  }
  EXPECT_EQ(to_hex(*part->octets()), "deadbeef");
}

TEST(Cbor, ATagGivesItsNumberAndWhatIsTagged) {
  const auto tagged = read("d28101").tagged();
  ASSERT_TRUE(tagged);
  EXPECT_EQ(tagged->first, 18U);
  EXPECT_EQ(tagged->second.at(0).integer(), 1);
}

TEST(Cbor, EachTagOfOneOctetIsReadAsWhatItIs) {
  for (std::uint8_t number = 0; number < 24; ++number) {
    const auto value = parse(Bytes{0x82, static_cast<std::uint8_t>(0xC0U | number), 0x41,
                                   static_cast<std::uint8_t>(0xC0U | number), 0x01});
    ASSERT_TRUE(value) << value.error().detail;
    ASSERT_TRUE(value->at(0).tagged());
    EXPECT_EQ(value->at(0).tagged()->first, number);
    EXPECT_EQ((*value->at(0).tagged()->second.octets())[0], 0xC0U | number);
  }
  EXPECT_EQ(read("d8d20a").tagged()->first, 0xD2U);
}

TEST(Cbor, WhatEndsEarlyIsMalformed) {
  const Bytes good = hex("bf6161a10243010203626262d2820118ffff");
  ASSERT_TRUE(parse(good));
  for (std::size_t i = 0; i < good.size(); ++i)
    EXPECT_EQ(refusal(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(i))),
              Code::cbor_malformed);
}

TEST(Cbor, ALengthBeyondTheOctetsIsMalformedWhateverItDeclares) {
  for (const char* lie :
       {"9b7fffffffffffffff", "9bffffffffffffffff", "bb7fffffffffffffff", "bbffffffffffffffff",
        "bb8000000000000000", "5b7fffffffffffffff", "7bffffffffffffffff", "9affffffff00",
        "ba0000100000", "59ffff00", "8201", "a10182"})
    EXPECT_EQ(refusal(lie), Code::cbor_malformed) << lie;
}

TEST(Cbor, StringsOfIndefiniteLengthAreMalformed) {
  EXPECT_EQ(refusal("5f4101ff"), Code::cbor_malformed);
  EXPECT_EQ(refusal("7f6161ff"), Code::cbor_malformed);
  EXPECT_EQ(refusal("815fff"), Code::cbor_malformed);
}

TEST(Cbor, TextThatIsNotUtf8IsMalformed) {
  for (const char* bad : {"61ff", "62c328", "61c3", "63eda080", "62c080", "64f4908080"})
    EXPECT_EQ(refusal(bad), Code::cbor_malformed) << bad;
  EXPECT_EQ(read("62c3bc").text(), "\xC3\xBC");
}

TEST(Cbor, BreaksWhereNothingCanEndAreMalformed) {
  for (const char* bad : {"ff", "81ff", "a1ff", "a101ff", "bf01ff", "c1ff", "9fc1ffff"})
    EXPECT_EQ(refusal(bad), Code::cbor_malformed) << bad;
}

TEST(Cbor, ReservedInitialOctetsAreMalformed) {
  for (const char* bad : {"1c", "1f", "3d", "5c", "7e", "9d", "dc", "df", "fc", "f81f"})
    EXPECT_EQ(refusal(bad), Code::cbor_malformed) << bad;
}

TEST(Cbor, AKeyThatIsNoIntegerAndNoStringIsMalformed) {
  for (const char* bad : {"a1f600", "a18000", "a1a000", "a1c10000", "a1f97c0000"})
    EXPECT_EQ(refusal(bad), Code::cbor_malformed) << bad;
}

TEST(Cbor, TheSameKeyTwiceIsRefusedHoweverItIsWritten) {
  for (const char* bad : {"a201000100", "a20100180100", "a2616100616100", "bf20002000ff",
                          "a2416100416100", "81a1616181a201000100", "a10ac1a201000100"})
    EXPECT_EQ(refusal(bad), Code::cbor_duplicate_key) << bad;
  EXPECT_EQ(read("a36161004161000100").size(), 3U);
  EXPECT_EQ(read("a201002000").size(), 2U);
}

TEST(Cbor, WhatIsTooLargeTooDeepOrTooManyIsRefused) {
  EXPECT_EQ(refusal(Bytes(longest + 1, 0)), Code::cbor_too_large);
  Bytes deep = repeated({0x81}, deepest);
  deep.push_back(0);
  EXPECT_TRUE(parse(deep));
  deep.insert(deep.begin(), 0x81);
  EXPECT_EQ(refusal(deep), Code::cbor_too_deep);
  EXPECT_EQ(refusal(repeated({0xC1}, longest)), Code::cbor_too_deep);
  EXPECT_EQ(refusal(repeated({0x9F}, longest)), Code::cbor_too_deep);
  Bytes many{0x99, 0x0F, 0xFF};
  const Bytes zeros(most_items - 1, 0);
  many.insert(many.end(), zeros.begin(), zeros.end());
  EXPECT_TRUE(parse(many));
  Bytes more{0x99, 0x10, 0x00};
  more.insert(more.end(), zeros.begin(), zeros.end());
  more.push_back(0);
  EXPECT_EQ(refusal(more), Code::cbor_too_large);
}

TEST(Cbor, OctetsBehindTheItemAreRefusedUnlessTheFirstIsAskedFor) {
  EXPECT_EQ(refusal("0000"), Code::cbor_trailing);
  EXPECT_EQ(refusal(""), Code::cbor_malformed);
  const auto first = parse_first(hex("82010203"));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->second, 3U);
  EXPECT_EQ(first->first.at(1).integer(), 2);
}

}  // namespace
}  // namespace mintmark::cbor
