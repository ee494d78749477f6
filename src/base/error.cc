#include "base/error.h"

#include <array>
#include <cstdio>

namespace mintmark {
namespace {

// Not by std::array's deduction guide: clang 14 folds 256 arguments at most.
constexpr auto table = std::to_array<CodeFacts>({
#define MINTMARK_ERROR(code, action, http_status, oauth_error) \
  CodeFacts{#code, Action::action, http_status, oauth_error},
#include "base/error_codes.def"
#undef MINTMARK_ERROR
});

}  // namespace

const CodeFacts& facts_of(Code code) {
  const auto row = static_cast<std::size_t>(code);
  return row < table.size() ? table[row] : table.front();
}

Code code_named(std::string_view name) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].name == name) return static_cast<Code>(i);
  }
  return Code::internal;
}

std::string_view name_of(Action action) {
  switch (action) {
    case Action::fix_request:
      return "fix_request";
    case Action::reattest:
      return "reattest";
    case Action::retry_later:
      return "retry_later";
    case Action::reset_session:
      return "reset_session";
    case Action::page_operator:
      return "page_operator";
  }
  return "page_operator";
}

std::string Error::to_string() const {
  std::string text(facts_of(code).name);
  if (!detail.empty()) text += ": " + detail;
  if (native != 0) {
    std::array<char, 32> number{};
    std::snprintf(number.data(), number.size(), " (native 0x%llx)",
                  static_cast<unsigned long long>(native));
    text += number.data();
  }
  return text;
}

}  // namespace mintmark
