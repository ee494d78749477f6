// What the issuer's status lists say of the book's tokens.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "book.h"
#include "stack.h"

namespace mintmark::test {

/// Fetches each list that a token names, now, and says what in it cannot be. `ahead`: of the
/// issuer's clock.
[[nodiscard]] std::vector<std::string> complaints_of_lists(const Stack& stack, Book& book,
                                                           std::chrono::seconds ahead);

}  // namespace mintmark::test
