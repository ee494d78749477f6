// What is said of a PIN before it is offered to a token.
#include <gtest/gtest.h>

#include "programs/mintctl/token_at_hand.h"
#include "support/captured_error.h"
#include "support/temporary_directory.h"

namespace mintmark::programs {
namespace {

using hsm::libp11::PinState;

class PinEntryTest : public testing::Test {
 protected:
  [[nodiscard]] PinEntry entry() const {
    const std::string file = directory_.write("pin", "user-1234\n").string();
    std::string program = "mintctl";
    std::string command = "x";
    std::string option = "--pin-file";
    std::string value = file;
    std::array<char*, 5> words{program.data(), command.data(), option.data(), value.data(),
                               nullptr};
    const Program described{"mintctl", "", {user_pin_option()}, {{"x", "", {}, ""}}};
    const auto line = read_command_line(described, 4, words.data());
    return *PinEntry::of(*line.arguments, "--pin-file");
  }
  /// What is said on standard error.
  [[nodiscard]] std::string said_of(const PinState& state) const {
    const test::CapturedError captured;
    const auto pin = entry().get(state, "User PIN");
    EXPECT_TRUE(pin && as_text(pin->view()) == "user-1234");
    std::string text;
    for (const std::string& line : captured.lines()) text += line;
    return text;
  }

  test::TemporaryDirectory directory_;
};

TEST_F(PinEntryTest, NothingIsSaidOfAnUntriedPin) { EXPECT_EQ(said_of({}), ""); }

TEST_F(PinEntryTest, WrongTryBeforeIsSaid) {
  EXPECT_NE(said_of({.count_low = true}).find("a wrong one was tried before"), std::string::npos);
}

TEST_F(PinEntryTest, FinalTryIsSaid) {
  EXPECT_NE(said_of({.count_low = true, .final_try = true}).find("FINAL TRY"), std::string::npos);
}

TEST_F(PinEntryTest, LockedPinIsNotOffered) {
  const auto pin = entry().get({.locked = true}, "User PIN");
  ASSERT_FALSE(pin);
  EXPECT_EQ(pin.error().code, Code::hsm_pin_locked);
}

}  // namespace
}  // namespace mintmark::programs
