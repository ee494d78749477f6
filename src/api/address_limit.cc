#include "api/address_limit.h"

namespace mintmark::api {

Result<void> AddressLimit::take(const http::Request& request) const {
  if (limit == nullptr) return {};
  return limit->take(address_of(request), issuer::RateLimit::Clock::now());
}

}  // namespace mintmark::api
