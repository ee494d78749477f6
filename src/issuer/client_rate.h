// How often one client may ask.
#pragma once

#include <string>

#include "issuer/rate_limit.h"
#include "issuer/services.h"

namespace mintmark::issuer {

/// A figure for devices and one for services: a service asks for all the devices that come to it.
/// Thread-safe.
class ClientRate {
 public:
  static constexpr std::size_t devices_remembered = 1U << 17U;  ///< Some 20 MB, all in use.
  static constexpr std::size_t services_remembered = 1U << 12U;

  /// `services` must outlive it.
  explicit ClientRate(const Services& services) : services_(services) {}

  /// 0: as often as they like. Holds from the next request on.
  void set(unsigned per_device_per_minute, unsigned per_service_per_minute) {
    of_device_.set(per_device_per_minute);
    of_service_.set(per_service_per_minute);
  }

  /// Counts one more of `client`, once it is proven: nobody uses up what is another's. As
  /// RateLimit::take.
  [[nodiscard]] Result<void> take(const std::string& client, RateLimit::Clock::time_point now) {
    return (services_.knows(client) ? of_service_ : of_device_).take(client, now);
  }

 private:
  const Services& services_;
  RateLimit of_device_{Code::rate_of_device, "of this device", devices_remembered};
  RateLimit of_service_{Code::rate_of_device, "of this service", services_remembered};
};

}  // namespace mintmark::issuer
