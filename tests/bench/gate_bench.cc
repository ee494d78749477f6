#include "gate_bench.h"

#include <malloc.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "mintmark/verifier.h"
#include "programs/command_line.h"
#include "served_gate.h"
#include "support/soft_key.h"

namespace mintmark::bench {
namespace {

constexpr const char* library_issuer = "https://issuer.example";
constexpr const char* service = gate_origin;
constexpr const char* path = "/things/1";
const std::string url = std::string(service) + path;
constexpr double library_at_least = 0.9;  // Of the raw rate.
constexpr double gate_at_most = 1.5;      // Raw verifications a decision on a token seen before.
constexpr double unseen_at_most = 1.5;    // More of them, on one not seen before.
constexpr std::size_t gate_rounds = 21;

const programs::Program program{
    "mint-bench gate",
    "what a decision costs on tokens seen before and on others, beside raw ECDSA P-256 "
    "verifications: by the library on one thread, and by mint-gate serve through a connection that "
    "is kept; CPU time, each figure the median of all rounds",
    {{"--tokens", "N", "tokens, one device each (default 100)"},
     {"--calls", "N", "calls with them, their proofs made ahead (default 40000)"},
     {"--asked", "N", "calls that the gate is asked about (default 8400)"},
     {"--json", "", "print the figures as JSON"}},
    {}};

std::size_t heap_octets() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// ECDSA_verify with a key that is kept: what no decision can do without.
class RawVerification {
 public:
  RawVerification() : key_(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1), &EC_KEY_free) {
    unsigned size = 0;
    if (!key_ || EC_KEY_generate_key(key_.get()) != 1 ||
        ECDSA_sign(0, digest_.data(), digest_octets, signature_.data(), &size, key_.get()) != 1)
      throw std::runtime_error("no key");
    signature_.resize(size);
  }
  void run(std::size_t times) const {
    for (std::size_t i = 0; i < times; ++i) {
      if (ECDSA_verify(0, digest_.data(), digest_octets, signature_.data(),
                       static_cast<int>(signature_.size()), key_.get()) != 1)
        throw std::runtime_error("verification");
    }
  }

 private:
  static constexpr int digest_octets = 32;
  std::unique_ptr<EC_KEY, decltype(&EC_KEY_free)> key_;
  Sha256 digest_ = sha256("a proof");
  Bytes signature_ = Bytes(80);
};

struct Call {
  std::string token;
  std::string proof;
};

class Callers {
 public:
  explicit Callers(std::size_t devices) : devices_(devices) {}

  /// From now on their tokens are of this issuer, and made now.
  void begin(std::string issuer) {
    issuer_ = std::move(issuer);
    now_ = SystemClock().now();
  }

