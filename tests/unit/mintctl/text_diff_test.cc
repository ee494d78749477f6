// Diffs, and that patch(1) makes of the one text the other.
#include "programs/mintctl/text_diff.h"

#include <gtest/gtest.h>

#include <random>

#include "patched.h"

namespace mintmark::programs {
namespace {

std::string numbered(int count) {
  std::string text;
  for (int i = 1; i <= count; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

TEST(TextDiff, OfTheSameIsNothing) { EXPECT_EQ(unified_diff("f", "a\n", "a\n"), ""); }

TEST(TextDiff, ShowsThreeLinesAround) {
  std::string after = numbered(10);
  after.insert(after.find("line 6"), "new\n");
  EXPECT_EQ(unified_diff("f", numbered(10), after),
            "--- f\n+++ f\n@@ -3,6 +3,7 @@\n line 3\n line 4\n line 5\n+new\n line 6\n line 7\n"
            " line 8\n");
}

TEST(TextDiff, ShowsAChangedLineAsBoth) {
  EXPECT_EQ(unified_diff("f", "a\nb\nc\n", "a\nB\nc\n"),
            "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
}

TEST(TextDiff, OfFarChangesHasSeveralParts) {
  std::string after = numbered(40);
  after.insert(after.find("line 30"), "second\n");
  after.insert(after.find("line 5\n"), "first\n");
  const std::string diff = unified_diff("f", numbered(40), after);
  EXPECT_NE(diff.find("@@ -2,6 +2,7 @@"), std::string::npos) << diff;
  EXPECT_NE(diff.find("@@ -27,6 +28,7 @@"), std::string::npos) << diff;
}

TEST(TextDiff, TellsALastLineWithoutItsEnd) {
  EXPECT_EQ(unified_diff("f", "a", "a\n"),
            "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
}

TEST(TextDiff, OfAnEmptyTextBeginsAtLineZero) {
  EXPECT_EQ(unified_diff("f", "", "a\n"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
}

TEST(TextDiff, OfAFileWithABlankInItsNameEndsTheNameWithATab) {
  EXPECT_EQ(unified_diff("a b", "", "a\n"), "--- a b\t\n+++ a b\t\n@@ -0,0 +1,1 @@\n+a\n");
}

TEST(TextDiff, IsTakenByPatchForAnyChanges) {
  std::mt19937 random(7);
  const auto up_to = [&](unsigned most) { return static_cast<unsigned>(random()) % (most + 1); };
  for (int round = 0; round < 40; ++round) {
    std::string before;
    std::string after;
    for (int i = 0; i < 60; ++i) {
      const std::string line = "w" + std::to_string(up_to(5)) + "\n";
      const unsigned fate = up_to(9);
      if (fate != 0) before += line;
      if (fate != 1) after += line;
      if (fate == 2) after += "new\n";
    }
    if (before == after) continue;
    EXPECT_EQ(test::patched(before, unified_diff("file", before, after)), after);
  }
}

TEST(TextDiff, OfTextsThatHaveNothingInCommonIsTakenByPatchToo) {
  std::string before;
  std::string after;
  for (int i = 0; i < 3000; ++i) {
    before += "old " + std::to_string(i) + "\n";
    after += "new " + std::to_string(i) + "\n";
  }
  EXPECT_EQ(test::patched(before, unified_diff("file", before, after)), after);
}

}  // namespace
}  // namespace mintmark::programs
