// The figures as a collector gets them.
#include <signal.h>

#include <regex>
#include <set>
#include <sstream>

#include "base/file.h"
#include "operating.h"

namespace mintmark::test {
namespace {

using Metrics = Operating;

TEST_F(Metrics, AreServedAloneAndOnlyToBeRead) {
  const auto ask = [&](const std::vector<std::string>& arguments, const std::string& path) {
    std::vector<std::string> line{"curl", "--silent", "--include"};
    line.insert(line.end(), arguments.begin(), arguments.end());
    line.push_back(metrics_url() + path);
    return execute(line).output;
  };
  EXPECT_NE(ask({}, "/metrics").find("Content-Type: text/plain; version=0.0.4"), std::string::npos);
  EXPECT_NE(ask({"--data", ""}, "/metrics").find("405"), std::string::npos);
  EXPECT_NE(ask({"--data", "more"}, "/metrics").find("413"), std::string::npos);
  for (const char* path : {"/token", "/healthz", "/admin/v1/status", "/"})
    EXPECT_NE(ask({}, path).find("404"), std::string::npos) << path;
  EXPECT_NE(stack.curl({"--include", stack["MINT_ISSUER"] + "/metrics"}).output.find("404"),
            std::string::npos)
      << "strangers do not get them";
}

TEST_F(Metrics, AreWellFormed) {
  // Every line is a comment or NAME{LABELS} VALUE; each figure has a meaning and a type.
  std::istringstream lines(figures());
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    if (line.starts_with("# HELP ") || line.starts_with("# TYPE ")) continue;
    EXPECT_TRUE(line.starts_with("mintmark_")) << line;
    EXPECT_NE(line.rfind(' '), std::string::npos) << line;
  }
  EXPECT_GT(count, 50U);
}

TEST_F(Metrics, OfTheTableAndOfTheAlertsAreServed) {
  // The signer's figures begin with its first channel, that of revocations with the first.
  const std::string token = fresh_token("read").output;
  (void)stack.control({"tokens", "revoke", "--token", token.substr(0, token.find('\n'))});
  const std::string text = figures();
  for (const char* name : {"/docs/operations.md", "/provisioning/prometheus/alerts.yml"}) {
    const auto document = read_file(MINTMARK_SOURCE + std::string(name));
    ASSERT_TRUE(document);
    std::set<std::string> named;
    const std::regex figure_name("mintmark_(?!purpose)[a-z_]+");
    for (std::sregex_iterator found(document->begin(), document->end(), figure_name);
         found != std::sregex_iterator(); ++found)
      named.insert(std::regex_replace(found->str(), std::regex("_bucket$"), ""));
    EXPECT_GT(named.size(), 5U) << name;
    // Where shared_signals is on: tests/integration/clients.
    std::erase_if(named, [](const auto& one) { return one.starts_with("mintmark_ssf_"); });
    for (const std::string& one : named)
      EXPECT_NE(text.find("# TYPE " + one + " "), std::string::npos) << one << " of " << name;
  }
  // And the other way round: what is served stands in the table.
  const auto table = read_file(MINTMARK_SOURCE "/docs/operations.md");
  const std::regex type("# TYPE ([a-z_]+) ");
  for (std::sregex_iterator found(text.begin(), text.end(), type); found != std::sregex_iterator();
       ++found)
    EXPECT_NE(table->find("`" + (*found)[1].str() + "`"), std::string::npos) << (*found)[1];
}

TEST_F(Metrics, CountTokensSignaturesAndRefusals) {
  const double issued = figure(R"(mintmark_token_requests_total{outcome="ok"})");
  const double signatures = figure(R"(mintmark_signatures_total{outcome="ok",store="main"})");
  ASSERT_GE(issued, 0);
  // A fresh one, not the one the agent keeps.
  ASSERT_EQ(fresh_token("read").status, 0);
  EXPECT_EQ(figure(R"(mintmark_token_requests_total{outcome="ok"})"), issued + 1);
  // Status lists and what services are told are signed as time goes by.
  EXPECT_GE(figure(R"(mintmark_signatures_total{outcome="ok",store="main"})"),
            std::max(signatures, 0.0) + 1);
  EXPECT_GE(figure(R"(mintmark_signing_seconds_count{store="main"})"), 1);
  await("no call to be under way",
        [&] { return figure(R"(mintmark_signing_pending{store="main"})") == 0; });

  const std::string refused = R"(mintmark_token_requests_total{outcome="grant_type_unsupported"})";
  const double before = std::max(figure(refused), 0.0);
  (void)stack.curl({"--data", "grant_type=password", stack["MINT_ISSUER"] + "/token"});
  EXPECT_EQ(figure(refused), before + 1);
  EXPECT_GE(figure(R"(mintmark_http_refusals_total{outcome="grant_type_unsupported"})"), 1);
}

TEST_F(Metrics, HaveNoLabelOfAStrangersMaking) {
  (void)figures();
  for (const char* path : {"/stranger-1", "/stranger-2", "/token/stranger"})
    (void)stack.curl({stack["MINT_ISSUER"] + path});
  (void)stack.curl({"--request", "STRANGER", stack["MINT_ISSUER"] + "/token"});
  const std::string text = figures();
  EXPECT_EQ(text.find("tranger"), std::string::npos);
  EXPECT_EQ(text.find("STRANGER"), std::string::npos);
  EXPECT_GE(figure(R"(mintmark_http_requests_total{route="other",status="4xx"})"), 3);
}

TEST_F(Metrics, ShowTheSignerAndTheCertificate) {
  EXPECT_EQ(figure(R"(mintmark_signer_up{store="main"})"), 1);
  EXPECT_EQ(figure(R"(mintmark_signer_pin_refused{store="main"})"), 0);
  EXPECT_EQ(figure("mintmark_reload_successful"), 1);
  EXPECT_GT(figure("mintmark_tls_certificate_end_seconds"), 1.7e9);
  EXPECT_GE(figure("mintmark_http_connections"), 0);
  const double restarts = figure(R"(mintmark_signer_restarts_total{store="main"})");
  ASSERT_EQ(kill(stack.signer_pid(), SIGKILL), 0);
  await("the restart in the figures", [&] {
    return figure(R"(mintmark_signer_restarts_total{store="main"})") == restarts + 1 &&
           figure(R"(mintmark_signer_up{store="main"})") == 1;
  });
  stack.wait_until_ready();
}

TEST_F(Metrics, AreThereAgainWithAFrontThatWasStartedAgain) {
  const double restarts = figure("mintmark_front_restarts_total");
  const int front = stack.front_pid();
  ASSERT_EQ(kill(front, SIGKILL), 0);
  await("the new front", [&] { return figure("mintmark_front_restarts_total") == restarts + 1; });
  stack.wait_until_ready();
  EXPECT_EQ(figure(R"(mintmark_signer_up{store="main"})"), 1);
}

}  // namespace
}  // namespace mintmark::test
