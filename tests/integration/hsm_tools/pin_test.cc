// `hsm pin`.
#include "hsm_tools.h"

namespace mintmark::test {
namespace {

class HsmPin : public HsmTools {
 protected:
  [[nodiscard]] Outcome pin(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"pin", "--module", SoftHsm::module(), "--token",
                                       SoftHsm::label()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return mintctl_json(arguments);
  }
  [[nodiscard]] bool opens(const std::string& pin) const {
    try {
      (void)pkcs11_tool({"--list-objects"}, pin);
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  const std::string so_pin_ = softhsm_.pin_file("so", "so-12345\n");
  const std::string new_pin_ = softhsm_.pin_file("new", "new-user-1\n");
  const std::string wrong_ = softhsm_.pin_file("wrong", "no-such-pin\n");
};

TEST_F(HsmPin, ChangesTheUserPin) {
  const Outcome outcome = pin({"--pin-file", path("pin"), "--new-pin-file", new_pin_});
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(outcome.json()["user_pin"], "changed");
  EXPECT_FALSE(opens(SoftHsm::pin()));
  EXPECT_TRUE(opens("new-user-1"));
}

TEST_F(HsmPin, WrongOldPinIsRefusedAndChangesNothing) {
  const Outcome outcome = pin({"--pin-file", wrong_, "--new-pin-file", new_pin_});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_pin_refused");
  EXPECT_TRUE(opens(SoftHsm::pin()));
}

TEST_F(HsmPin, NewPinThatTheTokenRefusesChangesNothing) {
  const Outcome outcome =
      pin({"--pin-file", path("pin"), "--new-pin-file", softhsm_.pin_file("short", "123")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_pin_refused");
  EXPECT_TRUE(outcome.says("C_SetPIN")) << outcome.output;
  EXPECT_TRUE(opens(SoftHsm::pin()));
}

TEST_F(HsmPin, SecurityOfficerSetsItWithoutTheOldOne) {
  const Outcome outcome = pin({"--unblock", "--so-pin-file", so_pin_, "--new-pin-file", new_pin_});
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_TRUE(opens("new-user-1"));
  EXPECT_FALSE(opens(SoftHsm::pin()));
}

TEST_F(HsmPin, WrongSoPinIsRefusedAndChangesNothing) {
  const Outcome outcome = pin({"--unblock", "--so-pin-file", wrong_, "--new-pin-file", new_pin_});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_pin_refused");
  EXPECT_TRUE(opens(SoftHsm::pin()));
}

TEST_F(HsmPin, EachWayHasItsOwnPin) {
  const Outcome old_for_unblock =
      pin({"--unblock", "--pin-file", path("pin"), "--new-pin-file", new_pin_});
  EXPECT_EQ(old_for_unblock.status, 2);
  EXPECT_EQ(old_for_unblock.code(), "invalid_argument");
  const Outcome officer_for_change = pin({"--so-pin-file", so_pin_, "--new-pin-file", new_pin_});
  EXPECT_EQ(officer_for_change.status, 2);
  EXPECT_EQ(officer_for_change.code(), "invalid_argument");
}

TEST_F(HsmPin, TokenWithoutUserPinNamesTheWayToOne) {
  run({"pkcs11-tool", "--module", SoftHsm::module(), "--slot-index", "1", "--init-token", "--label",
       "bare", "--so-pin", "so-12345"});
  const Outcome outcome = mintctl_json({"pin", "--module", SoftHsm::module(), "--token", "bare",
                                        "--pin-file", path("pin"), "--new-pin-file", new_pin_});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_pin_refused");
  EXPECT_TRUE(outcome.says("--unblock")) << outcome.output;
}

}  // namespace
}  // namespace mintmark::test
