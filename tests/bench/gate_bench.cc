#include "gate_bench.h"

#include <malloc.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>

#include "mintmark/verifier.h"
#include "programs/command_line.h"
#include "support/soft_key.h"

namespace mintmark::bench {
namespace {

constexpr const char* issuer = "https://issuer.example";
constexpr const char* service = "https://service.example";
constexpr const char* url = "https://service.example/things/1";
constexpr double library_at_least = 0.9;  // Of the raw rate.

const programs::Program program{
    "mint-bench gate",
    "decisions a second on one thread, of tokens seen before and of others, beside raw ECDSA P-256 "
    "verifications",
    {{"--tokens", "N", "tokens, one device each (default 200)"},
     {"--calls", "N", "calls with them, their proofs made ahead (default 40000)"},
     {"--json", "", "print the figures as JSON"}},
    {}};

// By the CPU that this thread got, so that a busy machine does not change a ratio.
double cpu_seconds() {
  std::timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double rate(std::size_t count, const std::function<void()>& run) {
  const double before = cpu_seconds();
  run();
  return static_cast<double>(count) / (cpu_seconds() - before);
}

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
  explicit Callers(std::size_t devices) : devices_(devices), now_(SystemClock().now()) {}

  [[nodiscard]] std::string jwks() const {
    Json jwk = issuer_key_.public_key().to_jwk();
    jwk["kid"] = issuer_key_.jkt();
    jwk["mintmark_purpose"] = "access_token";
    return Json({{"keys", Json::array({jwk})}}).dump();
  }
  [[nodiscard]] std::string token(std::size_t device, std::size_t number) const {
    return issuer_key_.sign_jws({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", issuer_key_.jkt()}},
                                {{"iss", issuer},
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
    VerifierOptions options(issuer, service);
    const auto began = std::make_shared<bool>(false);
    options.now = [now = now_, began] {
      return *began ? now : (*began = true, now - std::chrono::seconds{1});
    };
    return {std::move(options), given_keys(jwks())};
  }

 private:
  test::SoftKey issuer_key_;
  std::vector<test::SoftKey> devices_;
  Moment now_;
};

std::size_t refused(const Verifier& verifier, const std::vector<Call>& calls, std::size_t begin,
                    std::size_t end) {
  std::size_t count = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const Call& one = calls[i];
    if (!verifier.check(one.token, {.method = "GET", .url = url, .proof = one.proof})) ++count;
  }
  return count;
}

struct Library {
  double raw = 0;   ///< Verifications a second.
  double seen = 0;  ///< Decisions a second, on tokens seen before.
  double unseen = 0;
  double ratio = 0;           ///< seen over raw.
  double octets_a_proof = 0;  ///< What remembering one takes.
  std::size_t refused = 0;
};

// In turns, and the median of them, so that what else the machine does meets all alike.
class LibraryMeasurement {
 public:
  LibraryMeasurement(std::size_t tokens, std::size_t calls) {
    const Callers callers(tokens);
    std::vector<std::string> seen;
    for (std::size_t i = 0; i < tokens; ++i) seen.push_back(callers.token(i, i));
    for (std::size_t i = 0; i < tokens + calls; ++i)
      seen_.push_back(callers.call(i % tokens, seen[i % tokens]));
    for (std::size_t i = 0; i < calls / 4; ++i)
      unseen_.push_back(callers.call(i % tokens, callers.token(i % tokens, tokens + i)));
    verifier_ = std::make_unique<Verifier>(callers.verifier());
    first_ = tokens;
  }

  Library measure() {
    Library found;
    found.refused += refused(*verifier_, seen_, 0, first_);
    std::vector<Library> rounds_found;
    const std::size_t heap = heap_octets();
    for (std::size_t round = 0; round < rounds; ++round) rounds_found.push_back(measure(round));
    const auto median = [&](double Library::*figure) {
      std::sort(rounds_found.begin(), rounds_found.end(),
                [&](const Library& a, const Library& b) { return a.*figure < b.*figure; });
      return rounds_found[rounds / 2].*figure;
    };
    for (const Library& one : rounds_found) found.refused += one.refused;
    found.raw = median(&Library::raw);
    found.seen = median(&Library::seen);
    found.ratio = median(&Library::ratio);
    found.octets_a_proof =
        static_cast<double>(heap_octets() - heap) / static_cast<double>(seen_.size() - first_);
    found.unseen = rate(unseen_.size(),
                        [&] { found.refused += refused(*verifier_, unseen_, 0, unseen_.size()); });
    return found;
  }

 private:
  static constexpr std::size_t rounds = 101;

  // A service has just read what it judges; here it was made long ago.
  static void touch(const std::vector<Call>& calls, std::size_t begin, std::size_t end) {
    std::size_t sum = 0;
    for (std::size_t i = begin; i < end; ++i) {
      for (const std::string* text : {&calls[i].token, &calls[i].proof})
        sum += static_cast<std::size_t>(std::count(text->begin(), text->end(), '.'));
    }
    if (sum != (end - begin) * 4) throw std::runtime_error("no compact JWS");
  }

  Library measure(std::size_t round) {
    Library found;
    const std::size_t count = (seen_.size() - first_) / rounds;
    const std::size_t begin = first_ + round * count;
    const double before = rate(count, [&] { raw_.run(count); });
    touch(seen_, begin, begin + count);
    found.seen =
        rate(count, [&] { found.refused += refused(*verifier_, seen_, begin, begin + count); });
    const double after = rate(count, [&] { raw_.run(count); });
    found.raw = 2 / (1 / before + 1 / after);
    found.ratio = found.seen / found.raw;
    return found;
  }

  RawVerification raw_;
  std::vector<Call> seen_;  // The first `first_` make their tokens known.
  std::vector<Call> unseen_;
  std::size_t first_ = 0;
  std::unique_ptr<Verifier> verifier_;
};

Json figures(const Library& found) {
  return {{"raw_verify_a_second", found.raw},
          {"raw_verify_us", 1e6 / found.raw},
          {"library_seen_a_second", found.seen},
          {"library_seen_us", 1e6 / found.seen},
          {"library_seen_over_raw_rate", found.ratio},
          {"library_unseen_a_second", found.unseen},
          {"library_unseen_in_verifications", found.raw / found.unseen},
          {"replay_octets_a_proof", found.octets_a_proof},
          {"refused", found.refused}};
}

void print(const Json& figures, bool json) {
  if (json) {
    std::printf("%s\n", figures.dump(2).c_str());
    return;
  }
  for (const auto& [name, value] : figures.items())
    std::printf("%-36s %12.2f\n", name.c_str(), value.get<double>());
}

int run(const programs::Arguments& arguments) {
  const std::size_t tokens = std::stoul(arguments.value("--tokens", "200"));
  const std::size_t calls = std::stoul(arguments.value("--calls", "40000"));
  std::fprintf(stderr, "signing tokens and proofs\n");
  const Library library = LibraryMeasurement(tokens, calls).measure();
  const bool fast = library.ratio >= library_at_least;
  print(figures(library), arguments.has("--json"));
  if (!fast)
    std::fprintf(stderr, "the library is too slow: %.3f of the raw rate, at least %.1f is wanted\n",
                 library.ratio, library_at_least);
  // Here: mint-gate serve, through a kept-alive connection.
  return fast && library.refused == 0 ? programs::exit_done : programs::exit_denied;
}

}  // namespace

int gate(int argc, char** argv) {
  const auto line = programs::read_command_line(program, argc, argv);
  return line.arguments ? run(*line.arguments) : line.exit_status;
}

}  // namespace mintmark::bench
