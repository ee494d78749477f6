#include "api/address_limit.h"

#include <utility>

#include "api/answers.h"

namespace mintmark::api {

Result<void> AddressLimit::take(const http::Request& request) const {
  if (limit == nullptr) return {};
  return limit->take(address_of(request), issuer::RateLimit::Clock::now());
}

http::Handler limited(AddressLimit by_address, http::Handler handler) {
  return [by_address = std::move(by_address), handler = std::move(handler)](http::Request request,
                                                                            http::Respond respond) {
    if (auto free = by_address.take(request); !free) return respond(refusal(free.error()));
    handler(std::move(request), std::move(respond));
  };
}

}  // namespace mintmark::api
