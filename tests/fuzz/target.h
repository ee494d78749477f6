// A fuzz target: an entry for octets of a stranger's, known by its name. One executable has all of
// them (README.md).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace mintmark::fuzz {

struct Target {
  std::string name;  ///< And the folder below corpus/.
  /// Takes any octets, in any order of calls. What must hold is asked by require().
  void (*run)(BytesView octets);
  /// Of the test data: what their cases name are seeds too.
  std::vector<std::string> topics = {};
  /// Which of those; nullptr: all.
  bool (*fits)(BytesView seed) = nullptr;
  /// How many inputs tests/run makes of all seeds together.
  std::size_t rounds = 2000;
};

/// In the order of their names.
[[nodiscard]] const std::vector<Target>& targets();
/// nullptr where there is none of that name.
[[nodiscard]] const Target* target_named(const std::string& name);

/// A file of targets has one, in static storage.
struct Registered {
  Registered(std::initializer_list<Target> some);
};

/// Ends the process, as a sanitizer does, and says where.
inline void require(bool held, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (held) return;
  std::fprintf(stderr, "%s:%d: what must hold does not\n", file, line);
  std::abort();
}

/// A refusal that a stranger may read: a code with a name, and text of one line in UTF-8.
void require_told(const Error& error, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE());

}  // namespace mintmark::fuzz
