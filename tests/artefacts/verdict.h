// How what a published suite says of a case is compared with what we say of it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/test_data.h"

namespace mintmark::artefacts {

using test::json_file;
using test::judge_apart;

enum class Verdict : std::uint8_t { taken, refused, left_open };

/// Of a suite's words the first counts: "reject: crit", "ok (typ not checked by this call)". Throws
/// for one that is not known.
inline Verdict verdict_of(std::string_view said) {
  constexpr std::array<std::pair<std::string_view, Verdict>, 13> words{
      {{"valid", Verdict::taken},
       {"accept", Verdict::taken},
       {"ok", Verdict::taken},
       {"parse-ok", Verdict::taken},
       {"parse", Verdict::taken},
       {"known-answer", Verdict::taken},
       {"reference", Verdict::taken},
       {"invalid", Verdict::refused},
       {"reject", Verdict::refused},
       {"expired", Verdict::refused},
       {"not-yet-valid", Verdict::refused},
       {"acceptable", Verdict::left_open},
       {"either", Verdict::left_open}}};
  const auto word = said.substr(0, said.find_first_of(" :;,("));
  for (const auto& [known, verdict] : words) {
    if (known == word) return verdict;
  }
  throw std::runtime_error("\"" + std::string(said) +
                           "\" is no result that is known here; verdict.h has the words");
}

/// Why we answer as we do where a suite says something else, or leaves it open: by what a case is,
/// never by its number or name.
template <typename Case>
struct Reason {
  std::string_view why;
  Verdict ours;
  bool (*applies)(const Case&);
};

/// `Case` has `name` and `said`. A case without a reason is judged as the suite says.
template <typename Case, std::size_t N>
void expect_judged(const Case& one, bool taken, const std::array<Reason<Case>, N>& reasons) {
  const Verdict said = verdict_of(one.said);
  const auto reason = std::find_if(reasons.begin(), reasons.end(),
                                   [&one](const auto& row) { return row.applies(one); });
  const Verdict right = reason == reasons.end() ? said : reason->ours;
  if (right == Verdict::left_open) {
    ADD_FAILURE() << one.name << " is left open (" << one.said << "), and no reason says what is "
                  << "right here; we " << (taken ? "take" : "refuse") << " it";
    return;
  }
  EXPECT_EQ(taken, right == Verdict::taken)
      << one.name << ": the suite says " << one.said << "; "
      << (reason == reasons.end() ? "no reason here to differ" : reason->why);
}

inline Bytes hex(const Json& object, const char* name) {
  return from_hex(object.at(name).get<std::string>()).value();
}

}  // namespace mintmark::artefacts
