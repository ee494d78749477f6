#include "verify/nonces.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdlib>

#include "jose/base64url.h"

namespace mintmark::verify {
namespace {

constexpr std::size_t number_octets = 8;
constexpr std::size_t mac_octets = 16;
constexpr std::string_view label = "mintmark nonce v1";

void append_number(Bytes& to, std::uint64_t number) {
  for (std::size_t i = 0; i < number_octets; ++i)
    to.push_back(static_cast<std::uint8_t>(number >> (8 * (number_octets - 1 - i))));
}

std::int64_t turn_of(Moment moment) { return to_unix(moment) / Nonces::turn.count(); }

}  // namespace

Nonces::Nonces(const Clock& clock) : clock_(clock) {
  Bytes random = random_bytes(32);
  key_ = Secret::take(random);
}

// The turn's number, big-endian, and the first half of the MAC over label, generation and number.
Bytes Nonces::value_of(std::int64_t turn_number, std::uint64_t generation) const {
  Bytes message = to_bytes(as_bytes(label));
  append_number(message, generation);
  Bytes value;
  append_number(value, static_cast<std::uint64_t>(turn_number));
  message.insert(message.end(), value.begin(), value.end());
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  const BytesView key = key_.view();
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
           mac.data(), &size) == nullptr) {
    std::abort();  // HMAC-SHA-256 with valid arguments cannot fail.
  }
  value.insert(value.end(), mac.begin(), mac.begin() + mac_octets);
  return value;
}

std::string Nonces::fresh() {
  const std::int64_t now = turn_of(clock_.now());
  const std::uint64_t generation = generation_;
  const MutexLock lock(mutex_);
  if (now != present_turn_ || generation != present_generation_) {
    present_ = jose::base64url(value_of(now, generation));
    present_turn_ = now;
    present_generation_ = generation;
  }
  return present_;
}

bool Nonces::is_good(std::string_view nonce) const {
  const auto value = jose::from_base64url(nonce);
  if (!value || value->size() != number_octets + mac_octets) return false;
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < number_octets; ++i) number = number << 8U | (*value)[i];
  const std::int64_t now = turn_of(clock_.now());
  const auto turn_number = static_cast<std::int64_t>(number);
  if (turn_number > now || turn_number < now - life / turn) return false;
  return equal_in_constant_time(*value, value_of(turn_number, generation_));
}

}  // namespace mintmark::verify
