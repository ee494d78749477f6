#include "policy/texts.h"

#include <algorithm>
#include <set>

namespace mintmark::policy {

std::vector<std::string> checked_texts(config::ObjectReader& reader, const char* key,
                                       TextCheck wrong_with) {
  std::vector<std::string> all = reader.texts(key);
  if (reader.failed()) return {};
  if (all.empty()) reader.refuse(key, "must hold at least one text");
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string wrong = wrong_with(all[i]);
    if (!wrong.empty()) reader.refuse_element(key, i, wrong);
    if (!seen.insert(all[i]).second) reader.refuse_element(key, i, "stands twice");
  }
  return all;
}

std::vector<std::string> optional_texts(config::ObjectReader& reader, const char* key,
                                        TextCheck wrong_with) {
  // Asked for also when absent, so that the key is known.
  return reader.has(key) ? checked_texts(reader, key, wrong_with)
                         : reader.texts(key, std::vector<std::string>{});
}

std::string wrong_with_nothing(std::string_view /*text*/) { return ""; }

std::string in_lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::vector<std::string> in_lower_case(std::vector<std::string> all) {
  for (std::string& text : all) text = in_lower_case(std::move(text));
  return all;
}

}  // namespace mintmark::policy
