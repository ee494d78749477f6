#include "revoke_bench.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/json.h"
#include "http/client.h"
#include "identities.h"
#include "issuer_under_load.h"
#include "jose/file_key.h"
#include "jose/jws.h"
#include "mintmark/verifier.h"
#include "programs/command_line.h"
#include "served_gate.h"
#include "support/child_process.h"
#include "support/relay.h"
#include "support/temporary_directory.h"

namespace mintmark::bench {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* audience = "https://api.example";
constexpr const char* path = "/things";
constexpr seconds patience{30};
constexpr std::size_t minting_connections = 16;
constexpr std::size_t operators = 32;  // At once: each waits for the disk.
constexpr std::size_t spare_tokens = 8;
// Between two looks at the subscribers; what is measured is late by so much at most.
constexpr milliseconds between_looks{2};

const programs::Program program{
    "mint-bench revoke",
    "from the answer to a revocation until services refuse the token",
    {{"--subscribers", "N", "services that listen, one of them a mint-gate (default 50)"},
     {"--rate", "N", "revocations a second (default 1000)"},
     {"--seconds", "N", "how long (default 10)"},
     {"--json", "", "print the figures as JSON"}},
    {}};

/// One that will be revoked.
struct Live {
  std::string text;
  std::string jti;
  std::string kid;
  std::string subject;
  Moment issued_at;
  std::size_t device = 0;
  Steady::time_point answered{};  ///< Published with the place in `answered` below.
};

Live live(const std::string& text, std::size_t device) {
  const auto parts =
      jose::parse_signing_input(std::string_view(text).substr(0, text.rfind('.'))).value();
  return {.text = text,
          .jti = parts.claims.at("jti"),
          .kid = parts.header.at("kid"),
          .subject = parts.claims.at("sub"),
          .issued_at = from_unix(parts.claims.at("iat").get<std::int64_t>()),
          .device = device};
}

// In the issuer's first seconds a proof is asked for again with a nonce, which these have not.
std::string token_of(http::Client& client, const Device& device, const std::string& issuer) {
  const auto end = Steady::now() + patience;
  for (;;) {
    const auto answer = client.send("POST", issuer + "/token", token_request(device, issuer),
                                    "grant_type=client_credentials", Deadline::in(patience));
    if (answer && answer->status == 200) return Json::parse(answer->body).at("access_token");
    if (Steady::now() > end)
      throw std::runtime_error("no token: " + (answer ? answer->body : answer.error().to_string()));
  }
}

std::vector<Live> mint(const IssuerUnderLoad& issuer, const std::vector<Device>& devices,
                       std::size_t count) {
  std::vector<Live> tokens(count);
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < minting_connections; ++i) {
    threads.emplace_back([&] {
      http::Client client({.ca_file = issuer["MINT_CA"]});
      for (std::size_t at = next++; at < count; at = next++) {
        const std::size_t device = at % devices.size();
        tokens[at] = live(token_of(client, devices[device], issuer["MINT_ISSUER"]), device);
      }
    });
  }
  threads.clear();
  return tokens;
}

/// A service that the issuer knows: its id, and the file of its key.
struct Registered {
  std::string id;
  std::string key_file;
};

Registered register_service(const IssuerUnderLoad& issuer,
                            const test::TemporaryDirectory& directory, std::size_t number) {
  const std::string name = "service-" + std::to_string(number);
  const std::string key_file = (directory.path() / (name + ".key")).string();
  const auto key =
      jose::FileKey::open_or_make(key_file, {.code = Code::invalid_argument, .name = "the key"});
  if (!key) throw std::runtime_error(key.error().to_string());
  const auto jwk = directory.write(name + ".jwk", key->public_key().to_jwk().dump());
  const Json added = Json::parse(test::run(
      {issuer["MINT_BIN"] + "/mintctl", "--admin", issuer["MINT_ADMIN"], "--json", "clients", "add",
       "--jwk", jwk.string(), "--audience", audience, "--role", "events", "--name", name}));
  return {added.at("id"), key_file};
}

