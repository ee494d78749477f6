#include "policy/texts.h"

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

}  // namespace mintmark::policy
