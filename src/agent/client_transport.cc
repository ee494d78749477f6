#include "agent/transport.h"
#include "base/time.h"
#include "http/client.h"

namespace mintmark::agent {
namespace {

constexpr std::chrono::seconds usual_patience{30};

class ClientTransport final : public Transport {
 public:
  ClientTransport(std::chrono::milliseconds patience, const std::string& ca_file,
                  std::shared_ptr<const http::ClientIdentity> identity = nullptr)
      : patience_(patience),
        client_({.ca_file = ca_file, .unix_socket = "", .identity = std::move(identity)}) {}

  Result<http::Response> send(const std::string& method, const std::string& url,
                              const http::Headers& headers, const std::string& body) override {
    return client_.send(method, url, headers, body, Deadline::in(patience_));
  }

 private:
  std::chrono::milliseconds patience_;
  http::Client client_;
};

}  // namespace

std::unique_ptr<Transport> open_transport(const std::string& ca_file) {
  return open_transport_within(usual_patience, ca_file);
}

std::unique_ptr<Transport> open_transport_within(std::chrono::milliseconds patience,
                                                 const std::string& ca_file) {
  return std::make_unique<ClientTransport>(patience, ca_file);
}

std::unique_ptr<Transport> open_transport_as(const std::string& ca_file,
                                             std::shared_ptr<const http::ClientIdentity> identity) {
  return std::make_unique<ClientTransport>(usual_patience, ca_file, std::move(identity));
}

}  // namespace mintmark::agent
