// Test groups of Project Wycheproof's files and who judges them.
#pragma once

#include <string>

#include "base/json.h"

namespace mintmark::artefacts {

/// A group of tests. The references live as long as the file.
struct Group {
  const std::string& entry;
  const Json& file;
  const Json& group;

  [[nodiscard]] std::string type() const { return group.at("type").get<std::string>(); }
  [[nodiscard]] std::string text(const char* name) const { return group.value(name, ""); }
  /// For people.
  [[nodiscard]] std::string name_of(const Json& test) const {
    return entry + " " + test.at("tcId").dump() + " \"" + test.value("comment", "") + "\"";
  }
};

void judge_signatures(const Group& group);
/// `public`, `private`: JWK or JWK set; tests have `jws` or `jwe`.
void judge_jose(const Group& group);
void judge_points(const Group& group);
void judge_oaep(const Group& group);
void judge_macs(const Group& group);
void judge_primes(const Group& group);

}  // namespace mintmark::artefacts
