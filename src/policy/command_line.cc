#include "policy/command_line.h"

#include <algorithm>
#include <vector>

namespace mintmark::policy {
namespace {

using Words = std::vector<std::string>;

// The kernel's own isspace (lib/ctype.c) goes by octets: 0xA0 is a space of Latin-1, also as a part
// of a character of UTF-8.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xA0'; }

/// "module.sig-enforce=a-b" is "module.sig_enforce=a-b" (kernel/params.c, parameq).
std::string with_one_spelling(std::string argument) {
  const auto end =
      argument.begin() + static_cast<std::ptrdiff_t>(std::min(argument.find('='), argument.size()));
  // "--" is no name.
  if (argument != "--") std::replace(argument.begin(), end, '-', '_');
  return argument;
}

/// An argument without the quotes around it or its value, as next_arg() takes them off.
std::string unquoted(std::string_view argument) {
  const bool quoted = argument.starts_with('"');
  if (quoted) argument.remove_prefix(1);
  // Its first octet is never taken for the sign between name and value.
  const std::size_t equals = argument.find('=', 1);
  const bool quoted_value =
      equals != std::string_view::npos && argument.substr(equals + 1).starts_with('"');
  const std::size_t opening = quoted_value ? equals + 1 : std::string_view::npos;
  if ((quoted || quoted_value) && argument.ends_with('"') && argument.size() - 1 != opening)
    argument.remove_suffix(1);
  std::string bare(argument);
  if (quoted_value) bare.erase(opening, 1);
  return bare;
}

Words arguments_of_kernel(std::string_view line) {
  line = line.substr(0, line.find('\0'));
  Words all;
  for (std::size_t at = 0; at < line.size();) {
    if (is_space(line[at])) {
      ++at;
      continue;
    }
    const std::size_t start = at;
    for (bool in_quotes = false; at < line.size() && (in_quotes || !is_space(line[at])); ++at)
      in_quotes = in_quotes != (line[at] == '"');
    all.push_back(with_one_spelling(unquoted(line.substr(start, at - start))));
  }
  return all;
}

/// Split at every space, all quotes and escapes left out.
Words bare_words(std::string_view line) {
  Words all;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) all.push_back(with_one_spelling(std::move(word)));
    word.clear();
  };
  for (const char c : line) {
    if (is_space(c) || c == '\0')
      end_word();
    else if (c != '"' && c != '\'' && c != '\\')
      word += c;
  }
  end_word();
  return all;
}

/// Whether the words stand in the line next to one another; a last one that ends in "=" is the
/// beginning of one.
bool stand_in(const Words& line, const Words& words) {
  const auto fits = [&](const std::string& one, const std::string& word) {
    const bool begins = &word == &words.back() && word.ends_with('=');
    return begins ? one.starts_with(word) : one == word;
  };
  return !words.empty() &&
         std::search(line.begin(), line.end(), words.begin(), words.end(), fits) != line.end();
}

}  // namespace

bool kernel_takes(std::string_view line, std::string_view words) {
  Words arguments = arguments_of_kernel(line);
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  if (end != arguments.end()) arguments.erase(end + 1, arguments.end());
  return stand_in(arguments, arguments_of_kernel(words));
}

bool anyone_might_read(std::string_view line, std::string_view words) {
  return stand_in(arguments_of_kernel(line), arguments_of_kernel(words)) ||
         stand_in(bare_words(line), bare_words(words));
}

std::string wrong_with_words(std::string_view text) {
  return arguments_of_kernel(text).empty() || bare_words(text).empty() ? "must hold a word" : "";
}

}  // namespace mintmark::policy
