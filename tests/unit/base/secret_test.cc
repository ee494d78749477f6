#include "base/secret.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <type_traits>

namespace mintmark {
namespace {

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);

/// The VmFlags line of the mapping that holds the address (proc(5), smaps).
std::string flags_of_mapping(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    if (words >> std::hex >> begin >> dash >> end && dash == '-')
      inside = begin <= wanted && wanted < end;
    if (inside && line.starts_with("VmFlags:")) return line;
  }
  return "";
}

/// For a process of its own, that may lock no memory.
bool unlocked_secret_is_kept() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_MEMLOCK, &none) != 0) return false;
  // root may lock beyond the limit; nobody may not.
  if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) return false;
  const Secret secret(std::string_view("918273"));
  return as_text(secret.view()) == "918273" && !secret.locked();
}

TEST(Secret, GivesWhatItWasMadeOf) {
  const Secret secret(std::string_view("918273"));
  EXPECT_EQ(as_text(secret.view()), "918273");
  EXPECT_FALSE(secret.empty());
}

TEST(Secret, OfNothingIsEmpty) {
  EXPECT_TRUE(Secret().empty());
  EXPECT_TRUE(Secret(std::string_view()).empty());
}

TEST(Secret, LargerThanAPageIsKeptWhole) {
  const std::string content(10'000, 'x');
  EXPECT_EQ(as_text(Secret(std::string_view(content)).view()), content);
}

TEST(Secret, IsLeftOutOfCoreDumps) {
  const Secret secret(std::string_view("918273"));
  EXPECT_NE(flags_of_mapping(secret.view().data()).find(" dd"), std::string::npos);
}

TEST(Secret, IsLocked) {
  const Secret secret(std::string_view("918273"));
  EXPECT_TRUE(secret.locked());
  EXPECT_NE(flags_of_mapping(secret.view().data()).find(" lo"), std::string::npos);
}

TEST(Secret, SaysWhereTheLimitDoesNotLetItBeLocked) {
  EXPECT_EXIT(_exit(unlocked_secret_is_kept() ? 0 : 1), ::testing::ExitedWithCode(0), "");
}

TEST(Secret, ThatWasMovedTakesItsLockAlong) {
  Secret first(std::string_view("918273"));
  const Secret second(std::move(first));
  EXPECT_TRUE(second.locked());
  EXPECT_FALSE(
      first.locked());  // NOLINT(bugprone-use-after-move): what is left behind is the question.
}

TEST(Secret, TakesATextAndWipesIt) {
  std::string text = "a PIN too long for the string's own buffer";
  const char* where = text.data();
  const std::size_t size = text.size();
  const Secret secret = Secret::take(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(std::string_view(where, size), std::string_view(std::string(size, '\0')));
  EXPECT_EQ(secret.view().size(), size);
}

TEST(Secret, TakesOctetsAndWipesThem) {
  Bytes bytes = to_bytes(as_bytes("918273"));
  const Secret secret = Secret::take(bytes);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(as_text(secret.view()), "918273");
}

TEST(Secret, ThatWasMovedIsEmpty) {
  Secret first(std::string_view("918273"));
  Secret second(std::move(first));
  EXPECT_TRUE(
      first.empty());  // NOLINT(bugprone-use-after-move): what is left behind is the question.
  EXPECT_EQ(as_text(second.view()), "918273");
  Secret third(std::string_view("old"));
  third = std::move(second);
  EXPECT_EQ(as_text(third.view()), "918273");
}

TEST(Wipe, LeavesNoughts) {
  Bytes bytes{1, 2, 3};
  wipe(bytes);
  EXPECT_EQ(bytes, (Bytes{0, 0, 0}));
}

}  // namespace
}  // namespace mintmark
