// What every build checks without libFuzzer: each target holds for its seeds, and for so many
// broken versions of them.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

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

// What a target has now and where it is kept, for whoever has to mend what it broke.
BytesView given;
std::string kept;
std::string told;

// Beside this program and under its number: other trees, and other processes of this one, have the
// same targets.
extern "C" void keep_what_broke(int /*signal*/) {
  const int file = open(kept.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0 || write(file, given.data(), given.size()) < 0) return;
  (void)!write(STDERR_FILENO, told.data(), told.size());
}

void run(const Target& target, BytesView octets) {
  given = octets;
  target.run(octets);
}

class FuzzTarget : public testing::TestWithParam<Target> {
 protected:
  FuzzTarget() {
    const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    kept = here / ("broke-" + GetParam().name + "-" + std::to_string(getpid()));
    told = kept + " has the octets that broke it\n";
    unlink(kept.c_str());
    std::signal(SIGABRT, &keep_what_broke);
  }
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
