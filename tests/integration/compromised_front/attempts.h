// What a front that has been taken over tries, and what came of it: one line of JSON each, on
// standard error, which is mintd's log.
#pragma once

#include <string>

#include "base/error.h"
#include "base/json.h"

namespace mintmark::test::compromised {

/// `kind`: of whom it is asked. `refused`: it did not get what it wanted.
void tell(const std::string& kind, const std::string& tried, bool refused,
          const std::string& came_of);

/// That `code` was the answer.
template <typename T>
void tell_refused(const std::string& kind, const std::string& tried, const Result<T>& outcome,
                  Code code) {
  tell(kind, tried, !outcome && outcome.error().code == code,
       outcome ? "done" : outcome.error().to_string());
}

/// What a front may do, as a proof that the channel works by which all else is refused.
template <typename T>
void tell_granted(const std::string& kind, const std::string& tried, const Result<T>& outcome) {
  tell(kind + ", granted", tried, !outcome, outcome ? "done" : outcome.error().to_string());
}

}  // namespace mintmark::test::compromised
