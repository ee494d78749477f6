#include "gate_bench.h"

#include <malloc.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <cstdio>
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

const programs::Program program{
    "mint-bench gate",
    "what a decision costs on tokens seen before and on others, beside raw ECDSA P-256 "
    "verifications: by the library on one thread, and by mint-gate serve through a connection that "
    "is kept",
    {{"--tokens", "N", "tokens, one device each (default 100)"},
     {"--calls", "N", "calls with them, their proofs made ahead (default 40000)"},
     {"--asked", "N", "calls that the gate is asked about (default 6000)"},
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
  [[nodiscard]] bool run() const {
    if (ECDSA_verify(0, digest_.data(), digest_octets, signature_.data(),
                     static_cast<int>(signature_.size()), key_.get()) != 1)
      throw std::runtime_error("verification");
    return true;
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
      return *began ? now : (*began = true, now - std::chrono::seconds{1});
    };
    return {std::move(options), given_keys(jwks().dump())};
  }

 private:
  std::string issuer_ = library_issuer;
  test::SoftKey issuer_key_;
  std::vector<test::SoftKey> devices_;
  Moment now_ = SystemClock().now();
};

struct Library {
  double raw = 0;   ///< Verifications a second.
  double seen = 0;  ///< Decisions a second, on tokens seen before.
  double unseen = 0;
  double ratio = 0;           ///< seen over raw.
  double octets_a_proof = 0;  ///< What remembering one takes.
  std::size_t refused = 0;
};

using Clock = std::chrono::steady_clock;

// Of the fastest nineteen twentieths: what a busy machine does in between is nobody's cost here.
class Times {
 public:
  void expect(std::size_t count) { seconds_.reserve(count); }
  template <typename Run>
  auto measure(Run run) {
    const auto began = Clock::now();
    auto result = run();
    seconds_.push_back(std::chrono::duration<double>(Clock::now() - began).count());
    return result;
  }
  [[nodiscard]] double a_second() {
    std::sort(seconds_.begin(), seconds_.end());
    const auto count = static_cast<std::ptrdiff_t>(seconds_.size() * 19 / 20);
    return static_cast<double>(count) /
           std::accumulate(seconds_.begin(), seconds_.begin() + count, 0.0);
  }

 private:
  std::vector<double> seconds_;
};

// In turns of a few, so that all meet the same machine.
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
    // What is kept of the times is not what a proof takes.
    for (Times* times : {&raw_times_, &seen_times_, &unseen_times_}) times->expect(calls);
  }

  Library measure() {
    for (const Call& one : first_) (void)judge(one);
    const std::size_t heap = heap_octets();
    for (std::size_t begin = 0; begin < seen_.size(); begin += turn) measure_turn(begin);
    Library found;
    found.octets_a_proof =
        static_cast<double>(heap_octets() - heap) / static_cast<double>(seen_.size());
    for (const Call& one : unseen_) measure(one, unseen_times_);
    found.raw = raw_times_.a_second();
    found.seen = seen_times_.a_second();
    found.unseen = unseen_times_.a_second();
    found.ratio = found.seen / found.raw;
    found.refused = refused_;
    return found;
  }

 private:
  static constexpr std::size_t turn = 10;

  bool judge(const Call& one) {
    const bool taken =
        verifier_->check(one.token, {.method = "GET", .url = url, .proof = one.proof}).has_value();
    if (!taken) ++refused_;
    return taken;
  }
  // A service has just read what it judges; here it was made long ago, and is read first.
  void measure(const Call& one, Times& times) {
    const Call read = one;
    (void)times.measure([&] { return judge(read); });
  }
  void measure_turn(std::size_t begin) {
    const std::size_t end = std::min(begin + turn, seen_.size());
    for (std::size_t i = begin; i < end; ++i) (void)raw_times_.measure([&] { return raw_.run(); });
    for (std::size_t i = begin; i < end; ++i) measure(seen_[i], seen_times_);
  }

  RawVerification raw_;
  std::vector<Call> first_;  // Make their tokens known.
  std::vector<Call> seen_;
  std::vector<Call> unseen_;
  std::unique_ptr<Verifier> verifier_;
  Times raw_times_, seen_times_, unseen_times_;
  std::size_t refused_ = 0;
};

struct Asked {
  double raw_us = 0;     ///< One verification, measured between the gate's turns.
  double seen_us = 0;    ///< CPU of the gate a decision on tokens seen before.
  double unseen_us = 0;  ///< Likewise on others.
  std::size_t refused = 0;
};

// The gate's process by its own clock, which counts all its threads and the kernel's work for them.
class GateMeasurement {
 public:
  GateMeasurement(std::size_t tokens, std::size_t calls)
      : callers_(tokens), tokens_(tokens), calls_(calls), gate_(callers_.jwks()) {}

