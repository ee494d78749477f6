// The fenced blocks of a document, for tests that do what it says.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace mintmark::test {

/// Language and text of each, in order.
inline std::vector<std::pair<std::string, std::string>> blocks_in(
    const std::filesystem::path& document) {
  std::ifstream text(document);
  std::vector<std::pair<std::string, std::string>> found;
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    const bool fence = line.starts_with("```");
    if (fence && !inside) found.emplace_back(line.substr(3), "");
    if (!fence && inside) found.back().second += line + "\n";
    if (fence) inside = !inside;
  }
  return found;
}

}  // namespace mintmark::test
