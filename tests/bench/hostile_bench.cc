#include "hostile_bench.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "http/client.h"
#include "identities.h"
#include "issuer_under_load.h"
#include "jose/base64url.h"
#include "jose/client_jwts.h"
#include "jose/file_key.h"
#include "jose/jws.h"
#include "programs/command_line.h"
#include "programs/descriptors.h"
#include "served_gate.h"
#include "support/child_process.h"
#include "support/hostile_connections.h"
#include "support/temporary_directory.h"

namespace mintmark::bench {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* audience = "https://api.example";
constexpr const char* path = "/things";
constexpr seconds patience{30};
constexpr double most_of_quiet = 10;
constexpr milliseconds between_kept{5};
constexpr milliseconds between_new{25};
constexpr const char* form = "grant_type=client_credentials";
// The front takes 12,000 at once here: 10,000 idle ones are held, and of 13,000 the eldest go.
constexpr const char* configuration =
    R"("results": {"enabled": true}, "http": {"connections": 12000}, )";

const programs::Program program{
    "mint-bench hostile",
    "how long honest clients wait beside loads that are not meant well",
    {{"--seconds", "N", "each load (default 10)"},
     {"--connections", "N", "slow and half-open ones (default 1000)"},
     {"--idle", "N", "idle ones (default 10000)"},
     {"--threads", "N", "that send what is refused, each over one connection (default 8)"},
     {"--only", "NAME", "this load alone"},
     {"--json", "", "print the figures as JSON"}},
    {}};

double percentile(std::vector<double>& values, std::size_t hundredth) {
  if (values.empty()) throw std::runtime_error("an honest client got no answer at all");
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, values.size() * hundredth / 100)];
}

/// One honest client's waits, and what refused it.
class Waits {
 public:
  void took(Steady::time_point began, unsigned status, const std::string& said) {
    if (status != 200) {
      if (refused_++ == 0) std::fprintf(stderr, "an honest one is refused: %s\n", said.c_str());
      return;
    }
    ms_.push_back(std::chrono::duration<double, std::milli>(Steady::now() - began).count());
  }
  [[nodiscard]] std::size_t refused() const { return refused_; }
  [[nodiscard]] double p(std::size_t hundredth) { return percentile(ms_, hundredth); }
  [[nodiscard]] std::size_t count() const { return ms_.size(); }

 private:
  std::vector<double> ms_;
  std::size_t refused_ = 0;
};

/// Those who mean well: a token over a kept connection, a token over a new one, a decision.
struct Honest {
  Waits kept;
  Waits fresh;
  Waits gate;
};
constexpr std::array<std::pair<const char*, Waits Honest::*>, 3> clients{
    std::pair{"token, kept", &Honest::kept}, std::pair{"token, new", &Honest::fresh},
    std::pair{"decision", &Honest::gate}};

/// All that takes part.
struct Scene {
  const IssuerUnderLoad& issuer;
  const std::vector<Device>& devices;
  ServedGate& gate;
  const Json& begin;  ///< The first request of an enrolment.
  std::string token;  ///< Of the first device.

  [[nodiscard]] const std::string& url() const { return issuer["MINT_ISSUER"]; }
  [[nodiscard]] http::Client client() const { return http::Client({.ca_file = issuer["MINT_CA"]}); }
  [[nodiscard]] std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoi(url().substr(url().rfind(':') + 1)));
  }
};

void ask_for_tokens(const Scene& scene, const Device& device, Waits& waits, milliseconds pace,
                    bool anew, const std::stop_token& stop) {
  http::Client client = scene.client();
  auto next = Steady::now();
  while (!stop.stop_requested()) {
    if (anew) client = scene.client();
    const auto headers = token_request(device, scene.url());
    const auto began = Steady::now();
    const auto answer =
        client.send("POST", scene.url() + "/token", headers, form, Deadline::in(patience));
    waits.took(began, answer ? answer->status : 0,
               answer ? answer->body : answer.error().to_string());
    std::this_thread::sleep_until(next = std::max(next + pace, Steady::now()));
  }
}

/// Status 0 where the gate does not answer: in a thread nobody catches what is thrown.
std::pair<unsigned, std::string> decision(const Scene& scene, const std::string& proof) {
  try {
    const unsigned status = scene.gate.decide(path, scene.token, proof);
    return {status, "the gate says " + std::to_string(status)};
  } catch (const std::exception& none) {
    return {0, none.what()};
  }
}

std::string proof_for_the_gate(const Scene& scene) {
  return test::make_proof(
      scene.devices.front().key,
      {.method = "GET",
       .url = std::string(gate_origin) + path,
       .at = SystemClock().now(),
       .access_token = scene.token,
       .nonce = scene.gate.nonce().empty() ? std::nullopt : std::optional(scene.gate.nonce())});
}

