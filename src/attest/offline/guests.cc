#include "attest/offline/guests.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace mintmark::attest::offline {

std::string time_text(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S+00:00", &parts);
  return text.data();
}

std::string number_text(std::uint64_t number, int digits) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%0*llx", digits,
                static_cast<unsigned long long>(number));
  return text.data();
}

bool looks_like_pem(BytesView octets) {
  const std::string_view text = as_text(octets).substr(0, 4096);
  const std::size_t begin = text.find("-----BEGIN ");
  // A quote has PEM inside, and octets that are no text before it.
  return begin != std::string_view::npos &&
         std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(begin),
                     [](char c) { return c >= 0x20 || c == '\n' || c == '\r' || c == '\t'; });
}

bool looks_like_der(BytesView octets) {
  return octets.size() > 2 && octets[0] == 0x30 && (octets[1] == 0x81 || octets[1] == 0x82);
}

}  // namespace mintmark::attest::offline
