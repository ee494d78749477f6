// Octets: views, text, comparison, SHA-2, randomness.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mintmark {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;
using Sha256 = std::array<std::uint8_t, 32>;

[[nodiscard]] inline BytesView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline Bytes to_bytes(BytesView bytes) { return {bytes.begin(), bytes.end()}; }

/// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(BytesView bytes);
/// Either case; an odd length or a foreign character is `invalid_argument`.
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

/// Text of strangers for one line of a message: control characters become '?', and what is longer
/// than `longest` octets ends, at a whole character of UTF-8, in "...".
[[nodiscard]] std::string printable(std::string_view text, std::size_t longest = 80);

/// Compares without telling by its time where the two differ. Lengths are not secret.
[[nodiscard]] bool equal_in_constant_time(BytesView left, BytesView right);

[[nodiscard]] Sha256 sha256(BytesView bytes);
[[nodiscard]] inline Sha256 sha256(std::string_view text) { return sha256(as_bytes(text)); }

/// From the operating system's generator by OpenSSL; ends the process if that fails.
[[nodiscard]] Bytes random_bytes(std::size_t count);

}  // namespace mintmark
