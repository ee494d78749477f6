#include "attest/x509/times.h"

#include <ctime>

namespace mintmark::attest::x509 {

Moment moment_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return from_unix(timegm(&parts));
}

}  // namespace mintmark::attest::x509
