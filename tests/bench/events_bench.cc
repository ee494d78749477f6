// mint-events-bench: revocations a second to many services that listen, how late the frontier that
// commits to them comes, and what an entry costs; the log on disk, the key in SoftHSM or in a TPM,
// TLS between, all in one run.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <mutex>
#include <thread>

#include "api/events.h"
#include "contract/key_store_contract.h"
#include "http/client_stream.h"
#include "http/server.h"
#include "issuer/stores.h"
#include "jose/base64url.h"
#include "programs/command_line.h"
#include "support/signer_process.h"
#include "support/softhsm.h"
#include "support/test_tls.h"
#include "support/tpm_store.h"

namespace mintmark::bench {
namespace {

using Time = std::chrono::steady_clock;
using std::chrono::seconds;

const programs::Program program{
    "mint-events-bench",
    "revocations a second to services that listen, and when their frontier comes",
    {{"--subscribers", "N", "services that listen, a thread each (default 50)"},
     {"--rate", "N", "revocations a second, one at a time (default 1000)"},
     {"--seconds", "N", "how long (default 10)"},
     {"--tpm", "", "the key in a software TPM instead of SoftHSM"},
     {"--json", "", "print the figures as JSON"}},
    {}};

constexpr seconds patience{30};

double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

/// A signer process with a key of purpose `event`.
class Key {
 public:
  explicit Key(const config::HsmStore& store) : signer_(store) {
    if (auto ready = signer_.wait_for_readiness(); !ready)
      throw std::runtime_error(ready.error().to_string());
    test::Answer<hsm::KeyInfo> made;
    signer_.keeper().generate({hsm::random_key_id(), hsm::Purpose::event, jose::Algorithm::es256},
                              Deadline::in(patience), made.done());
    const auto info = made.wait();
    if (!info) throw std::runtime_error(info.error().to_string());
    in_use_.put(store.name, {.signer = signer_.make_front(), .call_deadline = patience});
    keys_ =
        keyring::Snapshot::make(1, {{info->id, store.name, info->purpose, true, info->public_key}})
            .value();
  }
  [[nodiscard]] revoke::SignEvent sign() {
    return [this](auto input, Deadline deadline, auto done) {
      in_use_.sign_jws(
          keys_, {hsm::Purpose::event, jose::Algorithm::es256},
          [input = std::move(input)](const keyring::PublishedKey& key) {
            return input("ES256", key.kid());
          },
          deadline, std::move(done));
    };
  }

 private:
  test::SignerProcess signer_;
  issuer::KeyStores in_use_;
  std::shared_ptr<const keyring::Snapshot> keys_;
};

/// When each entry was appended, and how long after that a service had the frontier for it.
class Latencies {
 public:
  explicit Latencies(std::size_t entries) : appended_(entries + 1) {}

  void appended(std::uint64_t seq) { appended_.at(seq) = Time::now(); }
  void confirmed(std::uint64_t from, std::uint64_t to) {
    const auto now = Time::now();
    const std::lock_guard lock(mutex_);
    for (std::uint64_t seq = from + 1; seq <= to; ++seq)
      ms_.push_back(std::chrono::duration<double, std::milli>(now - appended_[seq]).count());
  }
  [[nodiscard]] std::pair<double, double> p50_and_p99() {
    const std::lock_guard lock(mutex_);
    std::sort(ms_.begin(), ms_.end());
    if (ms_.empty()) return {};
    return {ms_[ms_.size() / 2], ms_[ms_.size() * 99 / 100]};
  }

 private:
  std::vector<Time::time_point> appended_;
  std::mutex mutex_;
  std::vector<double> ms_;
};

/// The issuer's side: log, hub and a server with TLS.
struct Issuer {
  Issuer(Key& key, unsigned subscribers)
      : hub(api::EventHub::make({.events = *log,
                                 .clock = clock,
                                 .sign = key.sign(),
                                 .revoked_keys = [] { return std::set<std::string>(); },
                                 .issuer = test::contract_issuer},
                                {.subscribers = subscribers},
                                [this](const Result<revoke::SignedFrontier>& frontier) {
                                  ++(frontier ? frontiers : failed);
                                })) {
    http::Router router;
    api::add_events(
        router, "",
        {.hub = hub,
         .snapshots = nullptr,
         .access = [this](const http::Request&, std::string_view) -> Result<api::ServiceCaller> {
           return api::ServiceCaller{"s", {}, clock.now() + std::chrono::hours(1)};
         },
         .refuse = [](const Error& error) { return http::error_response(error); }});
    server.emplace(io, http::ServerLimits{}, std::move(router));
    auto listening = http::listen_tcp("127.0.0.1", 0).value();
    url = "https://localhost:" + std::to_string(http::port_of(listening)) +
          "/events?last=" + log->position().log + ":0";
    const auto issued = ca.issue({});
    auto tls = http::TlsServerContext::from_pem(issued.certificate_pem, issued.key_pem).value();
    if (!server->accept_on(std::move(listening), tls)) throw std::runtime_error("accept_on");
    threads.emplace_back([this] { io.run(); });
  }
  ~Issuer() {
    hub->close();
    server.reset();
    work.reset();
    threads.clear();
  }

