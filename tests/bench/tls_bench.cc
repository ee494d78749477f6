// mint-tls-bench: full handshakes of TLS 1.3 with mintd, its key in a file and then in SoftHSM, in
// one run on one machine.
#include <openssl/ssl.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

#include "issuer_under_load.h"
#include "programs/command_line.h"
#include "support/raw_sign.h"
#include "support/test_tpm.h"

namespace mintmark::bench {
namespace {

using Clock = std::chrono::steady_clock;

const programs::Program program{
    "mint-tls-bench",
    "handshakes a second with the TLS key in a file and in a key store",
    {{"--seconds", "N", "of each (default 5)"},
     {"--clients", "N", "threads that connect, shake hands and close (default 8)"},
     {"--json", "", "print the figures as JSON"}},
    {}};

struct Measured {
  double a_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double front_us = 0;  ///< CPU a handshake.
  double signer_us = 0;
  std::size_t failed = 0;
};

class HandshakeClient {
 public:
  HandshakeClient(const std::string& ca_file, std::uint16_t port)
      : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free), port_(port) {
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_3_VERSION);
    if (SSL_CTX_load_verify_file(context_.get(), ca_file.c_str()) != 1)
      throw std::runtime_error("no roots in " + ca_file);
  }

  [[nodiscard]] bool shake_hands() const {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> connection(
        BIO_new_ssl_connect(context_.get()), &BIO_free_all);
    BIO_set_conn_hostname(connection.get(), ("localhost:" + std::to_string(port_)).c_str());
    SSL* ssl = nullptr;
    BIO_get_ssl(connection.get(), &ssl);
    SSL_set1_host(ssl, "localhost");
    return BIO_do_handshake(connection.get()) == 1;
  }

 private:
  std::shared_ptr<SSL_CTX> context_;
  std::uint16_t port_;
};

Measured measure(const IssuerUnderLoad& issuer, std::size_t clients, std::chrono::seconds span) {
  const std::string& url = issuer["MINT_ISSUER"];
  const HandshakeClient client(
      issuer["MINT_CA"], static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1))));
  std::mutex mutex;
  std::vector<double> latencies;
  std::atomic<std::size_t> failed = 0;
  const CpuTime before = issuer.cpu();
  const auto began = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < clients; ++i) {
      threads.emplace_back([&] {
        std::vector<double> own;
        while (Clock::now() - began < span) {
          const auto start = Clock::now();
          if (!client.shake_hands()) ++failed;
          own.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
        }
        const std::lock_guard lock(mutex);
        latencies.insert(latencies.end(), own.begin(), own.end());
      });
    }
  }
  const std::chrono::duration<double> took = Clock::now() - began;
  const CpuTime after = issuer.cpu();
  std::sort(latencies.begin(), latencies.end());
  const auto count = static_cast<double>(latencies.size());
  return {count / took.count(),
          latencies[latencies.size() / 2],
          latencies[latencies.size() * 99 / 100],
          static_cast<double>((after.front - before.front).count()) * 1000 / count,
          static_cast<double>((after.signer - before.signer).count()) * 1000 / count,
          failed};
}

void add(Json& figures, const std::string& where, const Measured& measured) {
  figures["handshakes_a_second_" + where] = measured.a_second;
  figures["p50_ms_" + where] = measured.p50_ms;
  figures["p99_ms_" + where] = measured.p99_ms;
  figures["front_cpu_us_a_handshake_" + where] = measured.front_us;
  figures["signer_cpu_us_a_handshake_" + where] = measured.signer_us;
  figures["failed_" + where] = measured.failed;
}

int run(const programs::Arguments& arguments) {
  const std::chrono::seconds span(std::stoul(arguments.value("--seconds", "5")));
  const std::size_t clients = std::stoul(arguments.value("--clients", "8"));
  const test::TestAuthority authority;
  IssuerUnderLoad issuer(authority.root_pem(), authority.intermediate_pem());
  (void)measure(issuer, clients, std::chrono::seconds(1));
  std::fprintf(stderr, "measuring with the key in a file\n");
  const Measured file = measure(issuer, clients, span);
  issuer.move_tls_key_into_the_store();
  (void)measure(issuer, clients, std::chrono::seconds(1));
  std::fprintf(stderr, "measuring with the key in the token\n");
  const Measured store = measure(issuer, clients, span);
  issuer.stop();

  Json figures{
      {"clients", clients},
      {"cores", std::thread::hardware_concurrency()},
      {"store_over_file", store.a_second / file.a_second},
      {"raw_sign_a_second_one_session",
       test::measure_raw_sign(issuer.key_store(), 1, std::chrono::seconds(2)).signatures_a_second}};
  add(figures, "file", file);
  add(figures, "store", store);
  if (arguments.has("--json")) {
    std::printf("%s\n", figures.dump(2).c_str());
  } else {
    for (const auto& [name, value] : figures.items())
      std::printf("%-36s %12.2f\n", name.c_str(), value.get<double>());
  }
  return file.failed + store.failed == 0 ? programs::exit_done : programs::exit_denied;
}

}  // namespace
}  // namespace mintmark::bench

int main(int argc, char** argv) {
  const auto line = mintmark::programs::read_command_line(mintmark::bench::program, argc, argv);
  if (!line.arguments) return line.exit_status;
  try {
    return mintmark::bench::run(*line.arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mint-tls-bench: %s\n", error.what());
    return mintmark::programs::exit_unavailable;
  }
}