double percentile(std::vector<double>& values, std::size_t hundredth) {
  if (values.empty()) return -1;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, values.size() * hundredth / 100)];
}

double ms_since(Steady::time_point moment) {
  return std::chrono::duration<double, std::milli>(Steady::now() - moment).count();
}

/// Services in this process, each with a subscription of its own, asked as a verifier asks it.
class Subscribers {
 public:
  Subscribers(const IssuerUnderLoad& issuer, const std::vector<Registered>& services) {
    for (const Registered& service : services) {
      SubscriptionOptions options(issuer["MINT_ISSUER"], service.id, service.key_file);
      options.ca_file = issuer["MINT_CA"];
      all_.push_back(subscribe(std::move(options)));
    }
    const auto end = Steady::now() + patience;
    for (const auto& one : all_) {
      while (!one->standing().trusted) {
        if (Steady::now() > end)
          throw std::runtime_error("a subscriber: " + one->standing().trouble);
        std::this_thread::sleep_for(between_looks);
      }
    }
  }

  /// A token whose revocation was answered.
  void watch(const Live& token) {
    std::vector<std::size_t> left(all_.size());
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
    waiting_.push_back({&token, std::move(left)});
  }
  void look() {
    const auto began = Steady::now();
    for (Waiting& one : waiting_) {
      std::erase_if(one.left, [&](std::size_t i) {
        if (all_[i]->judge(
                {one.token->jti, one.token->subject, one.token->kid, one.token->issued_at}))
          return false;
        delays_.push_back(std::max(0.0, ms_since(one.token->answered)));
        return true;
      });
    }
    std::erase_if(waiting_, [](const Waiting& one) { return one.left.empty(); });
    longest_look_ = std::max(longest_look_, ms_since(began));
  }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::vector<double>& delays() { return delays_; }
  [[nodiscard]] double longest_look_ms() const { return longest_look_; }
  [[nodiscard]] std::uint64_t ends() const {
    std::uint64_t count = 0;
    for (const auto& one : all_)
      for (const auto& [reason, times] : one->standing().ends) count += times;
    return count;
  }

 private:
  struct Waiting {
    const Live* token;
    std::vector<std::size_t> left;
  };
  std::vector<std::shared_ptr<Subscription>> all_;
  std::vector<Waiting> waiting_;
  std::vector<double> delays_;
  double longest_look_ = 0;
};

/// Revokes all of them at a rate, each at its moment.
class Operators {
 public:
  Operators(const IssuerUnderLoad& issuer, std::vector<Live>& tokens, std::size_t rate)
      : tokens_(tokens), answered_(tokens.size()), began_(Steady::now()) {
    for (std::size_t i = 0; i < operators; ++i)
      threads_.emplace_back([this, &issuer, rate] { work(issuer["MINT_ADMIN"], rate); });
  }

  /// How many were answered, in the order of their answers.
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] Live& answered(std::size_t place) const { return *answered_[place]; }
  [[nodiscard]] bool over() const { return count_ + refused_ == tokens_.size(); }
  [[nodiscard]] std::size_t refused() const { return refused_; }
  [[nodiscard]] double a_second() const {
    return static_cast<double>(count_) / std::chrono::duration<double>(last_ - began_).count();
  }
  void join() { threads_.clear(); }

 private:
  void work(const std::string& socket, std::size_t rate) {
    http::Client client({.unix_socket = socket});
    http::Headers headers;
    headers.add("Content-Type", "application/json");
    for (std::size_t at = next_++; at < tokens_.size(); at = next_++) {
      std::this_thread::sleep_until(began_ + std::chrono::microseconds(1'000'000 * at / rate));
      Live& token = tokens_[at];
      const auto answer = client.send("POST", "http://mintd/admin/v1/tokens/revoke", headers,
                                      Json{{"jti", token.jti}}.dump(), Deadline::in(patience));
      if (!answer || answer->status != 200) {
        if (refused_++ == 0)
          std::fprintf(stderr, "refused: %s\n",
                       (answer ? answer->body : answer.error().to_string()).c_str());
        continue;
      }
      const std::lock_guard lock(mutex_);
      token.answered = last_ = Steady::now();
      answered_[count_] = &token;
      ++count_;
    }
  }

  std::vector<Live>& tokens_;
  std::vector<Live*> answered_;
  const Steady::time_point began_;
  Steady::time_point last_;
  std::mutex mutex_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> refused_{0};
  std::vector<std::jthread> threads_;
};

