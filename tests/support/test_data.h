// Published vectors and artefacts of real hardware: read in place, never copied into the tree.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::test {

/// MINTMARK_TEST_DATA, or ../shared/data beside the checkout. With CI set in the environment an
/// absent folder fails the test that asks.
[[nodiscard]] std::filesystem::path test_data();
/// False (outside CI only): the caller may GTEST_SKIP.
[[nodiscard]] bool test_data_is_there();

/// A test that has judged nothing fails with the checkout's own data, and is skipped with another
/// folder (MINTMARK_TEST_DATA), which need not have something of each kind.
void expect_some(std::size_t judged);

/// The entries of TOPIC/cases.json; files named in it are relative to test_data().
[[nodiscard]] Json cases_of(const std::string& topic);
[[nodiscard]] Bytes data_file(const std::string& name);

}  // namespace mintmark::test
