#include "base/json.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/flat_json.h"

template class nlohmann::basic_json<>;

namespace mintmark {
namespace {

// Counts lines while nlohmann's lexer reads; copies share the count, as the lexer copies its
// iterators. A line's end counts when the next line's first octet is read, since the lexer reads
// one octet past a number.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* line) : begin_(at), at_(at), line_(line) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    if (at_ != begin_ && at_[-1] == '\n') ++*line_;
    ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* begin_;
  const char* at_;
  std::size_t* line_;
};

// Builds the document and refuses what the limits or the rules forbid.
class StrictBuilder {
 public:
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  StrictBuilder(const JsonLimits& limits, const std::size_t* line, JsonDocument* document)
      : limits_(limits), line_(line), document_(document) {}

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(number_integer_t value) { return put(value); }
  bool number_unsigned(number_unsigned_t value) { return put(value); }
  bool number_float(number_float_t value, const string_t& text) {
    // nlohmann turns an integer that overflows into a float without a word.
    if (text.find_first_of(".eE") == string_t::npos) {
      return refuse(Code::json_number_out_of_range,
                    "the integer " + text.substr(0, 40) + " is out of range");
    }
    return put(value);
  }
  bool string(string_t& value) { return put(std::move(value)); }
  bool binary(binary_t& /*value*/) { return refuse(Code::json_malformed, "binary value"); }
  bool start_object(std::size_t /*count*/) { return open(Json::object()); }
  bool start_array(std::size_t /*count*/) { return open(Json::array()); }
  bool end_object() { return shut(); }
  bool end_array() { return shut(); }

  bool key(string_t& name) {
    Level& level = levels_.back();
    if (level.node->contains(name)) {
      return refuse(Code::json_duplicate_key,
                    "the member \"" + printable(name) + "\" stands twice");
    }
    level.key = std::move(name);
    level.line = *line_;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& reason) {
    // nlohmann's text quotes the input, which may hold a secret or a control character: keep the
    // position only.
    (void)reason;
    return refuse(Code::json_malformed, "not valid JSON at octet " + std::to_string(position));
  }

  Json root;
  std::optional<Error> error;
  std::size_t error_line = 0;

 private:
  struct Level {
    Json* node;
    std::string pointer;
    std::string key;
    std::size_t line = 0;
  };

  bool refuse(Code code, std::string detail) {
    error = Error{code, std::move(detail), 0};
    error_line = *line_;
    return false;
  }

  // Where the next value goes; nullptr if there are too many.
  Json* place(Json&& value, std::string* pointer) {
    if (++elements_ > limits_.elements) {
      refuse(Code::json_too_large, "more than " + std::to_string(limits_.elements) + " values");
      return nullptr;
    }
    if (levels_.empty()) {
      root = std::move(value);
      return &root;
    }
    Level& level = levels_.back();
    if (level.node->is_array()) {
      note(level, std::to_string(level.node->size()), *line_, pointer);
      level.node->push_back(std::move(value));
      return &level.node->back();
    }
    note(level, level.key, level.line, pointer);
    return &((*level.node)[level.key] = std::move(value));
  }

  bool put(Json&& value) {
    std::string pointer;
    return place(std::move(value), &pointer) != nullptr;
  }

  bool open(Json&& container) {
    if (levels_.size() >= limits_.depth) {
      return refuse(Code::json_too_deep,
                    "deeper than " + std::to_string(limits_.depth) + " levels");
    }
    std::string pointer;
    Json* node = place(std::move(container), &pointer);
    if (node == nullptr) return false;
    levels_.push_back({node, std::move(pointer), {}, 0});
    return true;
  }

  bool shut() {
    levels_.pop_back();
    return true;
  }

  // Only for documents of people: pointers of a stranger's long keys would cost more than the
  // parsing.
  void note(const Level& level, const std::string& segment, std::size_t line,
            std::string* pointer) {
    if (document_ == nullptr) return;
    *pointer = level.pointer + "/" + escaped(segment);
    document_->lines[*pointer] = line;
  }

  static std::string escaped(const std::string& key) {
    std::string out;
    for (const char c : key) {
      if (c == '~')
        out += "~0";
      else if (c == '/')
        out += "~1";
      else
        out += c;
    }
    return out;
  }

  JsonLimits limits_;
  const std::size_t* line_;
  JsonDocument* document_;
  std::vector<Level> levels_;
  std::size_t elements_ = 0;
};

// Lines are counted where somebody asks for them: what strangers send has none that matter.
bool parse_into(StrictBuilder& builder, std::string_view text, bool comments, std::size_t* line) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  constexpr auto json = Json::input_format_t::json;
  if (line == nullptr) return Json::sax_parse(begin, end, &builder, json, true, comments);
  return Json::sax_parse(CountingIterator(begin, line), CountingIterator(end, line), &builder, json,
                         true, comments);
}

Result<Json> parse(std::string_view text, const JsonLimits& limits, bool comments,
                   JsonDocument* document, std::size_t* line) {
  if (text.size() > limits.octets) {
    return fail(Code::json_too_large, "longer than " + std::to_string(limits.octets) + " octets");
  }
  // nlohmann takes a NUL for the end of the text and would pass over what stands behind it.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    *line += static_cast<std::size_t>(std::count(text.begin(), text.begin() + nul, '\n'));
    return fail(Code::json_malformed, "not valid JSON at octet " + std::to_string(nul));
  }
  // RFC 8259 §8.1: no message has one. nlohmann would pass over it; in people's files it may.
  if (!comments && text.starts_with("\xEF\xBB\xBF"))
    return fail(Code::json_malformed, "a byte order mark stands before the JSON text");
  StrictBuilder builder(limits, line, document);
  const bool done = parse_into(builder, text, comments, document == nullptr ? nullptr : line);
  if (builder.error) {
    *line = builder.error_line;
    return tl::unexpected<Error>(*builder.error);
  }
  if (!done) return fail(Code::json_malformed, "not valid JSON");
  return std::move(builder.root);
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() <= limits.octets && limits.elements > flat_members &&
      limits.depth >= flat_depth) {
    if (auto flat = read_flat_object(text)) return std::move(*flat);
  }
  std::size_t line = 1;
  return parse(text, limits, false, nullptr, &line);
}

Result<JsonDocument> parse_json_document(std::string name, std::string_view text,
                                         const JsonLimits& limits) {
  JsonDocument document;
  document.name = std::move(name);
  std::size_t line = 1;
  auto value = parse(text, limits, true, &document, &line);
  if (!value) {
    return fail(Code::config_invalid,
                document.name + ":" + std::to_string(line) + ": " + value.error().detail);
  }
  document.value = std::move(*value);
  return document;
}

std::string JsonDocument::place_of(const std::string& pointer) const {
  for (std::string at = pointer; !at.empty(); at.erase(at.rfind('/'))) {
    if (const auto found = lines.find(at); found != lines.end()) {
      return name + ":" + std::to_string(found->second);
    }
  }
  return name + ":1";
}

}  // namespace mintmark