/// The gate, asked about one token after the other until it refuses it.
class AskedGate {
 public:
  AskedGate(const IssuerUnderLoad& issuer, const Registered& service,
            const std::vector<Device>& devices, std::uint16_t issuer_port)
      : relay_(issuer_port),
        devices_(devices),
        gate_(
            GateIssuer{.url = issuer["MINT_ISSUER"],
                       .ca_file = issuer["MINT_CA"],
                       .audience = audience,
                       .revocation = {{"client", {{"id", service.id}, {"key", service.key_file}}}},
                       .environment = test::through(relay_, issuer_port)}) {}

  [[nodiscard]] bool takes(const Live& token) {
    const auto proof = test::make_proof(
        devices_[token.device].key,
        {.method = "GET",
         .url = std::string(gate_origin) + path,
         .at = SystemClock().now(),
         .access_token = token.text,
         .nonce = gate_.nonce().empty() ? std::nullopt : std::optional(gate_.nonce())});
    const std::string nonce = gate_.nonce();
    const unsigned status = gate_.decide(path, token.text, proof);
    if (status == 401 && nonce != gate_.nonce()) return takes(token);
    return status == 200;
  }
  void await(const Live& good) {
    const auto end = Steady::now() + patience;
    while (!takes(good)) {
      if (Steady::now() > end) throw std::runtime_error("the gate takes nothing");
      std::this_thread::sleep_for(milliseconds(50));
    }
  }
  void watch(const Live& token) {
    const auto end = Steady::now() + patience;
    while (takes(token) && Steady::now() < end) std::this_thread::sleep_for(between_looks);
    delays_.push_back(std::max(0.0, ms_since(token.answered)));
  }
  [[nodiscard]] std::vector<double>& delays() { return delays_; }
  /// Half-open from now on: for how long after its last frontier it took this good token.
  [[nodiscard]] double trusts_after_the_last_frontier(const Live& good) {
    relay_.hold();
    const auto held = Steady::now();
    double longest = 0;
    while (ms_since(held) < 60'000) {
      const double age = gate_.figure("mintmark_gate_revocations_age_seconds");
      const auto asked = Steady::now();
      if (!takes(good)) return longest;
      longest = std::max(longest, age * 1e3 + ms_since(asked));
      std::this_thread::sleep_for(between_looks);
    }
    throw std::runtime_error("the gate is cut off for a minute and takes tokens");
  }

 private:
  test::Relay relay_;
  const std::vector<Device>& devices_;
  ServedGate gate_;
  std::vector<double> delays_;
};

void follow(Operators& work, Subscribers& subscribers, AskedGate& gate) {
  // The gate is asked beside: each question waits for its answer.
  std::jthread asking([&](const std::stop_token& stop) {
    std::size_t asked = 0;
    while (!stop.stop_requested()) {
      const std::size_t count = work.count();
      if (count > asked) gate.watch(work.answered(count - 1));
      asked = count;
      std::this_thread::sleep_for(milliseconds(20));
    }
  });
  std::size_t watched = 0;
  const auto end = Steady::now() + seconds(120);
  while ((!work.over() || subscribers.waiting() != 0 || watched != work.count()) &&
         Steady::now() < end) {
    for (const std::size_t count = work.count(); watched < count; ++watched)
      subscribers.watch(work.answered(watched));
    subscribers.look();
    std::this_thread::sleep_for(between_looks);
  }
}

