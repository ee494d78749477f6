// Strict JSON: nlohmann's parser with what strangers use against it shut off.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"

// Compiled once, in json.cc: every file that uses it would do so again, for a fifth of its time.
extern template class nlohmann::basic_json<>;

namespace mintmark {

using Json = nlohmann::json;

struct JsonLimits {
  std::size_t octets = 64U << 10U;
  std::size_t depth = 16;       ///< Objects and arrays inside one another.
  std::size_t elements = 4096;  ///< Keys and array elements in all.
};

/// Parses one JSON text (RFC 8259) and nothing after it. Refused: a member named twice (nlohmann
/// would keep the last, `alg` included), an integer that fits neither int64 nor uint64, invalid
/// UTF-8, more than the limits allow.
[[nodiscard]] Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

/// A document a person writes: comments allowed, and where each member stands is kept for error
/// messages.
struct JsonDocument {
  std::string name;  ///< The file, for messages.
  Json value;
  std::map<std::string, std::size_t> lines;  ///< JSON Pointer (RFC 6901) -> line, from 1.

  /// "FILE:LINE" of the member at the pointer, or of its nearest parent that is there.
  [[nodiscard]] std::string place_of(const std::string& pointer) const;
};

/// As parse_json, with comments; an error's detail begins with FILE:LINE and its code is
/// `config_invalid`.
[[nodiscard]] Result<JsonDocument> parse_json_document(
    std::string name, std::string_view text,
    const JsonLimits& limits = {.octets = 1U << 20U, .depth = 32, .elements = 100'000});

}  // namespace mintmark
