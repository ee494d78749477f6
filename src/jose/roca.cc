#include "jose/roca.h"

#include <algorithm>
#include <array>

namespace mintmark::jose {
namespace {

// Of the first 38 odd primes those modulo which 65537 makes not every number: the others tell
// nothing.
constexpr std::array<std::uint32_t, 17> primes{11, 13, 17,  19,  37,  53,  61,  71, 73,
                                               79, 97, 103, 107, 109, 127, 151, 157};
constexpr std::uint32_t generator = 65537;

constexpr bool is_power_of_generator(std::uint32_t number, std::uint32_t prime) {
  std::uint32_t power = 1;
  do {
    if (power == number) return true;
    power = power * (generator % prime) % prime;
  } while (power != 1);
  return false;
}
static_assert(std::all_of(primes.begin(), primes.end(), [](std::uint32_t prime) {
  for (std::uint32_t number = 1; number < prime; ++number) {
    if (!is_power_of_generator(number, prime)) return true;
  }
  return false;
}));

std::uint32_t remainder(BytesView modulus, std::uint32_t prime) {
  std::uint32_t rest = 0;
  for (const std::uint8_t octet : modulus) rest = (rest << 8U | octet) % prime;
  return rest;
}

}  // namespace

bool has_roca_structure(BytesView modulus) {
  return std::all_of(primes.begin(), primes.end(), [modulus](std::uint32_t prime) {
    return is_power_of_generator(remainder(modulus, prime), prime);
  });
}

}  // namespace mintmark::jose
