// What patch(1) makes of files.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "base/file.h"
#include "support/temporary_directory.h"

namespace mintmark::programs::test {

/// Applies the diff to the files in that directory, by the names that stand in it.
inline void apply(const mintmark::test::TemporaryDirectory& directory, const std::string& diff,
                  const std::string& how) {
  directory.write("change.diff", diff);
  const std::string place = directory.path().string();
  const std::string command = "patch --quiet --fuzz=0 " + how + " < '" + place +
                              "/change.diff' > '" + place + "/said' 2>&1";
  // NOLINTNEXTLINE(cert-env33-c,concurrency-mt-unsafe): the program is what is asked about
  if (std::system(command.c_str()) != 0)
    throw std::runtime_error("patch refused:\n" + *read_file(directory.path() / "said") + diff);
}

inline std::string patched(const std::string& before, const std::string& diff) {
  const mintmark::test::TemporaryDirectory directory;
  directory.write("file", before);
  apply(directory, diff, "-d '" + directory.path().string() + "' -p0");
  return *read_file(directory.path() / "file");
}

}  // namespace mintmark::programs::test
