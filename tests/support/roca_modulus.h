// A modulus of the flawed make of CVE-2017-15361 ("ROCA"), whose factors nobody knows.
#pragma once

#include <algorithm>

#include "base/bytes.h"

namespace mintmark::test {

/// 2048 bits. Modulo 11, 13, 17 and the other primes that tell it is 1, so a power of 65537.
inline Bytes roca_modulus() {
  Bytes modulus(256);
  modulus.front() = 0x80;
  const Bytes end = from_hex("104dd685c543e3cc7d3715a6cf").value();
  std::copy(end.rbegin(), end.rend(), modulus.rbegin());
  return modulus;
}

}  // namespace mintmark::test