  Asked measure() {
    wait_for_another_second();
    callers_.begin(gate_.issuer());
    std::vector<std::string> seen;
    for (std::size_t i = 0; i < tokens_; ++i) seen.push_back(callers_.token(i, i));
    Asked found;
    // Proofs are good for half a minute: each part's are made just before it.
    (void)cost(known(seen, tokens_), found);
    const double before = raw_us();
    found.seen_us = cost(known(seen, calls_), found);
    found.raw_us = (before + raw_us()) / 2;
    found.unseen_us = cost(unknown(calls_ / 4), found);
    return found;
  }

 private:
  static constexpr std::size_t verifications = 4000;

  // What was made in the second that the gate began in is not taken (docs/adr/0008).
  static void wait_for_another_second() {
    const Moment begun = SystemClock().now();
    while (SystemClock().now() == begun) std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  [[nodiscard]] double raw_us() const {
    Times times;
    times.expect(verifications);
    for (std::size_t i = 0; i < verifications; ++i) (void)times.measure([&] { return raw_.run(); });
    return 1e6 / times.a_second();
  }
  [[nodiscard]] std::vector<Call> known(const std::vector<std::string>& tokens,
                                        std::size_t count) const {
    std::vector<Call> calls;
    for (std::size_t i = 0; i < count; ++i)
      calls.push_back(callers_.call(i % tokens_, tokens[i % tokens_]));
    return calls;
  }
  [[nodiscard]] std::vector<Call> unknown(std::size_t count) const {
    std::vector<Call> calls;
    for (std::size_t i = 0; i < count; ++i)
      calls.push_back(callers_.call(i % tokens_, callers_.token(i % tokens_, tokens_ + i)));
    return calls;
  }
  double cost(const std::vector<Call>& calls, Asked& found) {
    const double before = gate_.cpu_seconds();
    for (const Call& one : calls) {
      if (gate_.decide(path, one.token, one.proof) != 200) ++found.refused;
    }
    return 1e6 * (gate_.cpu_seconds() - before) / static_cast<double>(calls.size());
  }

  RawVerification raw_;
  Callers callers_;
  std::size_t tokens_;
  std::size_t calls_;
  ServedGate gate_;
};

Json figures(const Library& found, const Asked& asked) {
  return {{"gate_seen_us", asked.seen_us},
          {"gate_seen_in_verifications", asked.seen_us / asked.raw_us},
          {"gate_unseen_us", asked.unseen_us},
          {"gate_unseen_in_verifications", asked.unseen_us / asked.raw_us},
          {"raw_verify_a_second", found.raw},
          {"raw_verify_us", 1e6 / found.raw},
          {"library_seen_a_second", found.seen},
          {"library_seen_us", 1e6 / found.seen},
          {"library_seen_over_raw_rate", found.ratio},
          {"library_unseen_a_second", found.unseen},
          {"library_unseen_in_verifications", found.raw / found.unseen},
          {"replay_octets_a_proof", found.octets_a_proof},
          {"refused", found.refused + asked.refused}};
}

void print(const Json& figures, bool json) {
  if (json) {
    std::printf("%s\n", figures.dump(2).c_str());
    return;
  }
  for (const auto& [name, value] : figures.items())
    std::printf("%-36s %12.2f\n", name.c_str(), value.get<double>());
}

bool is_fast_enough(const Library& library, const Asked& asked) {
  const bool fast = library.ratio >= library_at_least;
  if (!fast)
    std::fprintf(stderr, "the library is too slow: %.3f of the raw rate, at least %.1f is wanted\n",
                 library.ratio, library_at_least);
  const double taken = asked.seen_us / asked.raw_us;
  if (taken > gate_at_most)
    std::fprintf(stderr, "the gate takes %.2f verifications a decision, %.1f at most are wanted\n",
                 taken, gate_at_most);
  return fast && taken <= gate_at_most;
}

int run(const programs::Arguments& arguments) {
  const std::size_t tokens = std::stoul(arguments.value("--tokens", "100"));
  const std::size_t calls = std::stoul(arguments.value("--calls", "40000"));
  const std::size_t asked_about = std::stoul(arguments.value("--asked", "6000"));
  std::fprintf(stderr, "signing tokens and proofs\n");
  const Library library = LibraryMeasurement(tokens, calls).measure();
  std::fprintf(stderr, "asking mint-gate serve\n");
  const Asked asked = GateMeasurement(tokens, asked_about).measure();
  print(figures(library, asked), arguments.has("--json"));
  const bool fast = is_fast_enough(library, asked);
  return fast && library.refused + asked.refused == 0 ? programs::exit_done : programs::exit_denied;
}

}  // namespace

int gate(int argc, char** argv) {
  const auto line = programs::read_command_line(program, argc, argv);
  return line.arguments ? run(*line.arguments) : line.exit_status;
}

}  // namespace mintmark::bench
