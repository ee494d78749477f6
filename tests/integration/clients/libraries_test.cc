// Packages that know OAuth and nothing of us; the scripts in tests/judges hold the assertions.
#include "strict_stack.h"

namespace mintmark::test {
namespace {

// A script that ended early, or checked less than it should, does not say this.
void expect_passed(const std::string& name, int checks, const std::string& variables = "") {
  const auto done = bash(variables + "\"$JUDGES/run\" " + name + ".mjs\n");
  EXPECT_EQ(done.status, 0) << done.output;
  EXPECT_NE(done.output.find("\n" + name + ": " + std::to_string(checks) + " passed\n"),
            std::string::npos)
      << done.output;
}

TEST(Libraries, Oauth4webapiGetsTokensIntrospectsRevokesAndGetsTheRightRefusals) {
  expect_passed("oauth4webapi", 24);
}

TEST(Libraries, OpenidClientGetsTokensIntrospectsRevokesAndGetsTheRightRefusals) {
  expect_passed("openid-client", 22);
}

TEST(Libraries, DpopGetsTokensAndTheRightRefusals) { expect_passed("dpop", 17); }

TEST(Libraries, OfSharedSignalsHearWhatIsRevoked) {
  // The receiver of these tests shows what the issuer does: a certificate for localhost.
  expect_passed("shared_signals", 13,
                "RECEIVER_CERTIFICATE=$STACK/tls/server.pem RECEIVER_KEY=$STACK/tls/server.key ");
}

}  // namespace
}  // namespace mintmark::test
