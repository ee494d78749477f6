// When a PIN is tried again, and when not.
#include "hsm/pin_memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/scratch.h"

namespace mintmark::hsm {
namespace {

constexpr Vitals::Logins none{};
constexpr Vitals::Logins accepted{.begun = 1, .accepted = 1};
constexpr Vitals::Logins refused{.begun = 1, .refused = 1};
constexpr Vitals::Logins failed{.begun = 1, .failed = 1};
constexpr Vitals::Logins unanswered{.begun = 1};

class PinMemoryTest : public ::testing::Test {
 protected:
  PinMemoryTest() { change_pin("1234"); }
  /// Another file in the old one's place, as editors and secret managers make it.
  void change_pin(const std::string& pin) const {
    std::ofstream(scratch_ / "new") << pin;
    std::filesystem::rename(scratch_ / "new", scratch_ / "pin");
  }
  /// A mintd of its own each time: what counts is on the disk.
  [[nodiscard]] PinMemory memory() const {
    return {scratch_ / "memory", {.file = scratch_ / "pin", .credential = "", .fd = {}}};
  }
  void attempt(const Vitals::Logins& logins) const {
    PinMemory here = memory();
    ASSERT_FALSE(here.objection());
    ASSERT_TRUE(here.attempt_begins());
    ASSERT_TRUE(here.attempt_ended(logins));
  }
  void expect_objection(const std::string& what) const {
    const auto objection = memory().objection();
    ASSERT_TRUE(objection);
    EXPECT_EQ(objection->code, Code::hsm_pin_refused);
    EXPECT_NE(objection->detail.find(what), std::string::npos) << objection->detail;
  }
  const test::Scratch scratch_;
};

TEST_F(PinMemoryTest, TriesWhatItKnowsNothingOf) { EXPECT_FALSE(memory().objection()); }

TEST_F(PinMemoryTest, DoesNotTryARefusedOneBeforeItsSourceChanged) {
  attempt(refused);
  expect_objection("refused this PIN");
  expect_objection("touch it");
  change_pin("5678");
  EXPECT_FALSE(memory().objection());
}

TEST_F(PinMemoryTest, HoldsARefusalAgainstTheSourceThatWasOffered) {
  PinMemory here = memory();
  ASSERT_TRUE(here.attempt_begins());
  change_pin("5678");
  ASSERT_TRUE(here.attempt_ended(refused));
  EXPECT_FALSE(memory().objection()) << "the new one was not refused";
}

TEST_F(PinMemoryTest, TriesTwiceWithoutAnAnswerAndNoMore) {
  attempt(unanswered);
  attempt(unanswered);
  expect_objection("no answer came");
  change_pin("1234");
  EXPECT_FALSE(memory().objection()) << "touched: its source is another";
}

// The machine, or mintd, died inside the first and the second attempt.
TEST_F(PinMemoryTest, CountsAttemptsWhoseEndNobodySaw) {
  ASSERT_TRUE(memory().attempt_begins());
  EXPECT_FALSE(memory().objection());
  ASSERT_TRUE(memory().attempt_begins());
  expect_objection("no answer came");
}

TEST_F(PinMemoryTest, DoesNotCountWhatDidNotAskTheTokenOrWasAnswered) {
  for (const Vitals::Logins& logins : {none, accepted, failed, none, accepted, failed})
    attempt(logins);
  EXPECT_FALSE(memory().objection());
}

TEST_F(PinMemoryTest, ForgetsWhenThePinHasWorked) {
  attempt(unanswered);
  PinMemory here = memory();
  ASSERT_TRUE(here.attempt_begins());
  here.worked();
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "memory"));
  // A login later in the same process that never came back is the first again.
  ASSERT_TRUE(here.attempt_ended({.begun = 2, .accepted = 1}));
  EXPECT_FALSE(memory().objection());
  attempt(unanswered);
  expect_objection("no answer came");
}

TEST_F(PinMemoryTest, TakesWhatItCannotReadAsARefusal) {
  for (const char* text : {"", "rubbish", "[]", "{}", R"({"source": 7})"}) {
    std::ofstream(scratch_ / "memory") << text;
    EXPECT_TRUE(memory().objection()) << text;
  }
}

TEST_F(PinMemoryTest, HoldsNothingOfThePin) {
  attempt(refused);
  std::ifstream file(scratch_ / "memory");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text.find("1234"), std::string::npos);
  EXPECT_EQ(std::filesystem::status(scratch_ / "memory").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(PinMemoryTest, SaysHowADescriptorsPinIsTriedAgain) {
  PinMemory by_descriptor(scratch_ / "memory", {.file = "", .credential = "", .fd = 3});
  ASSERT_TRUE(by_descriptor.attempt_begins());
  ASSERT_TRUE(by_descriptor.attempt_ended(refused));
  const auto objection = by_descriptor.objection();
  ASSERT_TRUE(objection);
  EXPECT_NE(objection->detail.find("remove " + (scratch_ / "memory")), std::string::npos)
      << objection->detail;
}

}  // namespace
}  // namespace mintmark::hsm
