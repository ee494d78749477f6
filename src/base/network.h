// Networks by which peers are known.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace mintmark {

/// A network of IPv4 or IPv6 addresses; IPv4 is kept as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2).
class Network {
 public:
  /// "192.0.2.7", "192.0.2.0/24", "2001:db8::/32"; nullopt for anything else, and where bits stand
  /// behind the prefix.
  [[nodiscard]] static std::optional<Network> parse(const std::string& text);
  /// An address in digits.
  [[nodiscard]] bool contains(const std::string& address) const;

 private:
  using Octets = std::array<std::uint8_t, 16>;
  [[nodiscard]] static std::optional<Octets> octets_of(const std::string& address);
  Octets octets_{};
  unsigned prefix_ = 128;
};

}  // namespace mintmark
