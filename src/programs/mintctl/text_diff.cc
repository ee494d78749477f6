#include "programs/mintctl/text_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace mintmark::programs {
namespace {

using Lines = std::vector<std::string_view>;

constexpr std::size_t around = 3;
/// Texts that differ in more lines are told apart as a whole.
constexpr std::ptrdiff_t most_changes = 1000;

/// With their ends, so that a last one without is another.
Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::size_t size = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

struct Step {
  char kind;  ///< ' ', '-', '+'
  std::string_view line;
};
using Script = std::vector<Step>;

/// The shortest script between two lists of lines: E. W. Myers, "An O(ND) Difference Algorithm and
/// Its Variations" (1986), the greedy form. Its rounds are kept, to walk back.
class Shortest {
 public:
  Shortest(const Lines& before, const Lines& after)
      : before_(before), after_(after), most_(std::min(most_changes, size(before) + size(after))) {}

  Script script() {
    if (!search()) return all_replaced();
    Script reversed;
    std::ptrdiff_t x = size(before_);
    std::ptrdiff_t y = size(after_);
    for (auto round = static_cast<std::ptrdiff_t>(rounds_.size()) - 1; round >= 0; --round) {
      const auto& reach = rounds_[static_cast<std::size_t>(round)];
      const std::ptrdiff_t k = x - y;
      const bool down = k == -round || (k != round && at(reach, k - 1) < at(reach, k + 1));
      const std::ptrdiff_t from_k = down ? k + 1 : k - 1;
      const std::ptrdiff_t from_x = round == 0 ? 0 : at(reach, from_k);
      const std::ptrdiff_t from_y = round == 0 ? 0 : from_x - from_k;
      while (x > from_x && y > from_y) {
        reversed.push_back({' ', before_[static_cast<std::size_t>(--x)]});
        --y;
      }
      if (round == 0) break;
      if (down)
        reversed.push_back({'+', after_[static_cast<std::size_t>(--y)]});
      else
        reversed.push_back({'-', before_[static_cast<std::size_t>(--x)]});
    }
    return {reversed.rbegin(), reversed.rend()};
  }

 private:
  using Reach = std::vector<std::ptrdiff_t>;  ///< Of each diagonal from -most to most.

  static std::ptrdiff_t size(const Lines& lines) {
    return static_cast<std::ptrdiff_t>(lines.size());
  }
  /// What is kept of a round: the diagonals that the next one may look at.
  [[nodiscard]] static std::ptrdiff_t at(const Reach& reach, std::ptrdiff_t k) {
    const std::ptrdiff_t middle = size_of(reach) / 2;
    return reach[static_cast<std::size_t>(middle + k)];
  }
  static std::ptrdiff_t size_of(const Reach& reach) {
    return static_cast<std::ptrdiff_t>(reach.size());
  }

  bool search() {
    Reach reach(static_cast<std::size_t>(2 * most_ + 3), 0);
    const std::ptrdiff_t middle = most_ + 1;
    const auto cell = [&](std::ptrdiff_t k) -> std::ptrdiff_t& {
      return reach[static_cast<std::size_t>(middle + k)];
    };
    for (std::ptrdiff_t round = 0; round <= most_; ++round) {
      // Only what this round reads: from -round-1 to round+1.
      rounds_.emplace_back(reach.begin() + (middle - round - 1),
                           reach.begin() + (middle + round + 2));
      for (std::ptrdiff_t k = -round; k <= round; k += 2) {
        const bool down = k == -round || (k != round && cell(k - 1) < cell(k + 1));
        std::ptrdiff_t x = down ? cell(k + 1) : cell(k - 1) + 1;
        if (round == 0) x = 0;
        std::ptrdiff_t y = x - k;
        while (x < size(before_) && y < size(after_) &&
               before_[static_cast<std::size_t>(x)] == after_[static_cast<std::size_t>(y)]) {
          ++x;
          ++y;
        }
        cell(k) = x;
        if (x >= size(before_) && y >= size(after_)) return true;
      }
    }
    return false;
  }

  [[nodiscard]] Script all_replaced() const {
    Script script;
    for (const auto line : before_) script.push_back({'-', line});
    for (const auto line : after_) script.push_back({'+', line});
    return script;
  }

  const Lines& before_;
  const Lines& after_;
  std::ptrdiff_t most_;
  std::vector<Reach> rounds_;
};

Script script_of(const Lines& before, const Lines& after) {
  std::size_t head = 0;
  const std::size_t shorter = std::min(before.size(), after.size());
  while (head < shorter && before[head] == after[head]) ++head;
  std::size_t tail = 0;
  while (tail < shorter - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;
  const Lines left(before.begin() + static_cast<std::ptrdiff_t>(head),
                   before.end() - static_cast<std::ptrdiff_t>(tail));
  const Lines right(after.begin() + static_cast<std::ptrdiff_t>(head),
                    after.end() - static_cast<std::ptrdiff_t>(tail));
  Script script;
  for (std::size_t i = 0; i < head; ++i) script.push_back({' ', before[i]});
  const Script middle = Shortest(left, right).script();
  script.insert(script.end(), middle.begin(), middle.end());
  for (std::size_t i = before.size() - tail; i < before.size(); ++i)
    script.push_back({' ', before[i]});
  return script;
}

/// Steps of a script that are shown together, the first and behind the last.
struct Range {
  std::size_t from;
  std::size_t to;
};

/// "3,7" of a hunk's head; a range of no lines begins at the line before it.
std::string lines_text(std::size_t first, std::size_t count) {
  return std::to_string(count == 0 ? first - 1 : first) + "," + std::to_string(count);
}

std::string hunk(const Script& script, const Range& range, std::size_t old_line,
                 std::size_t new_line) {
  std::size_t olds = 0;
  std::size_t news = 0;
  std::string body;
  for (std::size_t i = range.from; i < range.to; ++i) {
    const Step& step = script[i];
    if (step.kind != '+') ++olds;
    if (step.kind != '-') ++news;
    body += step.kind;
    body += step.line;
    if (!step.line.ends_with('\n')) body += "\n\\ No newline at end of file\n";
  }
  return "@@ -" + lines_text(old_line, olds) + " +" + lines_text(new_line, news) + " @@\n" + body;
}

/// Each change with its surroundings; those that would touch are one.
std::vector<Range> ranges_of(const Script& script) {
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < script.size(); ++i) {
    if (script[i].kind == ' ') continue;
    const std::size_t from = i < around ? 0 : i - around;
    const std::size_t to = std::min(script.size(), i + 1 + around);
    if (!ranges.empty() && from <= ranges.back().to)
      ranges.back().to = to;
    else
      ranges.push_back({from, to});
  }
  return ranges;
}

}  // namespace

std::string unified_diff(const std::string& name, std::string_view before, std::string_view after) {
  if (before == after) return "";
  const Lines old_lines = lines_of(before);
  const Lines new_lines = lines_of(after);
  const Script script = script_of(old_lines, new_lines);
  // Without a tab patch takes a name to end at its first blank.
  const std::string end = name.find(' ') == std::string::npos ? "\n" : "\t\n";
  std::string diff = "--- " + name + end + "+++ " + name + end;
  std::size_t old_line = 1;
  std::size_t new_line = 1;
  std::size_t told = 0;
  for (const Range& range : ranges_of(script)) {
    for (; told < range.to; ++told) {
      if (told == range.from) diff += hunk(script, range, old_line, new_line);
      if (script[told].kind != '+') ++old_line;
      if (script[told].kind != '-') ++new_line;
    }
  }
  return diff;
}

}  // namespace mintmark::programs