  [[nodiscard]] Json jwks() const {
    Json jwk = issuer_key_.public_key().to_jwk();
    jwk["kid"] = issuer_key_.jkt();
    jwk["mintmark_purpose"] = "access_token";
    return {{"keys", Json::array({jwk})}};
  }
  [[nodiscard]] std::string token(std::size_t device, std::size_t number) const {
    return issuer_key_.sign_jws({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", issuer_key_.jkt()}},
                                {{"iss", issuer_},
                                 {"aud", service},
                                 {"sub", "device-" + std::to_string(device)},
                                 {"client_id", "device-" + std::to_string(device)},
                                 {"iat", to_unix(now_)},
                                 {"exp", to_unix(now_) + 300},
                                 {"jti", "token-" + std::to_string(number)},
                                 {"scope", "read write"},
                                 {"cnf", {{"jkt", devices_[device].jkt()}}},
                                 {"key_protection", "hardware"},
                                 {"attestation", {{"format", "tpm2"}, {"at", to_unix(now_)}}}});
  }
  [[nodiscard]] Call call(std::size_t device, const std::string& token) const {
    return {token, make_proof(devices_[device],
                              {.method = "GET", .url = url, .at = now_, .access_token = token})};
  }
  // On a clock that stands still, so that proofs made ahead are new.
  [[nodiscard]] Verifier verifier() const {
    VerifierOptions options(issuer_, service);
    const auto began = std::make_shared<bool>(false);
    options.now = [now = now_, began] {
      return *began ? now : (*began = true, now - std::chrono::seconds{10});
    };
    return {std::move(options), given_keys(jwks().dump())};
  }

 private:
  std::string issuer_ = library_issuer;
  test::SoftKey issuer_key_;
  std::vector<test::SoftKey> devices_;
  Moment now_ = SystemClock().now();
};

double cpu_of_this_thread() {
  std::timespec time{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) throw std::runtime_error("no clock");
  return 1e6 * static_cast<double>(time.tv_sec) + 1e-3 * static_cast<double>(time.tv_nsec);
}

// Microseconds of CPU a call.
double cost_of(std::size_t calls, const std::function<void()>& run) {
  const double began = cpu_of_this_thread();
  run();
  return (cpu_of_this_thread() - began) / static_cast<double>(calls);
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// In each round verifications and decisions, one after the other: what others take of a busy
// machine is no CPU time of this thread, and a round in which they took its caches is not the
// median.
class Rounds {
 public:
  void add(double raw_us, double us) {
    raw_us_.push_back(raw_us);
    us_.push_back(us);
    ratios_.push_back(us / raw_us);
  }
  [[nodiscard]] double raw_us() const { return median_of(raw_us_); }
  [[nodiscard]] double us() const { return median_of(us_); }
  /// How many verifications a decision costs: the median of the rounds.
  [[nodiscard]] double verifications() const { return median_of(ratios_); }
  /// Likewise, over all that was measured.
  [[nodiscard]] double mean_verifications() const { return mean_of(us_) / mean_of(raw_us_); }

 private:
  std::vector<double> raw_us_, us_, ratios_;
};

struct Costs {
  Rounds seen;
  Rounds unseen;
  std::size_t refused = 0;
  [[nodiscard]] double more() const { return unseen.verifications() - seen.verifications(); }
};

struct Library {
  Costs costs;
  double octets_a_proof = 0;  ///< What remembering one takes.
};

class LibraryMeasurement {
 public:
  LibraryMeasurement(std::size_t tokens, std::size_t calls) {
    const Callers callers(tokens);
    std::vector<std::string> seen;
    for (std::size_t i = 0; i < tokens; ++i) seen.push_back(callers.token(i, i));
    for (const std::string& token : seen) first_.push_back(callers.call(first_.size(), token));
    for (std::size_t i = 0; i < calls; ++i)
      seen_.push_back(callers.call(i % tokens, seen[i % tokens]));
    for (std::size_t i = 0; i < calls / 4; ++i)
      unseen_.push_back(callers.call(i % tokens, callers.token(i % tokens, tokens + i)));
    verifier_ = std::make_unique<Verifier>(callers.verifier());
  }

  Library measure() {
    for (const Call& one : first_) judge(one);
    Library found;
    const std::size_t heap = heap_octets();
    found.costs.seen = measure(seen_);
    found.octets_a_proof =
        static_cast<double>(heap_octets() - heap) / static_cast<double>(seen_.size());
    found.costs.unseen = measure(unseen_);
    found.costs.refused = refused_;
    return found;
  }

 private:
  static constexpr std::size_t round = 10;  // So short that most are disturbed by nobody.

  void judge(const Call& one) {
    if (!verifier_->check(one.token, {.method = "GET", .url = url, .proof = one.proof})) ++refused_;
  }
  Rounds measure(const std::vector<Call>& calls) {
    Rounds all;
    for (auto at = calls.begin(); calls.end() - at >= static_cast<std::ptrdiff_t>(round);
         at += static_cast<std::ptrdiff_t>(round)) {
      // A service has just read what it judges; here it was made long ago, and is read first.
      const std::vector<Call> read(at, at + round);
      const double raw = cost_of(round, [&] { raw_.run(round); });
      all.add(raw, cost_of(round, [&] {
                for (const Call& one : read) judge(one);
              }));
    }
    return all;
  }

  RawVerification raw_;
  std::vector<Call> first_;  // Make their tokens known.
  std::vector<Call> seen_;
  std::vector<Call> unseen_;
  std::unique_ptr<Verifier> verifier_;
  std::size_t refused_ = 0;
};

// The gate's process by its own clock, which counts all its threads and the kernel's work for them.
class GateMeasurement {
 public:
  GateMeasurement(std::size_t tokens, std::size_t calls)
      : callers_(tokens), tokens_(tokens), calls_(calls), gate_(callers_.jwks()) {}

  Costs measure() {
    begin_when_proofs_are_taken();
    std::vector<std::string> seen;
    for (std::size_t i = 0; i < tokens_; ++i) seen.push_back(callers_.token(i, i));
    (void)cost(known(seen, tokens_));
    Costs found;
    for (std::size_t i = 0; i < gate_rounds; ++i) {
      // Proofs are good for half a minute: each round's are made just before it.
      callers_.begin(gate_.issuer());
      const double raw = cost_of(verifications, [&] { raw_.run(verifications); });
      found.seen.add(raw, cost(known(seen, calls_ / gate_rounds)));
      found.unseen.add(raw, cost(unknown(calls_ / gate_rounds / 4)));
    }
    found.refused = refused_;
    return found;
  }

 private:
  static constexpr std::size_t verifications = 500;

  // Those of the gate's first seconds are asked for with a nonce (docs/adr/0008).
  void begin_when_proofs_are_taken() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (std::chrono::steady_clock::now() < end) {
      callers_.begin(gate_.issuer());
      const Call one = callers_.call(0, callers_.token(0, number_++));
      if (gate_.decide(path, one.token, one.proof) == 200) return;
      std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
    throw std::runtime_error("the gate takes nothing");
  }
  [[nodiscard]] std::vector<Call> known(const std::vector<std::string>& tokens,
                                        std::size_t count) const {
    std::vector<Call> calls;
    for (std::size_t i = 0; i < count; ++i)
      calls.push_back(callers_.call(i % tokens_, tokens[i % tokens_]));
    return calls;
  }
  [[nodiscard]] std::vector<Call> unknown(std::size_t count) {
    std::vector<Call> calls;
    for (std::size_t i = 0; i < count; ++i)
      calls.push_back(callers_.call(i % tokens_, callers_.token(i % tokens_, number_++)));
    return calls;
  }
  double cost(const std::vector<Call>& calls) {
    const double before = gate_.cpu_seconds();
    for (const Call& one : calls) {
      if (gate_.decide(path, one.token, one.proof) != 200) ++refused_;
    }
    return 1e6 * (gate_.cpu_seconds() - before) / static_cast<double>(calls.size());
  }

  RawVerification raw_;
  Callers callers_;
  std::size_t tokens_;
  std::size_t calls_;
  std::size_t number_ = 1U << 20U;  // Of the next token that nobody saw.
  std::size_t refused_ = 0;
  ServedGate gate_;
};

Json figures(const Library& found, const Costs& gate) {
  const Costs& library = found.costs;
  return {{"gate_seen_us", gate.seen.us()},
          {"gate_seen_in_verifications", gate.seen.verifications()},
          {"gate_unseen_us", gate.unseen.us()},
          {"gate_unseen_in_verifications", gate.unseen.verifications()},
          {"gate_unseen_more_verifications", gate.more()},
          {"raw_verify_us", library.seen.raw_us()},
          {"library_seen_us", library.seen.us()},
          {"library_seen_over_raw_rate", 1 / library.seen.verifications()},
          {"library_seen_over_raw_rate_mean", 1 / library.seen.mean_verifications()},
          {"library_unseen_us", library.unseen.us()},
          {"library_unseen_in_verifications", library.unseen.verifications()},
          {"library_unseen_more_verifications", library.more()},
          {"replay_octets_a_proof", found.octets_a_proof},
          {"refused", library.refused + gate.refused}};
}

void print(const Json& figures, bool json) {
  if (json) {
    std::printf("%s\n", figures.dump(2).c_str());
    return;
  }
  for (const auto& [name, value] : figures.items())
    std::printf("%-36s %12.3f\n", name.c_str(), value.get<double>());
}

// The bars: see docs/performance.md.
bool is_fast_enough(const Costs& library, const Costs& gate) {
  const double ratio = 1 / library.seen.verifications();
  const bool rate = ratio >= library_at_least;
  if (!rate)
    std::fprintf(stderr, "the library is too slow: %.3f of the raw rate, at least %.1f is wanted\n",
                 ratio, library_at_least);
  const bool seen = gate.seen.verifications() <= gate_at_most;
  if (!seen)
    std::fprintf(stderr, "the gate takes %.2f verifications a decision, %.1f at most are wanted\n",
                 gate.seen.verifications(), gate_at_most);
  const bool unseen = library.more() <= unseen_at_most;
  if (!unseen)
    std::fprintf(stderr,
                 "a token not seen before takes %.2f verifications more, %.2f at most are wanted\n",
                 library.more(), unseen_at_most);
  return rate && seen && unseen;
}

// Who asks and the gate on one core: to wake an idle one, which is what asking call by call does on
// a machine that does nothing else, costs the kernel more than a decision, and a busy gate nothing.
void stay_on_one_core() {
  cpu_set_t allowed{};
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int first = 0;
  while (first < CPU_SETSIZE - 1 && !CPU_ISSET(first, &allowed)) ++first;
  cpu_set_t one{};
  CPU_SET(first, &one);
  (void)sched_setaffinity(0, sizeof one, &one);
}

int run(const programs::Arguments& arguments) {
  const std::size_t tokens = std::stoul(arguments.value("--tokens", "100"));
  const std::size_t calls = std::stoul(arguments.value("--calls", "40000"));
  const std::size_t asked_about = std::stoul(arguments.value("--asked", "8400"));
  if (tokens == 0 || calls < 400 || asked_about < 400)
    throw std::runtime_error("at least one token, and 400 calls");
  stay_on_one_core();
  std::fprintf(stderr, "signing tokens and proofs\n");
  const Library library = LibraryMeasurement(tokens, calls).measure();
  std::fprintf(stderr, "asking mint-gate serve\n");
  const Costs asked = GateMeasurement(tokens, asked_about).measure();
  print(figures(library, asked), arguments.has("--json"));
  const bool fast = is_fast_enough(library.costs, asked);
  return fast && library.costs.refused + asked.refused == 0 ? programs::exit_done
                                                            : programs::exit_denied;
}

}  // namespace

int gate(int argc, char** argv) {
  const auto line = programs::read_command_line(program, argc, argv);
  return line.arguments ? run(*line.arguments) : line.exit_status;
}

}  // namespace mintmark::bench
