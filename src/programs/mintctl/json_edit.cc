#include "programs/mintctl/json_edit.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace mintmark::programs {
namespace {

constexpr JsonLimits limits{.octets = 8U << 20U, .depth = 32, .elements = 400'000};

/// Walks over JSON with comments that was parsed before.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void step() { ++at_; }
  void go_to(std::size_t at) { at_ = at; }

  /// Over blanks and comments; stops before a line's end if `in_line`.
  void skip_space(bool in_line = false) {
    while (at_ < text_.size()) {
      const std::string_view rest = text_.substr(at_);
      if (rest.starts_with("//"))
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (rest.starts_with("/*"))
        at_ = std::min(text_.find("*/", at_ + 2), text_.size() - 2) + 2;
      else if (rest.front() == ' ' || rest.front() == '\t' || rest.front() == '\r' ||
               (rest.front() == '\n' && !in_line))
        ++at_;
      else
        return;
    }
  }

  /// Over a string; gives what it says.
  std::string take_string() {
    const std::size_t start = at_;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
    const Json value = Json::parse(text_.substr(start, at_ - start), nullptr, false);
    return value.is_string() ? value.get<std::string>() : std::string();
  }

  /// Over any value, without looking into it.
  void skip_value() {
    std::size_t depth = 0;
    do {
      skip_space();
      const char c = next();
      if (c == '"') {
        take_string();
      } else {
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        step();
        // A number or a word ends where something else begins.
        if (depth == 0 && c != '}' && c != ']')
          while (is_word(next())) step();
      }
    } while (depth > 0 && at_ < text_.size());
  }

 private:
  static bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '-' || c == '.';
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Moves the cursor, which stands before an object or array, before the value of that member or
/// index; false if there is none.
bool descend(Cursor& cursor, const std::string& segment) {
  cursor.skip_space();
  const bool in_object = cursor.next() == '{';
  if (!in_object && cursor.next() != '[') return false;
  cursor.step();
  for (std::size_t index = 0;; ++index) {
    cursor.skip_space();
    if (cursor.next() == '}' || cursor.next() == ']' || cursor.next() == '\0') return false;
    std::string name = std::to_string(index);
    if (in_object) {
      name = cursor.take_string();
      cursor.skip_space();
      cursor.step();  // The colon.
      cursor.skip_space();
    }
    if (name == segment) return true;
    cursor.skip_value();
    cursor.skip_space();
    if (cursor.next() == ',') cursor.step();
  }
}

/// RFC 6901 §4.
std::vector<std::string> segments_of(const std::string& pointer) {
  std::vector<std::string> all;
  for (std::size_t start = 1; start <= pointer.size() && !pointer.empty();) {
    const std::size_t end = std::min(pointer.find('/', start), pointer.size());
    std::string one = pointer.substr(start, end - start);
    for (const auto& [from, to] : {std::pair{"~1", "/"}, std::pair{"~0", "~"}}) {
      for (std::size_t at = 0; (at = one.find(from, at)) != std::string::npos; ++at)
        one.replace(at, 2, to);
    }
    all.push_back(std::move(one));
    start = end + 1;
  }
  return all;
}

/// Where the elements of a list stand.
struct ListPlace {
  std::size_t open = 0;        ///< Behind the bracket.
  std::size_t last_start = 0;  ///< Of the last element.
  std::size_t last_end = 0;    ///< Behind the last element; `open` where there is none.
};

std::optional<ListPlace> place_of_list(std::string_view text, const std::string& pointer) {
  Cursor cursor(text);
  for (const std::string& segment : segments_of(pointer)) {
    if (!descend(cursor, segment)) return std::nullopt;
  }
  cursor.skip_space();
  if (cursor.next() != '[') return std::nullopt;
  cursor.step();
  ListPlace place{cursor.at(), cursor.at(), cursor.at()};
  for (;;) {
    cursor.skip_space();
    if (cursor.next() == ']' || cursor.next() == '\0') return place;
    place.last_start = cursor.at();
    cursor.skip_value();
    place.last_end = cursor.at();
    cursor.skip_space();
    if (cursor.next() == ',') cursor.step();
  }
}

/// As people write it: a blank behind each comma and colon; the members of an event in the order in
/// which one reads them.
std::string in_one_line(const Json& value) {
  // It is printed as a diff, and comes from strangers: what a terminal obeys, or what hides or
  // turns text, is written as an escape.
  if (!value.is_structured()) return value.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (value.is_array()) {
    for (const Json& one : value) add(in_one_line(one));
    return "[" + text + "]";
  }
  std::vector<std::string> names = {"pcr", "type", "digests", "note"};
  for (const auto& [name, member] : value.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  for (const std::string& name : names) {
    if (value.contains(name)) add(in_one_line(name) + ": " + in_one_line(value[name]));
  }
  return "{" + text + "}";
}

std::string blanks_before(std::string_view text, std::size_t at) {
  const std::size_t line = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
  const std::size_t end = text.find_first_not_of(" \t", line);
  return std::string(text.substr(line, std::min(end, at) - line));
}

/// The text with the elements put in; the list has at least one of its own.
std::string appended(std::string_view text, const ListPlace& place, const Json& values) {
  const std::string_view before = text.substr(place.open, place.last_start - place.open);
  const bool a_line_each = before.find('\n') != std::string_view::npos;
  const std::string end_of_line = text.find("\r\n") != std::string_view::npos ? "\r\n" : "\n";
  std::string lines;
  for (const Json& value : values) {
    lines += a_line_each ? (lines.empty() ? "" : ",") + end_of_line +
                               blanks_before(text, place.last_start) + in_one_line(value)
                         : ", " + in_one_line(value);
  }
  std::string out(text);
  if (!a_line_each) return out.insert(place.last_end, lines);
  // What a comment behind the last element says stays behind it.
  Cursor cursor(text);
  cursor.go_to(place.last_end);
  cursor.skip_space(true);
  std::size_t end = cursor.at();
  if (cursor.next() != '\n') end = place.last_end;
  if (end > place.last_end && text[end - 1] == '\r') --end;
  out.insert(end, lines);
  return out.insert(place.last_end, ",");
}

}  // namespace

Result<std::string> with_appended(std::string_view text, const std::string& pointer,
                                  const Json& values) {
  const auto before = parse_json_document("text", text, limits);
  if (!before) return tl::unexpected<Error>(before.error());
  const auto place = place_of_list(text, pointer);
  if (!place) return fail(Code::not_found, "there is no list at " + pointer);
  std::string changed;
  if (place->last_end == place->open) {
    const std::string list = in_one_line(values);
    changed = std::string(text).insert(place->open, list.substr(1, list.size() - 2));
  } else {
    changed = appended(text, *place, values);
  }
  Json wanted = before->value;
  Json& list = wanted[Json::json_pointer(pointer)];
  list.insert(list.end(), values.begin(), values.end());
  const auto after = parse_json_document("text", changed, limits);
  if (!after || after->value != wanted)
    return fail(Code::internal, "the list at " + pointer + " cannot be changed in place");
  return changed;
}

}  // namespace mintmark::programs
