#include "cbor/cbor.h"

#include <cbor.h>

#include <limits>
#include <set>

#include "cbor/scan.h"

namespace mintmark::cbor {
namespace {

struct FreeItem {
  void operator()(cbor_item_t* item) const {
    if (item != nullptr) cbor_decref(&item);
  }
};

std::optional<std::int64_t> integer_of(const cbor_item_t* item) {
  if (!cbor_is_int(item)) return std::nullopt;
  const std::uint64_t value = cbor_get_int(item);
  if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return std::nullopt;
  const auto number = static_cast<std::int64_t>(value);
  return cbor_isa_negint(item) ? -1 - number : number;
}

// libcbor's questions about simple values end the process where they are asked of a float.
bool is_simple(const cbor_item_t* item) {
  return cbor_isa_float_ctrl(item) && cbor_float_ctrl_is_ctrl(item);
}

std::string_view text_of(const cbor_item_t* item) {
  return {reinterpret_cast<const char*>(cbor_string_handle(item)), cbor_string_length(item)};
}
BytesView octets_of(const cbor_item_t* item) {
  return {cbor_bytestring_handle(item), cbor_bytestring_length(item)};
}

// A key by its value and not by its octets: 01 and 18 01 are the same key.
std::pair<cbor_type, std::string> identity_of(const cbor_item_t* key) {
  const cbor_type type = cbor_typeof(key);
  if (type == CBOR_TYPE_STRING) return {type, std::string(text_of(key))};
  if (type == CBOR_TYPE_BYTESTRING) return {type, std::string(as_text(octets_of(key)))};
  return {type, std::to_string(cbor_get_int(key))};
}

bool has_unique_keys(const cbor_item_t* item);

bool are_unique(const cbor_item_t* map) {
  std::set<std::pair<cbor_type, std::string>> keys;
  const cbor_pair* pairs = cbor_map_handle(map);
  for (std::size_t i = 0; i < cbor_map_size(map); ++i) {
    if (!keys.insert(identity_of(pairs[i].key)).second || !has_unique_keys(pairs[i].value))
      return false;
  }
  return true;
}

// As deep as the scan allows.
bool has_unique_keys(const cbor_item_t* item) {
  if (cbor_isa_map(item)) return are_unique(item);
  if (cbor_isa_tag(item)) return has_unique_keys(item->metadata.tag_metadata.tagged_item);
  if (!cbor_isa_array(item)) return true;
  for (std::size_t i = 0; i < cbor_array_size(item); ++i) {
    if (!has_unique_keys(cbor_array_handle(item)[i])) return false;
  }
  return true;
}

Bytes with_long_tags(BytesView octets, const Shape& shape) {
  constexpr std::uint8_t tag_follows = 0xD8;
  constexpr std::uint8_t number = 0x1F;
  Bytes readable;
  readable.reserve(shape.length + shape.short_tags.size());
  std::size_t at = 0;
  for (const std::size_t tag : shape.short_tags) {
    readable.insert(readable.end(), octets.begin() + static_cast<std::ptrdiff_t>(at),
                    octets.begin() + static_cast<std::ptrdiff_t>(tag));
    readable.push_back(tag_follows);
    readable.push_back(octets[tag] & number);
    at = tag + 1;
  }
  readable.insert(readable.end(), octets.begin() + static_cast<std::ptrdiff_t>(at),
                  octets.begin() + static_cast<std::ptrdiff_t>(shape.length));
  return readable;
}

}  // namespace

// libcbor's getters that hand out an item count references, without a lock: here items are
// borrowed, and the whole is kept.
class Reader {
 public:
  static Value value(std::shared_ptr<cbor_item_t> whole) {
    auto* item = whole.get();
    return {std::move(whole), item};
  }
};

std::optional<std::int64_t> Value::integer() const { return integer_of(item_); }

std::optional<BytesView> Value::octets() const {
  if (!cbor_isa_bytestring(item_)) return std::nullopt;
  return octets_of(item_);
}

std::optional<std::string_view> Value::text() const {
  if (!cbor_isa_string(item_)) return std::nullopt;
  return text_of(item_);
}

std::optional<bool> Value::boolean() const {
  if (!is_simple(item_) || !cbor_is_bool(item_)) return std::nullopt;
  return cbor_get_bool(item_);
}

bool Value::is_null() const { return is_simple(item_) && cbor_is_null(item_); }
bool Value::is_array() const { return cbor_isa_array(item_); }
bool Value::is_map() const { return cbor_isa_map(item_); }

std::size_t Value::size() const {
  if (is_array()) return cbor_array_size(item_);
  return is_map() ? cbor_map_size(item_) : 0;
}

Value Value::at(std::size_t index) const { return {whole_, cbor_array_handle(item_)[index]}; }

std::vector<std::pair<Value, Value>> Value::members() const {
  std::vector<std::pair<Value, Value>> all;
  if (!is_map()) return all;
  const cbor_pair* pairs = cbor_map_handle(item_);
  all.reserve(size());
  for (std::size_t i = 0; i < size(); ++i)
    all.emplace_back(Value(whole_, pairs[i].key), Value(whole_, pairs[i].value));
  return all;
}

std::optional<Value> Value::find(std::string_view name) const {
  for (std::size_t i = 0; is_map() && i < size(); ++i) {
    const cbor_pair& pair = cbor_map_handle(item_)[i];
    if (cbor_isa_string(pair.key) && text_of(pair.key) == name) return Value(whole_, pair.value);
  }
  return std::nullopt;
}

std::optional<Value> Value::find(std::int64_t label) const {
  for (std::size_t i = 0; is_map() && i < size(); ++i) {
    const cbor_pair& pair = cbor_map_handle(item_)[i];
    if (integer_of(pair.key) == label) return Value(whole_, pair.value);
  }
  return std::nullopt;
}

std::optional<std::pair<std::uint64_t, Value>> Value::tagged() const {
  if (!cbor_isa_tag(item_)) return std::nullopt;
  return std::pair(cbor_tag_value(item_), Value(whole_, item_->metadata.tag_metadata.tagged_item));
}

Result<std::pair<Value, std::size_t>> parse_first(BytesView octets, std::size_t most) {
  auto shape = scan(octets, most);
  if (!shape) return pass_on(shape);
  const Bytes readable = with_long_tags(octets, *shape);
  cbor_load_result result{};
  const std::shared_ptr<cbor_item_t> whole(cbor_load(readable.data(), readable.size(), &result),
                                           FreeItem{});
  if (!whole || result.error.code != CBOR_ERR_NONE || result.read != readable.size())
    return fail(Code::cbor_malformed, "this is no CBOR that libcbor can read");
  if (!has_unique_keys(whole.get()))
    return fail(Code::cbor_duplicate_key, "a map has the same key twice");
  return std::pair(Reader::value(whole), shape->length);
}

Result<Value> parse(BytesView octets, std::size_t most) {
  auto first = parse_first(octets, most);
  if (!first) return pass_on(first);
  if (first->second != octets.size())
    return fail(Code::cbor_trailing,
                std::to_string(octets.size() - first->second) + " octets behind the CBOR item");
  return std::move(first->first);
}

}  // namespace mintmark::cbor
