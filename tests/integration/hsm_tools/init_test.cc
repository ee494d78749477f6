// `hsm init`.
#include "hsm_tools.h"

namespace mintmark::test {
namespace {

class HsmInit : public HsmTools {
 protected:
  [[nodiscard]] Outcome init(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"init",  "--module",   SoftHsm::module(), "--so-pin-file",
                                       so_pin_, "--pin-file", new_pin_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return mintctl_json(arguments);
  }
  /// Fails where the PIN does not open that token.
  static std::string open(const std::string& label, const std::string& pin) {
    return run({"pkcs11-tool", "--module", SoftHsm::module(), "--token-label", label, "--login",
                "--pin", pin, "--list-objects"});
  }

  const std::string so_pin_ = softhsm_.pin_file("so", "so-12345");
  const std::string new_pin_ = softhsm_.pin_file("new", "new-user-1");
};

TEST_F(HsmInit, MakesATokenThatItsPinOpens) {
  const Outcome outcome = init({"--label", "fresh"});
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(outcome.json()["token"]["label"], "fresh");
  EXPECT_EQ(outcome.json()["token"]["user_pin_set"], true);
  EXPECT_NO_THROW(open("fresh", "new-user-1"));
  // The SO PIN is the one given, too.
  EXPECT_NO_THROW(
      run({"pkcs11-tool", "--module", SoftHsm::module(), "--token-label", "fresh", "--login",
           "--login-type", "so", "--so-pin", "so-12345", "--init-pin", "--pin", "other-pin-1"}));
  EXPECT_NO_THROW(open(SoftHsm::label(), SoftHsm::pin()));
}

TEST_F(HsmInit, LabelOf32OctetsFillsTheField) {
  const std::string label = "12345678901234567890123456789012";
  EXPECT_EQ(init({"--label", label}).json()["token"]["label"], label);
}

TEST_F(HsmInit, LongerLabelIsRefused) {
  const Outcome outcome = init({"--label", std::string(33, 'x')});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.code(), "invalid_argument");
}

TEST_F(HsmInit, WithoutLabelIsWrongUsage) {
  const Outcome outcome = init({});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_TRUE(outcome.says("--label is missing")) << outcome.output;
}

TEST_F(HsmInit, LabelThatIsThereIsRefused) {
  const Outcome outcome = init({"--label", SoftHsm::label()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_token_exists");
  EXPECT_NO_THROW(open(SoftHsm::label(), SoftHsm::pin()));
}

TEST_F(HsmInit, InitialisedTokenIsNotErasedByBeingNamed) {
  make_key("EC:prime256v1", "01", "tls");
  const Outcome outcome = init({"--label", "fresh", "--token", SoftHsm::label()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_token_exists");
  EXPECT_NE(open(SoftHsm::label(), SoftHsm::pin()).find("tls"), std::string::npos);
}

TEST_F(HsmInit, EraseThatRepeatsAnotherLabelIsRefused) {
  make_key("EC:prime256v1", "01", "tls");
  const Outcome outcome =
      init({"--label", "fresh", "--token", SoftHsm::label(), "--erase", "mintmark"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_token_exists");
  EXPECT_NE(open(SoftHsm::label(), SoftHsm::pin()).find("tls"), std::string::npos);
}

TEST_F(HsmInit, EraseOfNoTokenIsRefused) {
  const Outcome outcome = init({"--label", "fresh", "--erase", "no such"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.code(), "hsm_token_missing");
}

TEST_F(HsmInit, EraseWantsTheTokensOwnSoPin) {
  make_key("EC:prime256v1", "01", "tls");
  (void)softhsm_.pin_file("so", "so-99999");
  const Outcome outcome = init({"--label", "fresh", "--erase", SoftHsm::label()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_pin_refused");
  EXPECT_NE(open(SoftHsm::label(), SoftHsm::pin()).find("tls"), std::string::npos);
}

TEST_F(HsmInit, EraseEndsATokenWithItsKeys) {
  make_key("EC:prime256v1", "01", "tls");
  const Outcome outcome = init({"--label", "fresh", "--erase", SoftHsm::label()});
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(open("fresh", "new-user-1").find("tls"), std::string::npos);
  EXPECT_EQ(mintctl_json({"objects", "--module", SoftHsm::module(), "--token", SoftHsm::label(),
                          "--pin-file", path("pin")})
                .code(),
            "hsm_token_missing");
}

TEST_F(HsmInit, UserPinThatTheTokenRefusesLeavesATokenThatSaysSo) {
  (void)softhsm_.pin_file("new", "123");
  const Outcome outcome = init({"--label", "fresh"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_pin_refused");
  EXPECT_TRUE(outcome.says("--unblock")) << outcome.output;
  // And what it names mends it.
  (void)softhsm_.pin_file("new", "new-user-1");
  const Outcome mended =
      mintctl_json({"pin", "--unblock", "--module", SoftHsm::module(), "--token", "fresh",
                    "--so-pin-file", so_pin_, "--new-pin-file", new_pin_});
  EXPECT_EQ(mended.status, 0) << mended.output;
  EXPECT_NO_THROW(open("fresh", "new-user-1"));
}

}  // namespace
}  // namespace mintmark::test
