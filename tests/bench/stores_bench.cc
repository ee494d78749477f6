// mint-stores-bench: signatures a second with one key store and with two, each slowed below its
// module as hardware is slow, in one run.
#include <atomic>
#include <cstdio>
#include <future>
#include <semaphore>

#include "contract/key_store_contract.h"
#include "issuer/stores.h"
#include "jose/jws.h"
#include "programs/command_line.h"
#include "support/faulty_module.h"
#include "support/signer_process.h"

namespace mintmark::bench {
namespace {

using Clock = std::chrono::steady_clock;

const programs::Program program{
    "mint-stores-bench",
    "signatures a second with one key store and with two, slowed as hardware is",
    {{"--delay", "MS", "what each signature takes in the module (default 20)"},
     {"--signatures", "N", "of each (default 600)"},
     {"--at-once", "N", "asked for at the same time (default 32)"},
     {"--json", "", "print the figures as JSON"}},
    {}};

constexpr std::chrono::seconds patience{30};

/// A signer process, a key in its token, and the front's channel to it.
struct Store {
  explicit Store(const config::HsmStore& store) : name(store.name), signer(store) {
    if (auto ready = signer.wait_for_readiness(); !ready)
      throw std::runtime_error(ready.error().to_string());
    test::Answer<hsm::KeyInfo> made;
    signer.keeper().generate(
        {hsm::random_key_id(), hsm::Purpose::access_token, jose::Algorithm::es256},
        Deadline::in(patience), made.done());
    const auto info = made.wait();
    if (!info) throw std::runtime_error(info.error().to_string());
    key = *info;
    front = signer.make_front();
  }

  std::string name;
  test::SignerProcess signer;
  std::optional<hsm::KeyInfo> key;
  std::shared_ptr<hsm::signer::SignerClient> front;
};

std::string input_of(const keyring::PublishedKey& key) {
  const Moment now = SystemClock().now();
  return jose::signing_input({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", key.kid()}},
                             {{"iss", test::contract_issuer},
                              {"iat", to_unix(now)},
                              {"exp", to_unix(now) + 300},
                              {"cnf", {{"jkt", std::string(43, 'A')}}}});
}

double a_second(const std::vector<const Store*>& stores, std::size_t count, std::size_t at_once) {
  issuer::KeyStores in_use;
  std::vector<keyring::PublishedKey> published;
  for (const Store* store : stores) {
    in_use.put(store->name, {.signer = store->front, .call_deadline = patience});
    published.push_back(
        {store->key->id, store->name, store->key->purpose, true, store->key->public_key});
  }
  const auto keys = keyring::Snapshot::make(1, std::move(published)).value();
  std::counting_semaphore<> places(static_cast<std::ptrdiff_t>(at_once));
  std::atomic<std::size_t> failed = 0;
  const auto began = Clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    places.acquire();
    in_use.sign_jws(keys, {hsm::Purpose::access_token, jose::Algorithm::es256}, input_of,
                    Deadline::in(patience), [&](const Result<std::string>& token) {
                      if (!token) ++failed;
                      places.release();
                    });
  }
  for (std::size_t i = 0; i < at_once; ++i) places.acquire();
  if (failed != 0) throw std::runtime_error(std::to_string(failed.load()) + " were not signed");
  return static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - began).count();
}

int run(const programs::Arguments& arguments) {
  const auto number = [&](const char* option, const char* usual) {
    return static_cast<std::size_t>(std::stoul(arguments.value(option, usual)));
  };
  const test::FaultyModule module;
  module.token().add_token("second");
  config::HsmStore second = module.store();
  second.name = "second";
  second.token = "second";
  const Store one(module.store());
  const Store two(second);
  module.fail("C_Sign delay " + arguments.value("--delay", "20") + "\n");

  const std::size_t count = number("--signatures", "600");
  const std::size_t at_once = number("--at-once", "32");
  const double alone = a_second({&one}, count, at_once);
  const double both = a_second({&one, &two}, count, at_once);
  if (arguments.has("--json")) {
    std::printf("%s\n",
                Json{{"one", alone}, {"two", both}, {"ratio", both / alone}}.dump(2).c_str());
  } else {
    std::printf("one store   %8.1f signatures a second\ntwo stores  %8.1f\nratio       %8.2f\n",
                alone, both, both / alone);
  }
  return programs::exit_done;
}

}  // namespace
}  // namespace mintmark::bench

int main(int argc, char** argv) {
  const auto line = mintmark::programs::read_command_line(mintmark::bench::program, argc, argv);
  return line.arguments ? mintmark::bench::run(*line.arguments) : line.exit_status;
}
