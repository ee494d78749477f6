// Refusals of a configuration, each by what was broken in a good one.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "config/config.h"
#include "sample.h"

namespace mintmark::config {

using test::replaced;
using test::sample;

/// The detail of the refusal of the sample with `from` replaced by `to`.
inline std::string refusal(const std::string& from, const std::string& to) {
  const auto config = parse("mintd.json", replaced(sample, from, to));
  if (config) return "(not refused)";
  EXPECT_EQ(config.error().code, Code::config_invalid);
  EXPECT_EQ(config.error().detail.find('\n'), std::string::npos);
  return config.error().detail;
}

/// "mintd.json:LINE", of the line in the sample where `text` stands.
inline std::string line_of(const std::string& text) {
  const auto end = sample.begin() + static_cast<std::ptrdiff_t>(sample.find(text));
  return "mintd.json:" + std::to_string(1 + std::count(sample.begin(), end, '\n'));
}

inline void expect_text(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

}  // namespace mintmark::config
