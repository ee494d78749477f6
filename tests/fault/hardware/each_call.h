// One operation after another, each call of its module failing in turn.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "support/faulty_module.h"

namespace mintmark::test {

/// An operation that can be tried again and again.
struct Trial {
  std::function<void()> prepare;  ///< Before each try. Nothing fails.
  std::function<void()> run;      ///< One of its calls fails.
  std::function<void()> judge;    ///< The fault is over.
};

/// One for each of what the table in hsm/pkcs11/rv.cc does about it, and two that say something of
/// an attribute.
inline const std::vector<std::string> usual_answers{
    "0x30",   // CKR_DEVICE_ERROR: another session
    "0xB3",   // CKR_SESSION_HANDLE_INVALID: the session is gone
    "0x82",   // CKR_OBJECT_HANDLE_INVALID: the key is looked for again
    "0x101",  // CKR_USER_NOT_LOGGED_IN: the login is done again
    "0x32",   // CKR_DEVICE_REMOVED: the module is initialised anew
    "0x2",    // CKR_HOST_MEMORY: nothing helps, and it passes
    "0x6",    // CKR_FUNCTION_FAILED: whatever helps
    "0x12",   // CKR_ATTRIBUTE_TYPE_INVALID
    "0x150",  // CKR_BUFFER_TOO_SMALL
};

struct InTurn {
  std::vector<std::string> answers = usual_answers;
  std::string how = "return";  ///< "after": it was done, and its answer is lost.
  bool lasts = false;          ///< The calls after it fail likewise.
  std::size_t step = 1;        ///< Every so manieth call alone, others with each answer.
  std::string spared = {};     ///< A function that does not fail.
};

inline void PrintTo(const InTurn& in_turn, std::ostream* out) { *out << in_turn.how; }

/// Tries without a fault, to count the calls; then with the first of them failing, the second, to
/// the last, by each answer (thinned.h: a part of all that, but in tests/long). Ends early where
/// something was not as expected. Gives how many calls there are.
std::size_t each_call_fails(const FaultyModule& module, const Trial& trial, const InTurn& in_turn);

}  // namespace mintmark::test
