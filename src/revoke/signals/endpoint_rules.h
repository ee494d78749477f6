// Where events may be pushed to: a service names a URL, and this machine calls it.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/network.h"

namespace mintmark::revoke::signals {

/// Thread-safe.
class EndpointRules {
 public:
  /// `allowed`: networks that are not public, where receivers may stand all the same.
  explicit EndpointRules(std::vector<Network> allowed) : allowed_(std::move(allowed)) {}

  /// https, at most 1,024 octets, and, where the host is an address in digits (or a name of this
  /// machine), one that may be called. `ssf_endpoint_refused`.
  [[nodiscard]] Result<void> check(const std::string& url) const;
  /// Whether an address, in digits, may be called: a public one (the special-purpose registries of
  /// RFC 6890 name those that are not), or one of the networks allowed. What a name leads to is
  /// asked when it is called, each time.
  [[nodiscard]] bool may_call(const std::string& address) const;

 private:
  std::vector<Network> allowed_;
};

}  // namespace mintmark::revoke::signals
