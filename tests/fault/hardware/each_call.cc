#include "each_call.h"

#include <gtest/gtest.h>

#include "support/thinned.h"

namespace mintmark::test {
namespace {

void try_once(const FaultyModule& module, const Trial& trial, const std::string& script) {
  SCOPED_TRACE(script.empty() ? "without a fault" : script);
  trial.prepare();
  if (testing::Test::HasFailure()) return;
  module.fail(script);
  trial.run();
  module.fail("");
  trial.judge();
}

// Which functions it calls, in order. C_Finalize does not count among those that fail.
std::vector<std::string> calls_of(const FaultyModule& module, const Trial& trial) {
  std::size_t before = 0;
  std::vector<std::string> calls;
  try_once(module,
           {trial.prepare,
            [&] {
              before = module.logged("C_").size();
              trial.run();
              calls = module.logged("C_");
            },
            trial.judge},
           "");
  calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(before));
  std::erase(calls, "C_Finalize");
  return calls;
}

}  // namespace

std::size_t each_call_fails(const FaultyModule& module, const Trial& trial, const InTurn& in_turn) {
  const auto calls = calls_of(module, trial);
  for (std::size_t answer = 0; answer < in_turn.answers.size(); ++answer) {
    for (std::size_t nth = answer % in_turn.step; nth < calls.size(); nth += in_turn.step) {
      if (testing::Test::HasFailure()) return calls.size();
      if (calls[nth] == in_turn.spared || !is_tried(nth / in_turn.step, answer)) continue;
      try_once(module, trial,
               "any " + in_turn.how + " " + in_turn.answers[answer] + " " +
                   std::to_string(nth + 1) + (in_turn.lasts ? "" : " once"));
    }
  }
  return calls.size();
}

}  // namespace mintmark::test