void ask_for_decisions(const Scene& scene, Waits& waits, const std::stop_token& stop) {
  // A gate that was just started asks for a nonce, and gives it.
  (void)decision(scene, proof_for_the_gate(scene));
  auto next = Steady::now();
  while (!stop.stop_requested()) {
    const auto proof = proof_for_the_gate(scene);
    const auto began = Steady::now();
    const auto [status, said] = decision(scene, proof);
    waits.took(began, status, said);
    std::this_thread::sleep_until(next = std::max(next + between_kept, Steady::now()));
  }
}

Honest measure(const Scene& scene, seconds span) {
  Honest honest;
  {
    std::vector<std::jthread> threads;
    threads.emplace_back([&](const std::stop_token& stop) {
      ask_for_tokens(scene, scene.devices[1], honest.kept, between_kept, false, stop);
    });
    threads.emplace_back([&](const std::stop_token& stop) {
      ask_for_tokens(scene, scene.devices[2], honest.fresh, between_new, true, stop);
    });
    threads.emplace_back(
        [&](const std::stop_token& stop) { ask_for_decisions(scene, honest.gate, stop); });
    std::this_thread::sleep_for(span);
  }
  return honest;
}

/// Somebody's requests one after the other, over a connection that is kept, in several threads that
/// stand behind all others.
class Flood {
 public:
  using Request = std::function<Result<http::Response>(http::Client&)>;
  Flood(std::size_t threads, const http::ClientOptions& options, const Request& request) {
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this, options, request](const std::stop_token& stop) {
        test::stand_back();
        http::Client client(options);
        while (!stop.stop_requested()) {
          const auto answer = request(client);
          ++sent_;
          if (answer && answer->status == 200) ++granted_;
          if (answer && answer->status == 503) ++shed_;
        }
      });
  }
  void end() { threads_.clear(); }
  [[nodiscard]] std::string told() const {
    return std::to_string(sent_) + " requests, " + std::to_string(granted_) + " answered 200, " +
           std::to_string(shed_) + " 503";
  }

 private:
  std::atomic<std::size_t> sent_{0};
  std::atomic<std::size_t> granted_{0};
  std::atomic<std::size_t> shed_{0};
  std::vector<std::jthread> threads_;
};

constexpr std::size_t with_too_many(std::size_t idle) { return idle * 13 / 10; }

/// For so many connections of ours, and the rest of this program. The issuer, which this program
/// starts, has the same limit, and takes fewer.
bool has_descriptors(std::size_t connections) {
  constexpr std::size_t beside = 200;
  const std::size_t most = programs::raise_descriptor_limit();
  if (most >= connections + beside) return true;
  std::fprintf(stderr,
               "no descriptors for so many connections: %zu are wanted and %zu may be had; raise "
               "the hard limit (ulimit -Hn), or --idle N\n",
               connections + beside, most);
  return false;
}

/// Each session is a group to the scheduler then, and one that is busy lets others' threads wait
/// for seconds: that would be measured, not the issuer.
void warn_of_autogroups() {
  const auto said = read_file("/proc/sys/kernel/sched_autogroup_enabled");
  if (said && said->starts_with("1"))
    std::fprintf(stderr,
                 "kernel.sched_autogroup_enabled is 1: sessions starve each other; for figures of "
                 "the issuer alone: sysctl kernel.sched_autogroup_enabled=0\n");
}

/// One load: made when it begins, ended when its function's result is called, which tells of it.
struct Load {
  std::string name;
  std::function<std::function<std::string()>()> begin;
};

class Loads {
 public:
  Loads(const Scene& scene, std::size_t connections, std::size_t idle, std::size_t threads)
      : scene_(scene), threads_(threads) {
    add_held("slow heads", test::Manner::slow_head, connections);
    add_held("slow bodies", test::Manner::slow_body, connections);
    add_held("half-open TLS", test::Manner::half_open, connections);
    add_held("idle", test::Manner::idle, idle);
    add_held("idle, too many", test::Manner::idle, with_too_many(idle));
    add_at_gate();
    add_forged_proofs();
    add_begins();
    add_introspections();
    add_results();
  }
  [[nodiscard]] const std::vector<Load>& all() const { return all_; }

 private:
  void add_held(const std::string& name, test::Manner manner, std::size_t count) {
    all_.push_back({name, [this, manner, count] {
                      const auto before = scene_.issuer.memory();
                      auto held = std::make_shared<test::HostileConnections>(
                          manner, scene_.port(), scene_.issuer["MINT_CA"], count);
                      held->await();
                      const auto grown = scene_.issuer.memory() - before;
                      return [held, grown, count] {
                        return std::to_string(count) + " connections, " +
                               std::to_string(held->closed()) + " closed by the server, " +
                               std::to_string(grown / static_cast<long>(count)) +
                               " octets of the front each";
                      };
                    }});
  }
  void add_flood(const std::string& name, Flood::Request request) {
    add_flood(name, {.ca_file = scene_.issuer["MINT_CA"]}, std::move(request));
  }
  void add_flood(const std::string& name, const http::ClientOptions& options,
                 Flood::Request request) {
    all_.push_back({name, [this, options, request = std::move(request)] {
                      auto flood = std::make_shared<Flood>(threads_, options, request);
                      return [flood] {
                        flood->end();
                        return flood->told();
                      };
                    }});
  }

