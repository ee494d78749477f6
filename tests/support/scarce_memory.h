// OpenSSL without memory: each of its allocations fails once, and what is asked of it must still be
// answered rightly or refused.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"

namespace mintmark::test {

/// Something asked: a text that says what was found, or why it is refused. With memory it gives the
/// same each time.
struct Asked {
  std::string name;
  std::function<Result<std::string>()> ask;
};

/// Runs `operation` while every allocation of OpenSSL in this thread fails.
void without_memory(const std::function<void()>& operation);

/// Inside of an operation that lacks memory: runs this part with all that it needs.
void with_memory(const std::function<void()>& part);

/// Asks again and again, with the first allocation of OpenSSL in this thread failing, then the
/// second, to the last; and as often with all after it failing too. What is refused with memory
/// must be refused each time; what is not may be refused, or get the same answer. Afterwards, with
/// memory, all is as before. Where there are more than `most_tried` allocations, so many of them
/// are tried, evenly, beginning where the name says: questions of one kind try different ones.
/// Gives how often it was refused for lack of memory alone, so that a caller can see that something
/// was tried.
std::size_t expect_closed_without_memory(const Asked& asked, std::size_t most_tried = 300);

}  // namespace mintmark::test
