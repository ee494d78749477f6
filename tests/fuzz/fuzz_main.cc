// One executable of libFuzzer for all targets:
//
//   fuzz TARGET [OPTION…] [FOLDER…]   libFuzzer's options and corpora
//   fuzz --list                       the targets, a line each
//   fuzz --seeds TARGET FOLDER        writes what the test data has for it
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "seeds.h"

namespace mintmark::fuzz {
namespace {

// Processes that libFuzzer starts itself (-jobs, -fork) get the name by the environment.
constexpr const char* variable = "MINTMARK_FUZZ_TARGET";
constexpr std::size_t most_seeds = 500;

const Target* chosen = nullptr;

[[noreturn]] void list() {
  for (const Target& target : targets()) std::printf("%s\n", target.name.c_str());
  std::exit(0);
}

[[noreturn]] void write_seeds(const std::string& name, const std::filesystem::path& folder) {
  const Target* target = target_named(name);
  if (target == nullptr) std::exit(2);
  std::filesystem::create_directories(folder);
  for (const Seed& seed : seeds_of_topics(*target, most_seeds)) {
    const auto place = folder / to_hex(sha256(seed.octets)).substr(0, 40);
    const auto written = write_file_atomically(place, as_text(seed.octets), 0644);
    if (!written) std::fprintf(stderr, "%s\n", written.error().to_string().c_str());
    if (!written) std::exit(3);
  }
  std::exit(0);
}

}  // namespace
}  // namespace mintmark::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  using namespace mintmark::fuzz;
  const std::string first = *argc > 1 ? (*argv)[1] : "";
  if (first == "--list") list();
  if (first == "--seeds" && *argc == 4) write_seeds((*argv)[2], (*argv)[3]);
  const char* named = std::getenv(variable);
  chosen = target_named(first);
  if (chosen != nullptr) {
    setenv(variable, first.c_str(), 1);
    (*argv)[1] = (*argv)[0];
    ++*argv;
    --*argc;
  } else if (named != nullptr) {
    chosen = target_named(named);
  }
  if (chosen == nullptr) {
    std::fprintf(stderr,
                 "usage: fuzz TARGET [OPTION…] [FOLDER…] | --list | --seeds TARGET FOLDER\n");
    std::exit(2);
  }
  setenv("TSS2_LOG", "all+NONE", 1);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mintmark::fuzz::chosen->run({data, size});
  return 0;
}