  void add_at_gate() {
    const test::SoftKey forger;
    all_.push_back(
        {"forged kids at the gate", [this, forger] {
           const double fetched = scene_.gate.figure("mintmark_gate_keys_fetches_total");
           auto flood = std::make_shared<Flood>(
               threads_, http::ClientOptions{.plain_http = true}, [this, forger](auto& client) {
                 const auto now = to_unix(SystemClock().now());
                 const std::string token =
                     forger.sign_jws({{"alg", "ES256"},
                                      {"typ", "at+jwt"},
                                      {"kid", jose::base64url(random_bytes(32))}},
                                     {{"iss", scene_.url()},
                                      {"aud", audience},
                                      {"iat", now},
                                      {"exp", now + 300},
                                      {"jti", jose::base64url(random_bytes(12))},
                                      {"sub", "x"},
                                      {"client_id", "x"},
                                      {"scope", "read"},
                                      {"cnf", {{"jkt", forger.jkt()}}}});
                 return client.send("GET", scene_.gate.door() + "/",
                                    ServedGate::call(path, token, "x"), "", Deadline::in(patience));
               });
           return [this, flood, fetched] {
             flood->end();
             return flood->told() + ", " +
                    std::to_string(static_cast<int>(
                        scene_.gate.figure("mintmark_gate_keys_fetches_total") - fetched)) +
                    " fetches of keys";
           };
         }});
  }

  // A device's own attestation, and a proof by a key that is not its.
  void add_forged_proofs() {
    const test::SoftKey forger;
    add_flood("forged proofs", [this, forger](http::Client& client) {
      return client.send("POST", scene_.url() + "/token",
                         token_request({forger, scene_.devices[3].attestation}, scene_.url()), form,
                         Deadline::in(patience));
    });
  }

  void add_begins() {
    add_flood("enrolments that never finish",
              [this, body = scene_.begin.dump()](http::Client& client) {
                http::Headers headers;
                headers.add("Content-Type", "application/json");
                return client.send("POST", scene_.url() + "/attest/tpm2/begin", headers, body,
                                   Deadline::in(patience));
              });
  }

