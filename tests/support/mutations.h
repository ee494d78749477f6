// Broken versions of a good text, the same ones in every run: for parsers of what people write.
#pragma once

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>

namespace mintmark::test {

/// One to four octets are changed, dropped, doubled or exchanged for a piece from elsewhere in the
/// text.
inline std::string broken_version(const std::string& text, std::mt19937& random) {
  const auto below = [&random](std::size_t end) { return std::size_t{random()} % end; };
  std::string broken = text;
  for (std::size_t changes = 1 + below(4); changes > 0 && !broken.empty(); --changes) {
    const std::size_t at = below(broken.size());
    switch (below(5)) {
      case 0:
        broken[at] = static_cast<char>(below(256));
        break;
      case 1:
        broken.erase(at, 1 + below(8));
        break;
      case 2:
        broken.insert(at, 1, broken[at]);
        break;
      case 3:
        broken.insert(at, broken.substr(below(broken.size()), below(40)));
        break;
      default:
        broken[at] = "{}[]\",:0-\\/*n"[below(13)];
        break;
    }
  }
  return broken;
}

/// Calls `judge` with every truncation of the text, then with `count` broken versions.
template <typename Judge>
void for_each_mutation(const std::string& text, std::size_t count, Judge judge) {
  for (std::size_t length = 0; length < text.size(); ++length) judge(text.substr(0, length));
  std::mt19937 random(20240229);  // NOLINT(cert-msc51-cpp): the same versions in every run.
  for (std::size_t i = 0; i < count; ++i) judge(broken_version(text, random));
}

/// Likewise with `count` in all, an eighth of them truncations: for texts that are long.
template <typename Judge>
void for_some_mutations(const std::string& text, std::size_t count, Judge judge) {
  std::mt19937 random(20240229);  // NOLINT(cert-msc51-cpp): the same versions in every run.
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 8 == 0 && !text.empty()) {
      judge(text.substr(0, random() % text.size()));
    } else {
      judge(broken_version(text, random));
    }
  }
}

/// "NAME:LINE: " stands at the beginning, with a line that the text has.
inline bool names_a_line(const std::string& detail, const std::string& name,
                         const std::string& text) {
  if (!detail.starts_with(name + ":")) return false;
  const std::size_t begin = name.size() + 1;
  const std::size_t end = detail.find(": ", begin);
  if (end == std::string::npos || end == begin || end - begin > 9) return false;
  const std::string digits = detail.substr(begin, end - begin);
  if (digits.find_first_not_of("0123456789") != std::string::npos) return false;
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  const std::size_t line = std::stoul(digits);
  return line >= 1 && line <= lines;
}

}  // namespace mintmark::test
