// mint-gate serve out of descriptors and out of memory: what it says of it, and that it serves
// again by itself, or when it is started again.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "http/client.h"
#include "support/child_process.h"
#include "support/fault_pages.h"
#include "support/few_descriptors.h"
#include "support/free_port.h"
#include "support/published_issuer.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark::test {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds patience{20};

class GateFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    Json jwk = SoftKey().public_key().to_jwk();
    jwk["kid"] = "key";
    jwk["mintmark_purpose"] = "access_token";
    issuer_.publish({{"keys", Json::array({jwk})}});
    // Without a space in it, which LD_PRELOAD takes for the end of a name.
    fs::copy_file(MINTMARK_FAULT_SHIM, path("shim.so"));
    std::ofstream(path("gate.json")) << settings().dump();
    start();
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (directory_.path() / name).string();
  }
  void start() {
    gate_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{MINT_GATE, "serve", "--config", path("gate.json")},
        path("gate.log"),
        Environment{{"LD_PRELOAD", path("shim.so")}, {"MINTMARK_FAULTS", path("faults")}});
    wait_until("the gate", *gate_, [this] {
      http::Client client = fresh();
      const auto ready = get(client, metrics_, "/readyz");
      return ready && ready->status == 200;
    });
  }

  [[nodiscard]] http::Client fresh() const { return http::Client({.plain_http = true}); }
  [[nodiscard]] static Result<http::Response> get(http::Client& client, std::uint16_t port,
                                                  const std::string& target,
                                                  const http::Headers& headers = {}) {
    return client.send("GET", "http://127.0.0.1:" + std::to_string(port) + target, headers, "",
                       Deadline::in(patience));
  }
  /// A check of a call without a token, with so many octets in a header of the caller's.
  [[nodiscard]] Result<http::Response> check(http::Client& client, std::size_t octets = 1) const {
    http::Headers call;
    call.add("X-Original-Method", "GET");
    call.add("X-Original-Scheme", "https");
    call.add("X-Original-Host", "service.example");
    call.add("X-Original-URI", "/");
    call.add("X-Callers", std::string(octets, 'x'));
    return get(client, door_, "/", call);
  }
  void expect_decides(http::Client& client) const {
    const auto decided = check(client);
    ASSERT_TRUE(decided) << decided.error().to_string();
    EXPECT_EQ(decided->status, 401U) << decided->body;
    EXPECT_NE(decided->body.find("token_missing"), std::string::npos) << decided->body;
  }
  [[nodiscard]] double figure(http::Client& client, const std::string& name) const {
    const auto all = get(client, metrics_, "/metrics");
    const std::string text = all ? all->body : "";
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  void await_logged(const std::string& event) {
    wait_until("the line " + event, *gate_, [&] { return log_has(event); });
  }
  [[nodiscard]] bool log_has(const std::string& event) const {
    return gate_->output().find("\"event\":\"" + event + "\"") != std::string::npos;
  }

  PublishedIssuer issuer_;
  const TemporaryDirectory directory_;
  const FaultPages pages_{path("faults"), {"mint-gate"}};
  const std::uint16_t door_ = free_port();
  const std::uint16_t metrics_ = free_port();
  std::unique_ptr<ChildProcess> gate_;

 private:
  [[nodiscard]] Json settings() const {
    return {{"issuer", issuer_.url()},
            {"ca", issuer_.ca_file().string()},
            {"revocation", {{"none", true}}},
            {"threads", 1},
            {"listen",
             {{{"dialect", "nginx"},
               {"address", "127.0.0.1"},
               {"port", door_},
               {"plain_http_behind_trusted_proxy", true},
               {"trusted_networks", {"127.0.0.1"}}}}},
            {"services",
             {{{"origins", {"https://service.example"}},
               {"rules",
                {{{"path", "/*"},
                  {"methods", {"GET"}},
                  {"audience", "https://service.example"},
                  {"binding", "dpop"}}}}}}},
            {"metrics", {{"address", "127.0.0.1"}, {"port", metrics_}}}};
  }
};

TEST_F(GateFaults, WithoutDescriptorsItServesWhoIsThereAndTheOthersWhenItHasSome) {
  http::Client proxy = fresh();
  http::Client collector = fresh();
  expect_decides(proxy);
  ASSERT_EQ(figure(collector, "mintmark_descriptors_scarce"), 0);
  std::future<Result<http::Response>> waiting;
  http::Client late = fresh();
  {
    const FewDescriptors few(gate_->pid());
    EXPECT_EQ(figure(collector, "mintmark_descriptors_scarce"), 1);
    waiting = std::async(std::launch::async, [&] { return check(late); });
    await_logged("http_accept_failed");
    expect_decides(proxy);
  }
  const auto answered = waiting.get();
  ASSERT_TRUE(answered) << answered.error().to_string();
  EXPECT_EQ(answered->status, 401U) << "who came meanwhile waited, and is served";
  http::Client later = fresh();
  EXPECT_EQ(figure(later, "mintmark_descriptors_scarce"), 0);
  EXPECT_GE(figure(later, "mintmark_http_accepts_failed_total"), 1);
  EXPECT_TRUE(gate_->running());
}

TEST_F(GateFaults, WithoutMemoryForOneRequestItRefusesThatOne) {
  http::Client proxy = fresh();
  expect_decides(proxy);
  pages_["mint-gate"].refuse_from = 50'000;
  http::Client large = fresh();
  const auto refused = check(large, 80'000);
  if (refused) {
    EXPECT_EQ(refused->status, 503U) << refused->body;
  }
  await_logged("out_of_memory");
  expect_decides(proxy);
  http::Client collector = fresh();
  EXPECT_GE(figure(collector, R"(mintmark_out_of_memory_total{outcome="refused",process="gate"})"),
            1);
  EXPECT_TRUE(gate_->running());
}

TEST_F(GateFaults, WithoutAnyMemoryItTakesNobodySaysSoAndServesWhenItHasSome) {
  pages_["mint-gate"].refuse_from = 1;
  http::Client proxy = fresh();
  EXPECT_FALSE(check(proxy));
  await_logged("http_accept_failed");
  EXPECT_NE(gate_->output().find(R"("code":"out_of_memory")"), std::string::npos)
      << gate_->output();
  pages_["mint-gate"].refuse_from = 0;
  http::Client again = fresh();
  expect_decides(again);
  EXPECT_GE(figure(again, R"(mintmark_out_of_memory_total{outcome="refused",process="gate"})"), 1);
  EXPECT_TRUE(gate_->running());
}

}  // namespace
}  // namespace mintmark::test