  void add_introspections() {
    const auto file = (directory_.path() / "service.key").string();
    const auto key =
        jose::FileKey::open_or_make(file, {.code = Code::invalid_argument, .name = "the key"});
    if (!key) throw std::runtime_error(key.error().to_string());
    const auto jwk = directory_.write("service.jwk", key->public_key().to_jwk().dump());
    const Json added = Json::parse(
        test::run({scene_.issuer["MINT_BIN"] + "/mintctl", "--admin", scene_.issuer["MINT_ADMIN"],
                   "--json", "clients", "add", "--jwk", jwk.string(), "--audience", audience,
                   "--role", "introspect", "--name", "curious"}));
    auto shared = std::make_shared<jose::FileKey>(*key);
    add_flood("introspections",
              [this, shared, id = added.at("id").get<std::string>()](
                  http::Client& client) -> Result<http::Response> {
                auto assertion =
                    jose::make_assertion(*shared, id, scene_.url(), SystemClock().now());
                if (!assertion) return pass_on(assertion);
                http::Headers headers;
                headers.add("Content-Type", "application/x-www-form-urlencoded");
                headers.add("Accept", "application/token-introspection+jwt");
                return client.send(
                    "POST", scene_.url() + "/introspect", headers,
                    http::encode_form({{"token", scene_.token},
                                       {"client_assertion_type",
                                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
                                       {"client_assertion", *assertion}}),
                    Deadline::in(patience));
              });
  }

  void add_results() {
    const Device& device = scene_.devices[4];
    const auto attested = jose::parse_signing_input(
        std::string_view(device.attestation).substr(0, device.attestation.rfind('.')));
    const std::string url = scene_.url() + "/devices/" +
                            attested.value().claims.at("sub").get<std::string>() + "/result";
    add_flood("results", [device, url](http::Client& client) {
      http::Headers headers;
      headers.add("OAuth-Client-Attestation", device.attestation);
      headers.add(
          "DPoP",
          test::make_proof(device.key, {.method = "GET", .url = url, .at = SystemClock().now()}));
      return client.send("GET", url, headers, "", Deadline::in(patience));
    });
  }

  const Scene& scene_;
  const std::size_t threads_;
  const test::TemporaryDirectory directory_;
  std::vector<Load> all_;
};

// Of the issuer's first seconds a proof is asked for again with a nonce, which these have not.
std::string first_token(const IssuerUnderLoad& issuer, const Device& device) {
  http::Client client({.ca_file = issuer["MINT_CA"]});
  const auto end = Steady::now() + patience;
  for (;;) {
    const auto answer =
        client.send("POST", issuer["MINT_ISSUER"] + "/token",
                    token_request(device, issuer["MINT_ISSUER"]), form, Deadline::in(patience));
    if (answer && answer->status == 200) return Json::parse(answer->body).at("access_token");
    if (Steady::now() > end)
      throw std::runtime_error("no token: " + (answer ? answer->body : answer.error().to_string()));
    std::this_thread::sleep_for(milliseconds(100));
  }
}

Json row(const char* client, Waits& waits, Waits& quiet) {
  const double ratio = waits.p(99) / quiet.p(99);
  return {{"client", client},      {"answers", waits.count()}, {"refused", waits.refused()},
          {"p50_ms", waits.p(50)}, {"p99_ms", waits.p(99)},    {"p99_over_quiet", ratio}};
}

Json rows(Honest& honest, Honest& quiet) {
  Json all = Json::array();
  for (const auto& [name, waits] : clients) all.push_back(row(name, honest.*waits, quiet.*waits));
  return all;
}

void print(const Json& load) {
  std::printf("%s: %s\n", load.at("load").get<std::string>().c_str(),
              load.at("told").get<std::string>().c_str());
  for (const Json& one : load.at("honest"))
    std::printf("  %-12s p50 %8.2f ms   p99 %8.2f ms   x %5.2f   (%u answers, %u refused)\n",
                one.at("client").get<std::string>().c_str(), one.at("p50_ms").get<double>(),
                one.at("p99_ms").get<double>(), one.at("p99_over_quiet").get<double>(),
                one.at("answers").get<unsigned>(), one.at("refused").get<unsigned>());
  std::fflush(stdout);
}

bool is_kept(const Json& load) {
  const Json& honest = load.at("honest");
  return std::all_of(honest.begin(), honest.end(), [](const Json& one) {
    return one.at("refused") == 0 && one.at("p99_over_quiet").get<double>() <= most_of_quiet;
  });
}

int run(const programs::Arguments& arguments) {
  const seconds span(std::stoul(arguments.value("--seconds", "10")));
  const std::size_t connections = std::stoul(arguments.value("--connections", "1000"));
  const std::size_t idle = std::stoul(arguments.value("--idle", "10000"));
  if (!has_descriptors(std::max(connections, with_too_many(idle))))
    return programs::exit_unavailable;
  const test::TestAuthority authority;
  IssuerUnderLoad issuer(authority.root_pem(), authority.intermediate_pem(), configuration);
  const auto devices = enrol(authority, issuer["MINT_ISSUER"], issuer["MINT_CA"], 5);
  ServedGate gate(
      GateIssuer{.url = issuer["MINT_ISSUER"], .ca_file = issuer["MINT_CA"], .audience = audience});
  const Json begin = begin_of_an_enrolment(authority);
  Scene scene{issuer, devices, gate, begin, first_token(issuer, devices.front())};
  const Loads loads(scene, connections, idle, std::stoul(arguments.value("--threads", "8")));
  (void)measure(scene, seconds(2));  // Attestations become known, nonces are learnt.
  warn_of_autogroups();
  std::fprintf(stderr, "measuring; all share %u cores\n", std::thread::hardware_concurrency());
  Honest quiet = measure(scene, 2 * span);
  Json all = {{{"load", "quiet"}, {"told", "nobody else"}, {"honest", rows(quiet, quiet)}}};
  print(all.back());
  const std::string only = arguments.value("--only", "");
  for (const Load& load : loads.all()) {
    if (!only.empty() && load.name != only) continue;
    scene.token = first_token(issuer, devices.front());
    const auto end = load.begin();
    Honest honest = measure(scene, span);
    all.push_back({{"load", load.name}, {"told", end()}, {"honest", rows(honest, quiet)}});
    print(all.back());
  }
  if (arguments.has("--json")) std::printf("%s\n", all.dump(2).c_str());
  const bool kept = std::all_of(all.begin(), all.end(), is_kept);
  if (!kept) std::fprintf(stderr, "wanted: no honest one refused, each p99 within 10 x quiet\n");
  return kept ? programs::exit_done : programs::exit_denied;
}

}  // namespace

int hostile(int argc, char** argv) {
  const auto line = programs::read_command_line(program, argc, argv);
  return line.arguments ? run(*line.arguments) : line.exit_status;
}

}  // namespace mintmark::bench
