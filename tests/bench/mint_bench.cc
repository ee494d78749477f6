// mint-bench: the token endpoint against the raw cost of its cryptography, in one run on one
// machine.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <random>
#include <thread>

#include "audit_bench.h"
#include "gate_bench.h"
#include "hostile_bench.h"
#include "http/client.h"
#include "identities.h"
#include "issuer_under_load.h"
#include "programs/command_line.h"
#include "revoke_bench.h"
#include "status_bench.h"
#include "support/raw_sign.h"

namespace mintmark::bench {
namespace {

using Clock = std::chrono::steady_clock;

const programs::Program program{
    "mint-bench",
    "tokens a second, latency and CPU a token, beside raw signing and verifying; \"mint-bench "
    "gate\": decisions at a service; \"mint-bench audit\": the log of issued tokens; \"mint-bench "
    "status\": status lists; \"mint-bench revoke\": how soon services refuse; \"mint-bench "
    "hostile\": honest clients beside "
    "loads that are not meant well",
    {{"--devices", "N", "identities, used uniformly (default 200)"},
     {"--requests", "N", "token requests, all made ahead (default 20000)"},
     {"--connections", "N", "kept-alive connections, one thread each (default 16)"},
     {"--json", "", "print the figures as JSON"}},
    {}};

struct Load {
  std::size_t devices = 200;
  std::size_t requests = 20'000;
  std::size_t connections = 16;
};

struct Measured {
  double tokens_a_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double front_us = 0;  ///< CPU a token.
  double signer_us = 0;
  std::size_t refused = 0;
};

std::vector<http::Headers> make_requests(const std::vector<Device>& devices,
                                         const std::string& issuer, std::size_t count) {
  std::mt19937_64 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same choice each run
  std::vector<http::Headers> requests;
  requests.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    requests.push_back(token_request(devices[random() % devices.size()], issuer));
  return requests;
}

Measured run_load(const IssuerUnderLoad& issuer, const std::vector<http::Headers>& requests,
                  std::size_t connections) {
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> refused = 0;
  std::vector<double> latencies(requests.size());
  const std::string url = issuer["MINT_ISSUER"] + "/token";
  const CpuTime before = issuer.cpu();
  const auto began = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < connections; ++i) {
      threads.emplace_back([&] {
        http::Client client({.ca_file = issuer["MINT_CA"], .unix_socket = ""});
        for (std::size_t at = next++; at < requests.size(); at = next++) {
          const auto start = Clock::now();
          const auto response =
              client.send("POST", url, requests[at], "grant_type=client_credentials",
                          Deadline::in(std::chrono::seconds(30)));
          latencies[at] = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
          if (!response || response->status != 200) ++refused;
        }
      });
    }
  }
  const std::chrono::duration<double> span = Clock::now() - began;
  const CpuTime after = issuer.cpu();
  std::sort(latencies.begin(), latencies.end());
  const auto count = static_cast<double>(requests.size());
  return {count / span.count(),
          latencies[latencies.size() / 2],
          latencies[latencies.size() * 99 / 100],
          static_cast<double>((after.front - before.front).count()) * 1000 / count,
          static_cast<double>((after.signer - before.signer).count()) * 1000 / count,
          refused};
}

// One thread.
double raw_verifications_a_second() {
  const test::SoftKey key;
  const Bytes message(500, 7);
  const Bytes signature = key.sign(message);
  const auto end = Clock::now() + std::chrono::seconds(2);
  std::size_t count = 0;
  while (Clock::now() < end) {
    for (int i = 0; i < 100; ++i, ++count) {
      if (!key.public_key().verify(message, signature)) throw std::runtime_error("verification");
    }
  }
  return static_cast<double>(count) / 2;
}

