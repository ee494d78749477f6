#include "base/bytes.h"

#include <gtest/gtest.h>

namespace mintmark {
namespace {

TEST(Hex, IsLowerCase) { EXPECT_EQ(to_hex(Bytes{0x00, 0x7f, 0xAB, 0xff}), "007fabff"); }

TEST(Hex, IsReadInEitherCase) { EXPECT_EQ(from_hex("00aBFf").value(), (Bytes{0x00, 0xab, 0xff})); }

TEST(Hex, OfNothingIsNothing) {
  EXPECT_EQ(to_hex({}), "");
  EXPECT_TRUE(from_hex("").value().empty());
}

TEST(Hex, OfOddLengthIsRefused) { EXPECT_EQ(from_hex("abc").error().code, Code::invalid_argument); }

TEST(Hex, WithAForeignCharacterIsRefused) {
  for (const auto* text : {"0g", "g0", "0x", " 0", "-1", "\xC3\xA4"}) {
    EXPECT_FALSE(from_hex(text)) << text;
  }
}

TEST(ConstantTimeComparison, TellsEqualFromUnequal) {
  EXPECT_TRUE(equal_in_constant_time(as_bytes("secret"), as_bytes("secret")));
  EXPECT_TRUE(equal_in_constant_time({}, {}));
  EXPECT_FALSE(equal_in_constant_time(as_bytes("secret"), as_bytes("secreT")));
  EXPECT_FALSE(equal_in_constant_time(as_bytes("Secret"), as_bytes("secret")));
}

TEST(ConstantTimeComparison, OfAPrefixIsUnequal) {
  EXPECT_FALSE(equal_in_constant_time(as_bytes("secre"), as_bytes("secret")));
  EXPECT_FALSE(equal_in_constant_time({}, as_bytes("s")));
}

// FIPS 180-4, the examples of SHA-256.
TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(RandomBytes, DifferFromCallToCall) {
  EXPECT_EQ(random_bytes(32).size(), 32U);
  EXPECT_NE(random_bytes(32), random_bytes(32));
  EXPECT_TRUE(random_bytes(0).empty());
}

TEST(Printable, KeepsOrdinaryText) { EXPECT_EQ(printable("a/b \xC3\xA4"), "a/b \xC3\xA4"); }

TEST(Printable, HidesControlCharacters) {
  EXPECT_EQ(printable(std::string_view("a\nb\0c\x1b\x7f", 7)), "a?b?c??");
}

TEST(Printable, HidesC1ControlsAndMarksThatTurnOrHideText) {
  for (const char* const mark :
       {"\u0080", "\u009b", "\u009f", "\u061c", "\u200b", "\u200e", "\u200f", "\u2028", "\u202a",
        "\u202e", "\u2060", "\u2066", "\u2069", "\ufeff", "\U000E0041"})
    EXPECT_EQ(printable("a" + std::string(mark) + "b"), "a?b") << to_hex(as_bytes(mark));
}

TEST(Printable, KeepsWhatStandsBesideThem) {
  for (const char* const text : {"\u00a0", "\u200a", "\u2010", "\u202f", "\u2070", "\ufefe",
                                 "\u4e2d", "\U0001F511", "~", " "})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, HidesOctetsThatAreNoUtf8) {
  EXPECT_EQ(printable("a\x9B"
                      "1m\xFF\xC3"),
            "a?1m??");
  EXPECT_EQ(printable("\xED\xA0\x80"), "???");
}

TEST(Printable, CutsAtAWholeCharacter) {
  EXPECT_EQ(printable("abcd", 4), "abcd");
  EXPECT_EQ(printable("abcde", 4), "abcd...");
  EXPECT_EQ(printable("abc\xC3\xA4x", 4), "abc...");
  EXPECT_EQ(printable("a\xF0\x9F\x94\x91x", 4), "a...");
}

}  // namespace
}  // namespace mintmark
