#include "support/test_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "base/file.h"

namespace mintmark::test {
namespace {

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool has_a_topic(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) return false;
  const std::filesystem::directory_iterator all(folder);
  return std::any_of(begin(all), end(all), [](const auto& topic) {
    return std::filesystem::is_regular_file(topic.path() / "cases.json");
  });
}

}  // namespace

std::filesystem::path test_data() {
  return is_set("MINTMARK_TEST_DATA") ? std::getenv("MINTMARK_TEST_DATA")
                                      : MINTMARK_DEFAULT_TEST_DATA;
}

bool test_data_is_there() {
  if (has_a_topic(test_data())) return true;
  if (!is_set("MINTMARK_TEST_DATA") && std::getenv("CI") == nullptr) return false;
  throw std::runtime_error("no TOPIC/cases.json in " + test_data().string() +
                           "; set MINTMARK_TEST_DATA");
}

bool test_data_is_whole() {
  std::error_code none;
  return !is_set("MINTMARK_TEST_DATA") || is_set("MINTMARK_TEST_DATA_IS_WHOLE") ||
         std::filesystem::equivalent(test_data(), MINTMARK_DEFAULT_TEST_DATA, none);
}

void expect_some(std::size_t judged) {
  if (judged > 0) return;
  if (test_data_is_whole()) {
    ADD_FAILURE() << "nothing of this kind in " << test_data() << ": nothing was judged";
    return;
  }
  GTEST_SKIP() << "nothing of this kind in " << test_data();
}

Json cases_of(const std::string& topic) {
  const std::string name = topic + "/cases.json";
  if (!test_data_is_whole() && !std::filesystem::exists(test_data() / name)) return Json::array();
  return json_file(name);
}

Bytes data_file(const std::string& name) {
  auto content = read_file(test_data() / name, 64U << 20U);
  if (!content) throw std::runtime_error(content.error().to_string());
  return to_bytes(as_bytes(*content));
}

Json json_file(const std::string& name) {
  const Bytes text = data_file(name);
  return Json::parse(text.begin(), text.end());
}

void judge_apart(const std::string& name, const std::function<void()>& judge) {
  SCOPED_TRACE(name);
  try {
    judge();
  } catch (const std::exception& broken) {
    ADD_FAILURE() << name << " cannot be judged: " << broken.what();
  }
}

std::size_t for_each_entry(const std::string& topic,
                           const std::function<void(const Json& entry)>& judge) {
  const Json entries = cases_of(topic);
  for (const Json& entry : entries) {
    const bool named = entry.is_object() && entry.contains("id");
    judge_apart(named ? entry["id"].dump() : topic + ": an entry without an id",
                [&] { judge(entry); });
  }
  return entries.size();
}

}  // namespace mintmark::test
