// Little-endian octets, read from the front and never past their end.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace mintmark::attest::eventlog {

class Cursor {
 public:
  explicit Cursor(BytesView octets) : octets_(octets) {}

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::size_t left() const { return octets_.size() - at_; }
  [[nodiscard]] BytesView rest() const { return octets_.subspan(at_); }

  /// The next `count` octets; nothing, and nothing is read, where fewer are left.
  [[nodiscard]] std::optional<BytesView> take(std::uint64_t count) {
    if (count > left()) return std::nullopt;
    const BytesView taken = octets_.subspan(at_, static_cast<std::size_t>(count));
    at_ += taken.size();
    return taken;
  }
  template <typename Integer>
  [[nodiscard]] std::optional<Integer> number() {
    const auto taken = take(sizeof(Integer));
    if (!taken) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i) value |= std::uint64_t{(*taken)[i]} << 8U * i;
    return static_cast<Integer>(value);
  }

 private:
  BytesView octets_;
  std::size_t at_ = 0;
};

}  // namespace mintmark::attest::eventlog