void print(const Json& figures, bool json) {
  if (json) {
    std::printf("%s\n", figures.dump(2).c_str());
    return;
  }
  for (const auto& [name, value] : figures.items())
    std::printf("%-40s %12.2f\n", name.c_str(), value.get<double>());
}

std::uint16_t port_in(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

int run(const programs::Arguments& arguments) {
  const std::size_t count = std::stoul(arguments.value("--subscribers", "50"));
  const std::size_t rate = std::stoul(arguments.value("--rate", "1000"));
  const std::size_t span = std::stoul(arguments.value("--seconds", "10"));
  if (count < 2 || rate == 0 || span == 0)
    throw std::runtime_error("at least two subscribers, one revocation a second, one second");
  const test::TestAuthority authority;
  IssuerUnderLoad issuer(authority.root_pem(), authority.intermediate_pem());
  const auto devices = enrol(authority, issuer["MINT_ISSUER"], issuer["MINT_CA"], 50);
  const test::TemporaryDirectory directory;
  std::vector<Registered> services;
  for (std::size_t i = 0; i < count; ++i)
    services.push_back(register_service(issuer, directory, i));
  std::fprintf(stderr, "minting %zu tokens\n", rate * span);
  std::vector<Live> spare = mint(issuer, devices, spare_tokens);
  std::vector<Live> tokens = mint(issuer, devices, rate * span);
  AskedGate gate(issuer, services.back(), devices, port_in(issuer["MINT_ISSUER"]));
  services.pop_back();
  Subscribers subscribers(issuer, services);
  gate.await(spare.front());
  std::fprintf(stderr, "revoking them\n");
  const CpuTime before = issuer.cpu();
  Operators work(issuer, tokens, rate);
  follow(work, subscribers, gate);
  work.join();
  const CpuTime after = issuer.cpu();
  std::fprintf(stderr, "cutting the gate off\n");
  const double trusts = gate.trusts_after_the_last_frontier(spare.back());
  const std::size_t missing = subscribers.waiting();
  const double p99 = percentile(subscribers.delays(), 99);
  const double gate_p99 = percentile(gate.delays(), 99);
  const Json figures = {{"subscribers", count},
                        {"revocations", work.count()},
                        {"revocations_a_second", work.a_second()},
                        {"refused_ms_p50", percentile(subscribers.delays(), 50)},
                        {"refused_ms_p99", p99},
                        {"refused_ms_max", percentile(subscribers.delays(), 100)},
                        {"refused_by_gate_ms_p50", percentile(gate.delays(), 50)},
                        {"refused_by_gate_ms_p99", gate_p99},
                        {"refused_by_gate_ms_max", percentile(gate.delays(), 100)},
                        {"gate_asked_about", gate.delays().size()},
                        {"longest_look_ms", subscribers.longest_look_ms()},
                        {"streams_begun_again", subscribers.ends()},
                        {"never_refused", missing},
                        {"cut_off_taken_ms_after_last_frontier", trusts},
                        {"front_cpu_us_a_revocation",
                         static_cast<double>((after.front - before.front).count()) * 1000 /
                             static_cast<double>(std::max<std::size_t>(work.count(), 1))}};
  print(figures, arguments.has("--json"));
  const bool kept = missing == 0 && work.refused() == 0 && p99 < 1000 && gate_p99 < 1000;
  if (!kept) std::fprintf(stderr, "wanted: p99 under 1 s, and every one refused\n");
  return kept ? programs::exit_done : programs::exit_denied;
}

}  // namespace

int revoke(int argc, char** argv) {
  const auto line = programs::read_command_line(program, argc, argv);
  return line.arguments ? run(*line.arguments) : line.exit_status;
}

}  // namespace mintmark::bench