  SystemClock clock;
  test::TemporaryDirectory directory;
  test::TestCa ca;
  std::string ca_file = directory.write("ca.pem", ca.certificate_pem());
  std::unique_ptr<revoke::EventLog> log =
      revoke::open_event_log(directory.path() / "events.db", clock).value();
  std::atomic<std::size_t> frontiers{0};
  std::atomic<std::size_t> failed{0};
  std::shared_ptr<api::EventHub> hub;
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::optional<http::Server> server;
  std::string url;
  std::vector<std::jthread> threads;
};

/// Reads until the frontier for the last entry.
class Service {
 public:
  Service(const Issuer& issuer, Latencies& latencies, std::uint64_t last)
      : thread_([this, &issuer, &latencies, last] { listen(issuer, latencies, last); }) {}
  [[nodiscard]] double cpu() {
    thread_.join();
    return cpu_;
  }

 private:
  void listen(const Issuer& issuer, Latencies& latencies, std::uint64_t last) {
    std::string text;
    std::uint64_t confirmed = 0;
    const auto ended =
        http::stream({.ca_file = issuer.ca_file},
                     {.url = issuer.url,
                      .head_by = Deadline::in(patience),
                      .head = [](const http::Response& head) { return head.status == 200; },
                      .part =
                          [&](std::string_view part) {
                            text += part;
                            take_frontiers(text, latencies, confirmed);
                            return confirmed < last;
                          }});
    if (!ended || confirmed < last)
      std::fprintf(stderr, "a service heard no end: %s\n",
                   ended ? "cut" : ended.error().to_string().c_str());
    cpu_ = cpu_seconds(RUSAGE_THREAD);
  }
  static void take_frontiers(std::string& text, Latencies& latencies, std::uint64_t& confirmed) {
    for (std::size_t end = 0; (end = text.find("\n\n")) != std::string::npos;) {
      constexpr std::string_view before = "event: frontier\ndata: ";
      if (text.compare(0, before.size(), before) == 0) {
        const auto dot = text.find('.');
        const auto claims =
            jose::from_base64url(text.substr(dot + 1, text.find('.', dot + 1) - dot - 1)).value();
        const std::uint64_t seq = parse_json(as_text(claims)).value()["seq"];
        latencies.confirmed(confirmed, seq);
        confirmed = std::max(confirmed, seq);
      }
      text.erase(0, end + 2);
    }
  }

  double cpu_ = 0;
  std::thread thread_;
};

void append_at(Issuer& issuer, Latencies& latencies, std::size_t entries, double rate) {
  const auto began = Time::now();
  const auto until = to_unix(issuer.clock.now()) + 300;
  for (std::size_t i = 1; i <= entries; ++i) {
    std::this_thread::sleep_until(
        began + std::chrono::duration_cast<Time::duration>(
                    std::chrono::duration<double>(static_cast<double>(i) / rate)));
    latencies.appended(i);
    issuer.log->append({{{"type", "token"},
                         {"jti", jose::base64url(random_bytes(16))},
                         {"sub", "a-device-of-the-fleet-of-somebody"},
                         {"until", until}}},
                       [](const Result<std::uint64_t>& seq) {
                         if (!seq) throw std::runtime_error(seq.error().to_string());
                       });
  }
}

Json measure(Key& key, std::size_t subscribers, double rate, double span) {
  const auto entries = static_cast<std::size_t>(rate * span);
  Issuer issuer(key, static_cast<unsigned>(subscribers));
  Latencies latencies(entries);
  std::vector<std::unique_ptr<Service>> services;
  for (std::size_t i = 0; i < subscribers; ++i)
    services.push_back(std::make_unique<Service>(issuer, latencies, entries));
  while (issuer.hub->subscribers() < subscribers) std::this_thread::yield();
  const double cpu_before = cpu_seconds(RUSAGE_SELF);
  const std::size_t frontiers_before = issuer.frontiers;
  const auto began = Time::now();
  append_at(issuer, latencies, entries, rate);
  double services_cpu = 0;
  for (const auto& service : services) services_cpu += service->cpu();
  const std::chrono::duration<double> took = Time::now() - began;
  const double issuer_cpu = cpu_seconds(RUSAGE_SELF) - cpu_before - services_cpu;
  const auto [p50, p99] = latencies.p50_and_p99();
  const double count = static_cast<double>(entries);
  return {{"subscribers", subscribers},
          {"revocations_a_second", count / took.count()},
          {"frontiers_a_second",
           static_cast<double>(issuer.frontiers - frontiers_before) / took.count()},
          {"frontiers_failed", issuer.failed.load()},
          {"frontier_after_p50_ms", p50},
          {"frontier_after_p99_ms", p99},
          {"issuer_cpu_us_an_entry", issuer_cpu * 1e6 / count},
          {"issuer_cpu_us_an_entry_and_subscriber",
           issuer_cpu * 1e6 / count / static_cast<double>(subscribers)}};
}

int run(const programs::Arguments& arguments) {
  std::optional<test::SoftHsm> softhsm;
  std::optional<test::TpmStore> tpm;
  const config::HsmStore store =
      arguments.has("--tpm") ? tpm.emplace().store() : softhsm.emplace().store();
  Key key(store);
  const Json figures = measure(key, std::stoul(arguments.value("--subscribers", "50")),
                               std::stod(arguments.value("--rate", "1000")),
                               std::stod(arguments.value("--seconds", "10")));
  if (arguments.has("--json")) {
    std::printf("%s\n", figures.dump(2).c_str());
  } else {
    for (const auto& [name, value] : figures.items())
      std::printf("%-40s %10.2f\n", name.c_str(), value.get<double>());
  }
  return figures["frontiers_failed"] == 0 ? programs::exit_done : 1;
}

}  // namespace
}  // namespace mintmark::bench

int main(int argc, char** argv) {
  const auto line = mintmark::programs::read_command_line(mintmark::bench::program, argc, argv);
  return line.arguments ? mintmark::bench::run(*line.arguments) : line.exit_status;
}
