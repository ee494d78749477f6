// Evidence of real hardware where OpenSSL gets no memory: rejected, or judged as with memory.
#include "support/scarce_memory.h"

#include <gtest/gtest.h>

#include "support/artefacts.h"

namespace mintmark::test {
namespace {

using attest::offline::Judgement;
using attest::offline::to_json;

// So many runs for each entry, each with other allocations failing; together they try them all.
constexpr std::size_t runs_of_one = 12;

// The verdict and what was computed for it; descriptions may lack what could not be printed.
std::string found_in(const Json& answer) {
  std::string all = answer["verdict"];
  for (const char* name : {"ak_name", "ek_name", "key_name", "pcr_digest_matches"}) {
    if (answer["facts"].contains(name)) all += " " + answer["facts"][name].dump();
  }
  return all;
}

class ScarceMemory : public ::testing::TestWithParam<std::string> {};

TEST_P(ScarceMemory, MakesNoEvidenceBetterThanItIs) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t count = 0;
  for (const Artefact& artefact : artefacts_of(GetParam())) {
    const auto trust = artefact.trust();
    const auto question = question_of(artefact, trust ? &*trust : nullptr);
    expect_closed_without_memory({artefact.id,
                                  [&]() -> Result<std::string> {
                                    const Judgement judgement = judged(question);
                                    if (judgement.refusal)
                                      return tl::unexpected(*judgement.refusal);
                                    return found_in(to_json(judgement));
                                  }},
                                 runs_of_one);
    ++count;
  }
  expect_some(count);
}

INSTANTIATE_TEST_SUITE_P(OfEveryTopic, ScarceMemory, ::testing::ValuesIn(evidence_topics));

}  // namespace
}  // namespace mintmark::test
