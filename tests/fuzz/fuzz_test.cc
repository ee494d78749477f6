// What every build checks without libFuzzer: each target holds for its seeds, and for so many
// broken versions of them.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "seeds.h"
#include "support/mutations.h"

namespace mintmark::fuzz {

void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

namespace {

// MINTMARK_FUZZ_ROUNDS instead of each target's own.
std::size_t rounds_of(const Target& target) {
  const char* wished = std::getenv("MINTMARK_FUZZ_ROUNDS");
  return wished == nullptr ? target.rounds : std::strtoul(wished, nullptr, 10);
}

// Which target has which octets now, for whoever has to mend what they broke.
const Target* running = nullptr;
BytesView given;

extern "C" void keep_what_broke(int /*signal*/) {
  std::array<char, 128> path{};
  std::strncat(path.data(), "/tmp/mintmark-fuzz-", 40);
  std::strncat(path.data(), running->name.c_str(), 40);
  const int file = open(path.data(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0 || write(file, given.data(), given.size()) < 0) return;
  std::strncat(path.data(), " has the octets that broke it\n", 40);
  (void)!write(STDERR_FILENO, path.data(), std::strlen(path.data()));
}

void run(const Target& target, BytesView octets) {
  running = &target;
  given = octets;
  target.run(octets);
}

class FuzzTarget : public testing::TestWithParam<Target> {
 protected:
  FuzzTarget() { std::signal(SIGABRT, &keep_what_broke); }
  ~FuzzTarget() override { std::signal(SIGABRT, SIG_DFL); }
};

TEST_P(FuzzTarget, HoldsForItsSeedsAndTheirBrokenVersions) {
  const Target& target = GetParam();
  auto seeds = corpus_of(MINTMARK_FUZZ_CORPUS, target);
  ASSERT_GE(seeds.size(), 3U) << "tests/fuzz/corpus/" << target.name;
  for (auto& seed : seeds_of_topics(target, 64)) seeds.push_back(std::move(seed));
  const std::size_t each = std::max<std::size_t>(rounds_of(target) / seeds.size(), 8);
  for (const Seed& seed : seeds) {
    SCOPED_TRACE(seed.name);
    run(target, seed.octets);
    test::for_some_mutations(std::string(as_text(seed.octets)), each,
                             [&](const std::string& broken) { run(target, as_bytes(broken)); });
  }
}

TEST_P(FuzzTarget, HoldsForOctetsOfOneKind) {
  for (const char octet : {'\0', '\xFF', '0', ' ', '\n', '[', '{'}) {
    for (const std::size_t size : {0U, 1U, 7U, 32U, 4096U})
      run(GetParam(), as_bytes(std::string(size, octet)));
  }
}

INSTANTIATE_TEST_SUITE_P(Strangers, FuzzTarget, testing::ValuesIn(targets()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace mintmark::fuzz
