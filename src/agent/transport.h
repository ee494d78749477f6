// The agent's way out as a port: tests put an issuer of their own behind it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "http/message.h"

namespace mintmark::http {
struct ClientIdentity;
}

namespace mintmark::agent {

/// One HTTP exchange. Errors as of http::Client. Not thread-safe.
class Transport {
 public:
  virtual ~Transport() = default;
  [[nodiscard]] virtual Result<http::Response> send(const std::string& method,
                                                    const std::string& url,
                                                    const http::Headers& headers,
                                                    const std::string& body) = 0;
};

/// Over TLS, 30 seconds a call. `ca_file`: PEM of the roots to trust; "": the system's.
[[nodiscard]] std::unique_ptr<Transport> open_transport(const std::string& ca_file);
/// The same with another patience.
[[nodiscard]] std::unique_ptr<Transport> open_transport_within(std::chrono::milliseconds patience,
                                                               const std::string& ca_file);
/// The same as a client with a certificate.
[[nodiscard]] std::unique_ptr<Transport> open_transport_as(
    const std::string& ca_file, std::shared_ptr<const http::ClientIdentity> identity);

}  // namespace mintmark::agent
