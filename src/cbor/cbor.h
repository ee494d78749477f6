// CBOR that strangers send (RFC 8949), by libcbor: bounded before it is believed. Pure;
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

struct cbor_item_t;

namespace mintmark::cbor {

inline constexpr std::size_t longest = 64U << 10U;  ///< Octets, where a caller names no other.
inline constexpr std::size_t deepest = 16;
inline constexpr std::size_t most_items = 4096;

/// One item of a whole that is kept alive by it. Cheap to copy. A getter of another kind gives
/// nothing.
class Value {
 public:
  [[nodiscard]] std::optional<std::int64_t> integer() const;  ///< Nothing where it does not fit.
  [[nodiscard]] std::optional<BytesView> octets() const;
  [[nodiscard]] std::optional<std::string_view> text() const;  ///< UTF-8
  [[nodiscard]] std::optional<bool> boolean() const;
  [[nodiscard]] bool is_null() const;
  [[nodiscard]] bool is_array() const;
  [[nodiscard]] bool is_map() const;
  [[nodiscard]] std::size_t size() const;           ///< Of an array or a map; else 0.
  [[nodiscard]] Value at(std::size_t index) const;  ///< Of an array; below size().
  /// Of a map.
  [[nodiscard]] std::optional<Value> find(std::string_view name) const;
  [[nodiscard]] std::optional<Value> find(std::int64_t label) const;
  [[nodiscard]] std::vector<std::pair<Value, Value>> members() const;
  /// Tag number and what is tagged.
  [[nodiscard]] std::optional<std::pair<std::uint64_t, Value>> tagged() const;

 private:
  friend class Reader;
  Value(std::shared_ptr<cbor_item_t> whole, cbor_item_t* item)
      : whole_(std::move(whole)), item_(item) {}
  std::shared_ptr<cbor_item_t> whole_;
  cbor_item_t* item_;
};

/// All of `octets`, which are at most `most`, is one item. `cbor_malformed` (also strings of
/// indefinite length, text that is not UTF-8), `cbor_too_large`, `cbor_too_deep`,
/// `cbor_duplicate_key`, `cbor_trailing`.
[[nodiscard]] Result<Value> parse(BytesView octets, std::size_t most = longest);
/// The item at the beginning, and how many octets it takes.
[[nodiscard]] Result<std::pair<Value, std::size_t>> parse_first(BytesView octets,
                                                                std::size_t most = longest);

}  // namespace mintmark::cbor
