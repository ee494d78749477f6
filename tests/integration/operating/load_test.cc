// Load that is not meant well, at a real front: what it may cost, and who is served all the same.
// How long they wait: mint-bench hostile.
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "jose/base64url.h"
#include "operating.h"
#include "support/hostile_connections.h"
#include "support/test_tpm.h"

namespace mintmark::test {
namespace {

class HostileLoad : public Operating {
 protected:
  static constexpr std::size_t places = 128;  // http.connections, as Operating sets it.

  [[nodiscard]] std::uint16_t port() const {
    const std::string& url = stack["MINT_ISSUER"];
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  }
  [[nodiscard]] HostileConnections held(Manner manner, std::size_t count) const {
    return {manner, port(), stack["MINT_CA"], count};
  }
  [[nodiscard]] unsigned status_of(const std::string& path) const {
    auto fresh = client();
    const auto answer = get(fresh, path);
    EXPECT_TRUE(answer) << answer.error().to_string();
    return answer ? answer->status : 0;
  }
  void expect_served() const {
    EXPECT_EQ(status_of("/.well-known/jwks.json"), 200U);
    EXPECT_EQ(fresh_token("read").status, 0);
    EXPECT_EQ(mintctl({"status"}).status, 0) << "operators have a door of their own";
  }
  /// All of one figure, whatever its labels.
  [[nodiscard]] double sum(const std::string& name) const {
    double all = 0;
    std::istringstream lines(figures());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + "{") || line.starts_with(name + " "))
        all += std::stod(line.substr(line.rfind(' ') + 1));
    }
    return all;
  }
  /// The devices' database as it is on disk, octet for octet, by file.
  [[nodiscard]] std::map<std::string, std::string> database() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(file("state/front"))) {
      const std::string name = entry.path().filename().string();
      // Its -shm is memory that readers share.
      if (!name.starts_with("devices.db") || name.ends_with("-shm")) continue;
      files[name] = content("state/front/" + name);
    }
    return files;
  }
};

TEST_F(HostileLoad, HeadsThatDripEndAtTheirDeadlineWhileOthersAreServed) {
  const double before = figure(R"(mintmark_http_refusals_total{outcome="http_too_slow"})");
  const auto slow = held(Manner::slow_head, 20);
  slow.await();
  expect_served();
  await("the slow heads' end", [&] { return slow.closed() >= 20; });
  EXPECT_GE(figure(R"(mintmark_http_refusals_total{outcome="http_too_slow"})"),
            std::max(before, 0.0) + 20);
  expect_served();
}

TEST_F(HostileLoad, BodiesThatDripEndAtTheirDeadlineWhileOthersAreServed) {
  const auto slow = held(Manner::slow_body, 20);
  slow.await();
  expect_served();
  await("the slow bodies' end", [&] { return slow.closed() >= 20; });
}

TEST_F(HostileLoad, MoreIdleConnectionsThanThereArePlacesKeepNobodyOut) {
  const double away = sum("mintmark_http_connections_turned_away_total");
  const double gave_way = sum("mintmark_http_connections_gave_way_total");
  const auto idle = held(Manner::idle, 2 * places);
  idle.await();
  EXPECT_LE(sum("mintmark_http_connections"), places);
  expect_served();
  EXPECT_GE(sum("mintmark_http_connections_gave_way_total"), gave_way + places);
  EXPECT_EQ(sum("mintmark_http_connections_turned_away_total"), away);
}

TEST_F(HostileLoad, MoreHalfOpenHandshakesThanThereArePlacesKeepNobodyOut) {
  const double away = sum("mintmark_http_connections_turned_away_total");
  const auto half_open = held(Manner::half_open, 2 * places);
  half_open.await();
  expect_served();
  EXPECT_LE(sum("mintmark_http_connections"), places);
  EXPECT_EQ(sum("mintmark_http_connections_turned_away_total"), away);
}

