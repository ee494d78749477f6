#include "served_gate.h"

#include <ctime>
#include <fstream>
#include <stdexcept>

#include "base/time.h"
#include "http/client.h"
#include "http/server.h"
#include "support/child_process.h"
#include "support/free_port.h"
#include "support/published_issuer.h"
#include "support/temporary_directory.h"

namespace mintmark::bench {
namespace {

constexpr std::chrono::seconds patience{10};

}  // namespace

struct ServedGate::State {
  explicit State(const Json& jwks)
      : published(std::make_unique<test::PublishedIssuer>()),
        issuer{.url = published->url(), .ca_file = published->ca_file().string()} {
    published->publish(jwks);
  }
  explicit State(GateIssuer of) : issuer(std::move(of)) {}

  void start() {
    const std::string file = (directory.path() / "gate.json").string();
    std::ofstream(file) << configuration().dump();
    process = std::make_unique<test::ChildProcess>(
        std::vector<std::string>{MINTMARK_BUILD "/bin/mint-gate", "serve", "--config", file},
        directory.path() / "gate.log", issuer.environment);
    test::wait_until("the gate", *process, [this] {
      const auto ready =
          client.send("GET", place(metrics) + "/readyz", {}, "", Deadline::in(patience));
      return ready && ready->status == 200;
    });
  }

  [[nodiscard]] Json configuration() const {
    Json made = {{"issuer", issuer.url},
                 {"ca", issuer.ca_file},
                 {"listen",
                  {{{"dialect", "nginx"},
                    {"address", "127.0.0.1"},
                    {"port", port},
                    {"plain_http_behind_trusted_proxy", true},
                    {"trusted_networks", {"127.0.0.1"}}}}},
                 {"services",
                  {{{"origins", {gate_origin}},
                    {"rules",
                     {{{"path", "/*"},
                       {"methods", {"GET"}},
                       {"audience", issuer.audience},
                       {"scopes", {"read"}},
                       {"binding", "dpop"},
                       {"key_protection", {"hardware"}}}}}}}},
                 {"metrics", {{"address", "127.0.0.1"}, {"port", metrics}}}};
    made["revocation"] = issuer.revocation.is_null() ? Json{{"none", true}} : issuer.revocation;
    return made;
  }

  static std::string place(std::uint16_t at) { return "http://127.0.0.1:" + std::to_string(at); }

  std::unique_ptr<test::PublishedIssuer> published;
  GateIssuer issuer;
  test::TemporaryDirectory directory;
  std::uint16_t port = test::free_port();
  std::uint16_t metrics = test::free_port();
  http::Client client{{.plain_http = true}};
  std::unique_ptr<test::ChildProcess> process;
  std::string nonce;
};

ServedGate::ServedGate(const Json& jwks) : state_(std::make_unique<State>(jwks)) {
  state_->start();
}
ServedGate::ServedGate(GateIssuer issuer) : state_(std::make_unique<State>(std::move(issuer))) {
  state_->start();
}
ServedGate::~ServedGate() = default;

const std::string& ServedGate::issuer() const { return state_->issuer.url; }
const std::string& ServedGate::nonce() const { return state_->nonce; }

double ServedGate::figure(const std::string& name) {
  const auto answer = state_->client.send("GET", State::place(state_->metrics) + "/metrics", {}, "",
                                          Deadline::in(patience));
  if (!answer) throw std::runtime_error(answer.error().to_string());
  const auto at = answer->body.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(answer->body.substr(at + name.size() + 2));
}

std::string ServedGate::door() const { return State::place(state_->port); }

http::Headers ServedGate::call(const std::string& path, const std::string& token,
                               const std::string& proof) {
  http::Headers headers;
  headers.add("X-Original-Method", "GET");
  headers.add("X-Original-Scheme", "https");
  headers.add("X-Original-Host", std::string(gate_origin).substr(sizeof "https://" - 1));
  headers.add("X-Original-URI", path);
  headers.add("Authorization", "DPoP " + token);
  headers.add("DPoP", proof);
  return headers;
}

unsigned ServedGate::decide(const std::string& path, const std::string& token,
                            const std::string& proof) {
  const auto answer = state_->client.send("GET", door() + "/", call(path, token, proof), "",
                                          Deadline::in(patience));
  if (!answer) throw std::runtime_error(answer.error().to_string());
  if (const std::string* nonce = answer->headers.find("DPoP-Nonce"); nonce != nullptr)
    state_->nonce = *nonce;
  return answer->status;
}

double ServedGate::cpu_seconds() const {
  clockid_t clock{};
  std::timespec time{};
  if (clock_getcpuclockid(state_->process->pid(), &clock) != 0 || clock_gettime(clock, &time) != 0)
    throw std::runtime_error("the gate's clock cannot be read");
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace mintmark::bench
