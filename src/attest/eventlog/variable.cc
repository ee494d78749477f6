#include "attest/eventlog/variable.h"

#include "attest/eventlog/cursor.h"
#include "attest/eventlog/text.h"

namespace mintmark::attest::eventlog {
namespace {

constexpr std::uint64_t longest_name = 512;  // Characters.

}  // namespace

std::optional<Variable> read_variable(BytesView data) {
  Cursor cursor(data);
  const auto guid = cursor.take(16);
  const auto name_length = cursor.number<std::uint64_t>();
  const auto content_length = cursor.number<std::uint64_t>();
  if (!guid || !name_length || !content_length || *name_length > longest_name) return std::nullopt;
  const auto name = cursor.take(*name_length * 2);
  const auto content = name ? cursor.take(*content_length) : std::nullopt;
  if (!content) return std::nullopt;
  auto text = utf16_text(*name);
  if (!text) return std::nullopt;
  return Variable{guid_text(*guid), std::move(*text), *content, cursor.left() == 0};
}

}  // namespace mintmark::attest::eventlog
