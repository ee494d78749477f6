// Published vectors and artefacts of real hardware: read in place, never copied into the tree.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::test {

/// MINTMARK_TEST_DATA, or ../shared/data beside the checkout.
[[nodiscard]] std::filesystem::path test_data();
/// Whether it has a topic. False only where nobody named a folder, outside CI: the caller may
/// GTEST_SKIP. Throws otherwise: a folder that was named and is none would judge nothing.
[[nodiscard]] bool test_data_is_there();
/// Whether it has something of every kind: the checkout's own data, or a copy of them that
/// MINTMARK_TEST_DATA_IS_WHOLE=1 calls so. Another folder need not have every topic and kind.
[[nodiscard]] bool test_data_is_whole();

/// A test that has judged nothing fails with data that are whole, and is skipped with others.
void expect_some(std::size_t judged);

/// The entries of TOPIC/cases.json; files named in it are relative to test_data(). None where there
/// is no such topic; throws if the data should be whole.
[[nodiscard]] Json cases_of(const std::string& topic);
[[nodiscard]] Bytes data_file(const std::string& name);
[[nodiscard]] Json json_file(const std::string& name);

/// What `judge` throws fails what it judges, by that name, and nothing beside it.
void judge_apart(const std::string& name, const std::function<void()>& judge);
/// Each entry of a topic apart; how many there are, for expect_some().
std::size_t for_each_entry(const std::string& topic,
                           const std::function<void(const Json& entry)>& judge);

}  // namespace mintmark::test
