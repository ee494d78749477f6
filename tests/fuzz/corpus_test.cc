// The corpus of a fuzz target, and mutations of it, through the target's entry: what every build
// checks without libFuzzer.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "support/mutations.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace mintmark {
namespace {

void feed(std::string_view octets) {
  EXPECT_EQ(
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()),
      0);
}

TEST(FuzzCorpus, AndItsMutationsNeverBreakTheTarget) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MINTMARK_FUZZ_CORPUS)) {
    SCOPED_TRACE(entry.path().filename().string());
    const auto content = read_file(entry.path());
    ASSERT_TRUE(content) << content.error().to_string();
    feed(*content);
    test::for_each_mutation(*content, 300, feed);
    ++files;
  }
  EXPECT_GT(files, 2U);
}

TEST(FuzzCorpus, NorDoOctetsOfOneKind) {
  for (const char octet : {'\0', '\xFF', '0', ' ', '\n'}) {
    for (const std::size_t size : {0U, 1U, 7U, 32U, 4096U}) feed(std::string(size, octet));
  }
}

}  // namespace
}  // namespace mintmark