// Whose key it is no matter: the begin is one that could be finished.
TEST_F(HostileLoad, EnrolmentsThatNeverFinishAreNotWrittenAndAskNoHardware) {
  const TestAuthority authority;
  const TestTpm tpm(authority, attest::tpm2::EkKind::rsa2048);
  write("ek-roots/hostile.pem", authority.root_pem());
  write("ek-intermediates/hostile.pem", authority.intermediate_pem());
  ASSERT_EQ(mintctl({"reload"}).status, 0);
  const auto presented = tpm.presented();
  const Json body = {{"ek_certificate", jose::base64url(presented.ek_certificate)},
                     {"ak_public", jose::base64url(presented.ak_public)},
                     {"device_public", jose::base64url(presented.device_public)}};
  http::Headers headers;
  headers.add("Content-Type", "application/json");
  auto stranger = client();
  const auto begin = [&] {
    return stranger.send("POST", stack["MINT_ISSUER"] + "/attest/tpm2/begin", headers, body.dump(),
                         Deadline::in(std::chrono::seconds(20)));
  };
  const auto written = database();
  const double signed_before = sum("mintmark_signatures_total");
  const double begun = figure(R"(mintmark_enrolment_begins_total{format="tpm2",outcome="ok"})");
  for (int i = 0; i < 300; ++i) {
    const auto answer = begin();
    ASSERT_TRUE(answer) << answer.error().to_string();
    ASSERT_EQ(answer->status, 200U) << answer->body;
  }
  EXPECT_EQ(figure(R"(mintmark_enrolment_begins_total{format="tpm2",outcome="ok"})"),
            std::max(begun, 0.0) + 300);
  EXPECT_EQ(sum("mintmark_signatures_total"), signed_before);
  EXPECT_FALSE(written.empty());
  EXPECT_TRUE(database() == written) << "something was written";
  unlink(file("ek-roots/hostile.pem").c_str());
  unlink(file("ek-intermediates/hostile.pem").c_str());
  EXPECT_EQ(mintctl({"reload"}).status, 0);
}

TEST_F(HostileLoad, WhoAsksTooOftenIsToldWhenToComeBackAndOthersPathsAreOpen) {
  const PutBack back(stack, {"mintd.json"});
  replace("mintd.json", R"("policy":)",
          R"("rate_limits": {"tokens_per_address_per_minute": 3}, "policy":)");
  const auto reloaded = mintctl({"reload"});
  ASSERT_EQ(reloaded.status, 0) << reloaded.output;
  auto asking = client();
  http::Headers headers;
  headers.add("Content-Type", "application/x-www-form-urlencoded");
  const auto ask = [&] {
    return asking.send("POST", stack["MINT_ISSUER"] + "/token", headers,
                       "grant_type=client_credentials", Deadline::in(std::chrono::seconds(20)));
  };
  unsigned refused = 0;
  for (int i = 0; i < 10; ++i) {
    const auto answer = ask();
    ASSERT_TRUE(answer);
    if (answer->status != 429) continue;
    ++refused;
    EXPECT_NE(answer->body.find("rate_of_address"), std::string::npos) << answer->body;
    const std::string* wait = answer->headers.find("Retry-After");
    ASSERT_NE(wait, nullptr);
    EXPECT_GE(std::stoi(*wait), 1);
    EXPECT_LE(std::stoi(*wait), 60);
  }
  EXPECT_GE(refused, 6U);
  for (const char* path : {"/attest/tpm2/begin", "/attest/tpm2/finish", "/attest/x509/begin",
                           "/attest/x509/finish", "/attest/key/begin", "/attest/key/finish"}) {
    const auto answer = asking.send("POST", stack["MINT_ISSUER"] + path, {}, "{}",
                                    Deadline::in(std::chrono::seconds(20)));
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 429U) << path << answer->body;
  }
  EXPECT_EQ(status_of("/.well-known/jwks.json"), 200U);
}

}  // namespace
}  // namespace mintmark::test
