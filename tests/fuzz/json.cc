// Any octets as JSON, as base64url and as base64: refused with a code, or read and written again to
// the same.
#include "base/json.h"
#include "base/flat_json.h"
#include "base/text.h"
#include "jose/base64url.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

// What was taken within the usual limits may be longer as it is printed: 1E9 is 1000000000.0.
constexpr JsonLimits wide{.octets = 1U << 20U, .depth = 16, .elements = 4096};

void read_document(std::string_view text, const Json* strict) {
  const auto document = parse_json_document("file.json", text);
  require(document || document.error().code == Code::config_invalid);
  if (!document) return require_told(document.error());
  require(strict == nullptr || document->value == *strict);
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const auto& [pointer, line] : document->lines) {
    require(line >= 1 && line <= lines);
    require(document->value.contains(Json::json_pointer(pointer)));
    require(document->place_of(pointer) == "file.json:" + std::to_string(line));
  }
}

void run_json(BytesView octets) {
  const std::string_view text = as_text(octets);
  const auto value = parse_json(text);
  const auto flat = read_flat_object(text);
  require(!flat || (value && *flat == *value));
  read_document(text, value ? &*value : nullptr);
  if (!value) return require_told(value.error());
  require(is_utf8(text));
  const std::string printed = value->dump();
  const auto again = parse_json(printed, wide);
  require(again && *again == *value && again->dump() == printed);
  const std::string whole(text);
  for (const char* behind : {",", "]", "}", " {}", "//", "\\"})
    require(!parse_json(whole + behind));
}

void run_base64(BytesView octets) {
  const std::string_view text = as_text(octets);
  if (const auto url = jose::from_base64url(text)) {
    require(jose::base64url(*url) == text);
  } else {
    require(url.error().code == Code::base64_malformed);
    require_told(url.error());
  }
  if (const auto plain = jose::from_base64(text)) require(jose::base64(*plain) == text);
  const auto there = jose::from_base64url(jose::base64url(octets));
  require(there && std::equal(there->begin(), there->end(), octets.begin(), octets.end()));
  const auto padded = jose::from_base64(jose::base64(octets));
  require(padded && *padded == *there);
}

// Whatever a stranger sends may come into a log line and into a message.
void run_text(BytesView octets) {
  const std::string_view text = as_text(octets);
  const std::string shown = printable(text, 40);
  require(shown.size() <= 43);
  require(!is_utf8(text) || is_utf8(shown));
  for (const char octet : shown) require(static_cast<unsigned char>(octet) >= 0x20);
  std::string quoted;
  append_json_string(quoted, text);
  require(quoted.find('\n') == std::string::npos && is_utf8(quoted));
  const auto read = parse_json(quoted, wide);
  require(quoted.size() > wide.octets || (read && read->is_string()));
  require(!read || !is_utf8(text) || read->get_ref<const std::string&>() == text);
  if (const auto from = from_hex(text)) require(to_hex(*from).size() == text.size());
  const auto back = from_hex(to_hex(octets));
  require(back && std::equal(back->begin(), back->end(), octets.begin(), octets.end()));
}

bool is_text(BytesView seed) { return seed.size() <= 8192 && is_utf8(as_text(seed)); }

const Registered json_targets{
    {"json", &run_json, {"jwt_attacks", "jose", "dpop", "oauth_misc"}, &is_text, 4000},
    {"base64", &run_base64, {"jwt_attacks", "jose"}, &is_text, 4000},
    {"text", &run_text, {"jwt_attacks"}, &is_text, 4000}};

}  // namespace
}  // namespace mintmark::fuzz
