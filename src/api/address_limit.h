// How often an address may ask, whatever it asks and whatever comes of it.
#pragma once

#include "api/client_address.h"
#include "base/error.h"
#include "issuer/rate_limit.h"

namespace mintmark::api {

/// Before anything of a request is read: what comes too often costs next to nothing. Thread-safe;
/// what it refers to must outlive it.
struct AddressLimit {
  issuer::RateLimit* limit = nullptr;  ///< Null: as often as it likes.
  AddressOf address_of = {};

  /// Errors of RateLimit::take.
  [[nodiscard]] Result<void> take(const http::Request& request) const;
};

/// `handler`, where an address may ask; else the refusal.
[[nodiscard]] http::Handler limited(AddressLimit by_address, http::Handler handler);

}  // namespace mintmark::api
