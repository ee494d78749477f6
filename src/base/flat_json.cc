#include "base/flat_json.h"

#include <cstdint>

namespace mintmark {
namespace {

constexpr std::size_t longest_number = 18;  // Digits that fit an integer for certain.

// Each step takes what it says from the front of `rest`, or gives false or nothing.
class FlatReader {
 public:
  explicit FlatReader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  std::optional<Json> object(std::size_t depth = 1) {
    if (!take('{')) return std::nullopt;
    Json::object_t members;
    do {
      const auto name = text();
      if (!name || !take(':')) return std::nullopt;
      auto member = value(depth);
      if (!member || ++members_ > flat_members) return std::nullopt;
      if (!members.emplace(*name, std::move(*member)).second) return std::nullopt;
    } while (take(','));
    if (!take('}')) return std::nullopt;
    return Json(std::move(members));
  }

 private:
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<std::string_view> text() {
    if (!take('"')) return std::nullopt;
    std::size_t size = 0;
    while (size < rest_.size() && is_plain(rest_[size])) ++size;
    const std::string_view found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (!take('"')) return std::nullopt;
    return found;
  }

  std::optional<std::uint64_t> number() {
    std::uint64_t value = 0;
    std::size_t size = 0;
    for (; size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9'; ++size) {
      if (size == longest_number) return std::nullopt;
      value = value * 10 + static_cast<std::uint64_t>(rest_[size] - '0');
    }
    if (size == 0 || (size > 1 && rest_.front() == '0')) return std::nullopt;
    rest_.remove_prefix(size);
    return value;
  }

  std::optional<Json> value(std::size_t depth) {
    if (!rest_.empty() && rest_.front() == '"') {
      const auto plain = text();
      return plain ? std::optional<Json>(std::in_place, *plain) : std::nullopt;
    }
    if (!rest_.empty() && rest_.front() == '{')
      return depth < flat_depth ? object(depth + 1) : std::nullopt;
    const auto whole = number();
    return whole ? std::optional<Json>(std::in_place, *whole) : std::nullopt;
  }

  static bool is_plain(char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

  std::string_view rest_;
  std::size_t members_ = 0;
};

}  // namespace

std::optional<Json> read_flat_object(std::string_view text) {
  FlatReader reader(text);
  auto object = reader.object();
  if (!object || !reader.at_end()) return std::nullopt;
  return object;
}

}  // namespace mintmark
