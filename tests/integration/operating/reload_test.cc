// What is read again under way: all of it or nothing, and nobody notices who need not.
#include <signal.h>

#include <atomic>
#include <thread>

#include "operating.h"
#include "support/test_tls.h"

namespace mintmark::test {
namespace {

class Reload : public Operating {
 protected:
  // A scope that the policy grants only after it was changed.
  [[nodiscard]] Outcome token_for_new_scope() const { return fresh_token("admin"); }
  void grant_new_scope() const {
    replace("policy.json", R"("scopes": ["read", "write"])",
            R"("scopes": ["read", "write", "admin"])");
  }
  void expect_refused(const std::string& code, const std::string& part) const {
    const auto refused = mintctl({"reload"});
    EXPECT_NE(refused.status, 0);
    EXPECT_NE(refused.output.find(code), std::string::npos) << refused.output;
    EXPECT_NE(refused.output.find(part), std::string::npos) << refused.output;
    await("the refusal in the figures", [&] { return figure("mintmark_reload_successful") == 0; });
  }
  [[nodiscard]] std::size_t reloads() const {
    const std::string text = log();
    std::size_t count = 0;
    for (auto at = text.find("\"reloaded\""); at != std::string::npos;
         at = text.find("\"reloaded\"", at + 1))
      ++count;
    return count;
  }
};

TEST_F(Reload, PutsAnotherPolicyInForce) {
  const PutBack put_back(stack, {"policy.json"});
  EXPECT_EQ(token_for_new_scope().status, 1);
  grant_new_scope();
  EXPECT_EQ(token_for_new_scope().status, 1) << "not before the reload";
  const auto reloaded = mintctl({"reload"});
  EXPECT_EQ(reloaded.status, 0) << reloaded.output;
  EXPECT_NE(reloaded.output.find("policy"), std::string::npos) << reloaded.output;
  EXPECT_EQ(reloaded.output.find("tls"), std::string::npos) << "it did not change";
  EXPECT_EQ(token_for_new_scope().status, 0);
}

TEST_F(Reload, IsOfferedBesideThePolicyToo) {
  const PutBack put_back(stack, {"policy.json"});
  grant_new_scope();
  EXPECT_EQ(mintctl({"policy", "reload"}).status, 0);
  EXPECT_EQ(token_for_new_scope().status, 0);
}

TEST_F(Reload, HappensOnSighup) {
  const PutBack put_back(stack, {"policy.json"});
  grant_new_scope();
  const std::size_t before = reloads();
  ASSERT_EQ(kill(stack.keeper_pid(), SIGHUP), 0);
  await("the reload", [&] { return reloads() == before + 1; });
  EXPECT_EQ(token_for_new_scope().status, 0);
}

TEST_F(Reload, WithABadPolicyLeavesTheOneBeforeInForce) {
  const PutBack put_back(stack, {"policy.json"});
  write("policy.json", "{\n\"rules\": 1\n}");
  expect_refused("policy_invalid", "policy.json:2");
  EXPECT_EQ(fresh_token("read").status, 0);
}

TEST_F(Reload, WithABadPolicySurvivesARestartOfTheFront) {
  const PutBack put_back(stack, {"policy.json", "tls/server.key"});
  write("policy.json", "{\n\"rules\": 1\n}");
  write("tls/server.key", "no key");
  const int front = stack.front_pid();
  ASSERT_EQ(kill(front, SIGKILL), 0);
  stack.wait_until_ready();
  EXPECT_NE(stack.front_pid(), front);
  EXPECT_EQ(fresh_token("write").status, 0);
}

TEST_F(Reload, ChangesNothingWhereOneOfManyIsBad) {
  const PutBack put_back(stack, {"policy.json", "tls/server.key"});
  grant_new_scope();
  write("tls/server.key", "no key");
  expect_refused("tls_certificate_unusable", "server.key");
  EXPECT_EQ(token_for_new_scope().status, 1) << "the policy stays as it was";
}

TEST_F(Reload, WithRootsThatAreNoneIsRefused) {
  const PutBack put_back(stack, {"ek-roots/swtpm-localca-rootca-cert.pem"});
  write("ek-roots/swtpm-localca-rootca-cert.pem", "no certificate");
  expect_refused("trust_unreadable", "swtpm-localca-rootca-cert.pem");
}

TEST_F(Reload, WithABadConfigurationNamesTheLine) {
  const PutBack put_back(stack, {"mintd.json"});
  replace("mintd.json", R"("policy": "policy.json")", R"("polcy": "policy.json")");
  expect_refused("config_invalid", "the nearest known one is \"policy\"");
}

TEST_F(Reload, OfWhatNeedsARestartIsRefusedByName) {
  const PutBack put_back(stack, {"mintd.json"});
  replace("mintd.json", R"("longest_life_seconds": 300)", R"("longest_life_seconds": 60)");
  expect_refused("reload_needs_restart", "tokens.longest_life_seconds changed");
}

TEST_F(Reload, ChangesTheLogLevel) {
  const PutBack put_back(stack, {"mintd.json"});
  replace("mintd.json", R"("level": "info")", R"("level": "error")");
  ASSERT_EQ(mintctl({"reload"}).status, 0);
  const std::size_t before = log().size();
  EXPECT_EQ(fresh_token("read").status, 0);
  EXPECT_EQ(log().substr(before), "") << "no line a request any more";
}

TEST_F(Reload, ServesANewCertificateToNewConnectionsWhileOldOnesGoOn) {
  const PutBack put_back(stack, {"tls/server.pem", "tls/server.key"});
  auto old_client = client();
  ASSERT_TRUE(get(old_client, "/healthz"));
  const TestCa other("Another CA");
  const auto certificate = other.issue();
  write("tls/server.pem", certificate.certificate_pem);
  write("tls/server.key", certificate.key_pem);
  write("other-ca.pem", other.certificate_pem());
  const auto reloaded = mintctl({"reload"});
  EXPECT_EQ(reloaded.status, 0) << reloaded.output;
  EXPECT_NE(reloaded.output.find("tls"), std::string::npos) << reloaded.output;

  EXPECT_TRUE(get(old_client, "/healthz")) << "this connection was there before";
  auto new_client = client(file("other-ca.pem"));
  EXPECT_TRUE(get(new_client, "/healthz"));
  auto late_client = client();
  const auto refused = get(late_client, "/healthz");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::tls_failed);
}

TEST_F(Reload, DropsNoConnectionAndNoRequest) {
  const PutBack put_back(stack, {"policy.json"});
  std::atomic<bool> done{false};
  std::atomic<int> answered{0};
  std::atomic<int> lost{0};
  std::vector<std::jthread> clients;
  for (int count = 0; count < 3; ++count) {
    clients.emplace_back([&] {
      auto mine = client();
      while (!done) {
        const auto answer = get(mine, "/.well-known/jwks.json");
        ++(answer && answer->status == 200 ? answered : lost);
      }
    });
  }
  for (int round = 0; round < 10; ++round) {
    if (round == 5) grant_new_scope();
    const auto reloaded = mintctl({"reload"});
    EXPECT_EQ(reloaded.status, 0) << reloaded.output;
  }
  done = true;
  clients.clear();
  EXPECT_EQ(lost, 0);
  EXPECT_GT(answered, 10);
}

}  // namespace
}  // namespace mintmark::test
