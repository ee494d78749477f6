// Lists of texts in a policy file. Private to this folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/reader.h"

namespace mintmark::policy {

/// "" if the text is good, otherwise what would be right.
using TextCheck = std::string (*)(std::string_view);

/// A list with at least one text, each good by `wrong_with`, none twice.
[[nodiscard]] std::vector<std::string> checked_texts(config::ObjectReader& reader, const char* key,
                                                     TextCheck wrong_with);
/// As checked_texts; empty if the key is absent.
[[nodiscard]] std::vector<std::string> optional_texts(config::ObjectReader& reader, const char* key,
                                                      TextCheck wrong_with);
/// "" for every text.
[[nodiscard]] std::string wrong_with_nothing(std::string_view text);

/// ASCII alone.
[[nodiscard]] std::string in_lower_case(std::string text);
[[nodiscard]] std::vector<std::string> in_lower_case(std::vector<std::string> all);

}  // namespace mintmark::policy