Json figures(const Load& load, const Measured& measured, double verify_rate,
             const test::RawSignRate& sign) {
  const double raw_us = 1e6 / verify_rate * 2 + 1e6 / sign.signatures_a_second;
  return {{"devices", load.devices},
          {"requests", load.requests},
          {"connections", load.connections},
          {"cores", std::thread::hardware_concurrency()},
          {"refused", measured.refused},
          {"tokens_a_second", measured.tokens_a_second},
          {"p50_ms", measured.p50_ms},
          {"p99_ms", measured.p99_ms},
          {"front_cpu_us_a_token", measured.front_us},
          {"signer_cpu_us_a_token", measured.signer_us},
          {"raw_verify_a_second_one_thread", verify_rate},
          {"raw_sign_a_second_one_session", sign.signatures_a_second},
          {"raw_us_a_token", raw_us},
          {"cpu_over_raw", (measured.front_us + measured.signer_us) / raw_us}};
}

void print(const Json& figures) {
  for (const auto& [name, value] : figures.items()) {
    if (value.is_number_float())
      std::printf("%-32s %12.2f\n", name.c_str(), value.get<double>());
    else
      std::printf("%-32s %12s\n", name.c_str(), value.dump().c_str());
  }
}

int run(const programs::Arguments& arguments) {
  Load load;
  load.devices = std::stoul(arguments.value("--devices", "200"));
  load.requests = std::stoul(arguments.value("--requests", "20000"));
  load.connections = std::stoul(arguments.value("--connections", "16"));
  const test::TestAuthority authority;
  IssuerUnderLoad issuer(authority.root_pem(), authority.intermediate_pem());
  std::fprintf(stderr, "enrolling %zu devices\n", load.devices);
  const auto devices = enrol(authority, issuer["MINT_ISSUER"], issuer["MINT_CA"], load.devices);
  // A first round makes every attestation known and every connection warm; proofs must be used
  // within 30 s of their making.
  // And proofs of the issuer's first seconds are asked for with a nonce (docs/adr/0008).
  const auto enough = Clock::now() + std::chrono::seconds(10);
  while (run_load(issuer, make_requests(devices, issuer["MINT_ISSUER"], load.devices * 2),
                  load.connections)
                 .refused != 0 &&
         Clock::now() < enough) {
  }
  std::fprintf(stderr, "signing %zu proofs\n", load.requests);
  const auto requests = make_requests(devices, issuer["MINT_ISSUER"], load.requests);
  std::fprintf(stderr, "measuring\n");
  const Measured measured = run_load(issuer, requests, load.connections);
  issuer.stop();
  const Json result =
      figures(load, measured, raw_verifications_a_second(),
              test::measure_raw_sign(issuer.key_store(), 1, std::chrono::seconds(2)));
  if (arguments.has("--json"))
    std::printf("%s\n", result.dump(2).c_str());
  else
    print(result);
  return measured.refused == 0 ? programs::exit_done : programs::exit_denied;
}

}  // namespace
}  // namespace mintmark::bench

int main(int argc, char** argv) {
  try {
    if (argc > 1 && std::string_view(argv[1]) == "gate")
      return mintmark::bench::gate(argc - 1, argv + 1);
    if (argc > 1 && std::string_view(argv[1]) == "audit")
      return mintmark::bench::audit(argc - 1, argv + 1);
    if (argc > 1 && std::string_view(argv[1]) == "status")
      return mintmark::bench::status(argc - 1, argv + 1);
    if (argc > 1 && std::string_view(argv[1]) == "hostile")
      return mintmark::bench::hostile(argc - 1, argv + 1);
    if (argc > 1 && std::string_view(argv[1]) == "revoke")
      return mintmark::bench::revoke(argc - 1, argv + 1);
    const auto line = mintmark::programs::read_command_line(mintmark::bench::program, argc, argv);
    if (!line.arguments) return line.exit_status;
    return mintmark::bench::run(*line.arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mint-bench: %s\n", error.what());
    return mintmark::programs::exit_unavailable;
  }
}
