#include "support/test_data.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "base/file.h"

namespace mintmark::test {

std::filesystem::path test_data() {
  const char* named = std::getenv("MINTMARK_TEST_DATA");
  return named != nullptr && *named != '\0' ? named : MINTMARK_DEFAULT_TEST_DATA;
}

bool test_data_is_there() {
  if (std::filesystem::is_directory(test_data())) return true;
  if (std::getenv("CI") != nullptr) {
    throw std::runtime_error("no test data at " + test_data().string() +
                             "; set MINTMARK_TEST_DATA");
  }
  return false;
}

void expect_some(std::size_t judged) {
  if (judged > 0) return;
  std::error_code none;
  if (std::filesystem::equivalent(test_data(), MINTMARK_DEFAULT_TEST_DATA, none)) {
    ADD_FAILURE() << "nothing of this kind in " << test_data() << ": nothing was judged";
    return;
  }
  GTEST_SKIP() << "nothing of this kind in " << test_data();
}

Json cases_of(const std::string& topic) {
  const Bytes text = data_file(topic + "/cases.json");
  return Json::parse(text.begin(), text.end());
}

Bytes data_file(const std::string& name) {
  auto content = read_file(test_data() / name, 64U << 20U);
  if (!content) throw std::runtime_error(content.error().to_string());
  return to_bytes(as_bytes(*content));
}

}  // namespace mintmark::test
