// Test groups of Project Wycheproof's files and who judges them.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "support/test_data.h"

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

/// Each test of the group apart.
inline void for_each_test(const Group& group, const std::function<void(const Json& test)>& judge) {
  for (const Json& test : group.group.at("tests"))
    test::judge_apart(group.entry + " " + test.value("tcId", Json()).dump(), [&] { judge(test); });
}

void judge_signatures(const Group& group);
/// Of no algorithm of ours: counted by type; what is signed there, nothing here takes.
void judge_foreign(const Group& group);
/// `public`, `private`: JWK or JWK set; tests have `jws` or `jwe`.
void judge_jose(const Group& group);
void judge_points(const Group& group);
void judge_oaep(const Group& group);
void judge_macs(const Group& group);
void judge_primes(const Group& group);

}  // namespace mintmark::artefacts
